//! Measures how long a task waits for a thread of the runtime. Work that fits one slice is done
//! inline and waits in none of our queues: a flood of such calls waits in the runtime's queue.

use crate::clock::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, yield_now};

/// The last measurement of the lag.
#[derive(Debug)]
pub(super) struct Lag {
    clock: Clock,
    begin: Instant,
    nanoseconds: AtomicU64,
    /// The time of the measurement, in nanoseconds since `begin`.
    measured: AtomicU64,
    /// The time of the next measurement; [`RUNNING`] while one is in progress.
    next: AtomicU64,
}

const RUNNING: u64 = u64::MAX;

/// The least time between measurements.
const EVERY: Duration = Duration::from_millis(10);

/// The time for which a measurement is valid.
pub(super) const FRESH: Duration = Duration::from_secs(1);

impl Lag {
    pub(super) fn new(clock: Clock) -> Arc<Self> {
        let begin = clock.monotonic();
        let [nanoseconds, measured, next] = [const { AtomicU64::new(0) }; 3];
        Arc::new(Self { clock, begin, nanoseconds, measured, next })
    }

    /// The measured lag, or zero if the measurement is old.
    pub(super) fn at(&self, now: Instant) -> Duration {
        let age = self.place(now).saturating_sub(self.measured.load(Ordering::Relaxed));
        if Duration::from_nanos(age) > FRESH {
            return Duration::ZERO;
        }
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    /// Starts a measurement at `now` if one is due, and returns its task.
    pub(super) fn measure(self: &Arc<Self>, now: Instant) -> Option<JoinHandle<()>> {
        let next = self.next.load(Ordering::Relaxed);
        let due = next <= self.place(now)
            && self
                .next
                .compare_exchange(next, RUNNING, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        let lag = due.then(|| Arc::clone(self))?;
        Some(tokio::spawn(async move {
            // A spawned task may run next; a task that yields goes to the end of the queue.
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
        // Other tasks occupy the thread.
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
