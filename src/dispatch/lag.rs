//! How long a task waits for a thread of the runtime. What fits one slice is done on the
//! spot and waits in no queue of ours: where very many such calls come at once, they wait in
//! that of the runtime.

use crate::clock::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, yield_now};

/// The last measurement of the wait.
#[derive(Debug)]
pub(super) struct Lag {
    clock: Clock,
    begin: Instant,
    nanoseconds: AtomicU64,
    /// When that was measured, in nanoseconds since the beginning.
    measured: AtomicU64,
    /// When to measure again; [`RUNNING`] while a measurement is under way.
    next: AtomicU64,
}

const RUNNING: u64 = u64::MAX;

/// How often it is measured at most.
const EVERY: Duration = Duration::from_millis(10);

/// How long a measurement tells something.
pub(super) const FRESH: Duration = Duration::from_secs(1);

impl Lag {
    pub(super) fn new(clock: Clock) -> Arc<Self> {
        let begin = clock.monotonic();
        let [nanoseconds, measured, next] = [const { AtomicU64::new(0) }; 3];
        Arc::new(Self { clock, begin, nanoseconds, measured, next })
    }

    /// How long a task had to wait, if it was measured lately.
    pub(super) fn at(&self, now: Instant) -> Duration {
        let age = self.place(now).saturating_sub(self.measured.load(Ordering::Relaxed));
        if Duration::from_nanos(age) > FRESH {
            return Duration::ZERO;
        }
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    /// Measures it from `now` on, if that is due: the task that does so.
    pub(super) fn measure(self: &Arc<Self>, now: Instant) -> Option<JoinHandle<()>> {
        let next = self.next.load(Ordering::Relaxed);
        let due = next <= self.place(now)
            && self
                .next
                .compare_exchange(next, RUNNING, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        let lag = due.then(|| Arc::clone(self))?;
        Some(tokio::spawn(async move {
            // A task that is spawned may be the very next one; one that yields is the last.
            yield_now().await;
            let end = lag.clock.monotonic();
            let waited = whole(end.saturating_duration_since(now));
            lag.nanoseconds.store(waited, Ordering::Relaxed);
            lag.measured.store(lag.place(end), Ordering::Relaxed);
            let next = lag.place(end).saturating_add(whole(EVERY));
            lag.next.store(next, Ordering::Relaxed);
        }))
    }

    fn place(&self, moment: Instant) -> u64 {
        whole(moment.saturating_duration_since(self.begin))
    }
}

fn whole(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(RUNNING - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;
    use jwtd_core::jose::UnixTime;

    const SECOND: Duration = Duration::from_secs(1);
    const TICK: Duration = Duration::from_nanos(1);

    #[tokio::test]
    async fn the_wait_for_a_thread_is_measured_now_and_then_and_forgotten() {
        let time = VirtualClock::at(UnixTime::from_seconds(0));
        let (clock, lag) = (time.clock(), Lag::new(time.clock()));
        let running = lag.measure(clock.monotonic()).unwrap();
        assert!(lag.measure(clock.monotonic()).is_none(), "one at a time");
        assert_eq!(lag.at(clock.monotonic()), Duration::ZERO);
        // Others have the thread.
        time.advance(SECOND * 5);
        running.await.unwrap();
        assert_eq!(lag.at(clock.monotonic()), SECOND * 5);
        time.advance(EVERY - TICK);
        assert!(lag.measure(clock.monotonic()).is_none(), "not so soon");
        time.advance(TICK);
        lag.measure(clock.monotonic()).unwrap().await.unwrap();
        assert_eq!(lag.at(clock.monotonic()), Duration::ZERO);
        time.advance(EVERY);
        let running = lag.measure(clock.monotonic()).unwrap();
        time.advance(SECOND);
        running.await.unwrap();
        time.advance(FRESH);
        assert_eq!(lag.at(clock.monotonic()), SECOND);
        time.advance(TICK);
        assert_eq!(lag.at(clock.monotonic()), Duration::ZERO);
    }
}
