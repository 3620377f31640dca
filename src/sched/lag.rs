//! How long a task waits for a thread of the runtime. What fits one slice is done on the
//! spot and waits in no queue of ours: where very many such calls come at once, they wait in
//! that of the runtime.

use crate::clock::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::yield_now;

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
pub(super) const EVERY: Duration = Duration::from_millis(10);

/// How long a measurement tells something.
const FRESH: Duration = Duration::from_secs(1);

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

    /// Measures it from `now` on, if that is due.
    pub(super) fn measure(self: &Arc<Self>, now: Instant) {
        let next = self.next.load(Ordering::Relaxed);
        let due = next <= self.place(now)
            && self
                .next
                .compare_exchange(next, RUNNING, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if due {
            let lag = Arc::clone(self);
            tokio::spawn(async move {
                // A task that is spawned may be the very next one; one that yields is the last.
                yield_now().await;
                let end = lag.clock.monotonic();
                let waited = whole(end.saturating_duration_since(now));
                lag.nanoseconds.store(waited, Ordering::Relaxed);
                lag.measured.store(lag.place(end), Ordering::Relaxed);
                let next = lag.place(end).saturating_add(whole(EVERY));
                lag.next.store(next, Ordering::Relaxed);
            });
        }
    }

    fn place(&self, moment: Instant) -> u64 {
        whole(moment.saturating_duration_since(self.begin))
    }
}

fn whole(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(RUNNING - 1)
}
