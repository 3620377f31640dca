//! How long the signature checks that were taken on will take, so that no more are taken
//! on than can be done in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Checks that were taken on and are not done yet.
#[derive(Debug)]
pub(super) struct Backlog {
    /// By the time that they should take on an idle core.
    nanoseconds: AtomicU64,
    /// How much longer they take in fact, in parts of [`ONE`]: other processes and slower
    /// machines have their share.
    pace: AtomicU64,
    workers: u64,
    limit: Duration,
}

/// A part of the backlog; it goes with the value.
#[derive(Debug)]
pub(super) struct Load {
    backlog: Arc<Backlog>,
    nanoseconds: u64,
}

const ONE: u64 = 1024;

impl Backlog {
    /// Of checks done on so many threads; `limit` is how long one may have to wait.
    pub(super) fn new(workers: usize, limit: Duration) -> Arc<Self> {
        let workers = u64::try_from(workers).unwrap_or(1).max(1);
        let (nanoseconds, pace) = (AtomicU64::new(0), AtomicU64::new(ONE));
        Arc::new(Self { nanoseconds, pace, workers, limit })
    }

    /// Whether a check that is taken on now would have to wait too long: longer than the
    /// limit, or than half of the caller's patience, so that there is time left for the
    /// check and the way back. What is asked of an idle daemon is never too much.
    ///
    /// `lag` is how long it waits before anything of it is begun. The longer of both counts and
    /// not their sum: what makes the threads late are, where there are many slices, these very
    /// checks.
    pub(super) fn is_full(&self, patience: Option<Duration>, lag: Duration) -> bool {
        let nanoseconds = self.nanoseconds.load(Ordering::Relaxed) / self.workers;
        let pace = self.pace.load(Ordering::Relaxed);
        // Batches take turns slice by slice, so that those in work are half done on the
        // average: a new one shares the threads with all of them until its own end, and
        // waits for about twice of what is left.
        let wait = Duration::from_nanos(nanoseconds.saturating_mul(2 * pace) / ONE);
        wait.max(lag) > patience.map_or(self.limit, |patience| (patience / 2).min(self.limit))
    }

    /// Takes on checks that should take `cost`.
    pub(super) fn take(self: &Arc<Self>, cost: Duration) -> Load {
        let nanoseconds = whole(cost);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        Load { backlog: Arc::clone(self), nanoseconds }
    }

    /// Takes note of checks that should have taken `cost`, and took `took`.
    pub(super) fn learn(&self, cost: Duration, took: Duration) {
        let seen = whole(took).saturating_mul(ONE) / whole(cost).max(1);
        // Within reason: a thread that was stopped for long tells nothing of the next one.
        let seen = seen.clamp(ONE / 8, ONE * 16);
        // Lossy where two threads learn at once, which does no harm.
        let before = self.pace.load(Ordering::Relaxed);
        self.pace.store((before * 31 + seen) / 32, Ordering::Relaxed);
    }
}

impl Load {
    /// A part of it is done.
    pub(super) fn shrink(&mut self, cost: Duration) {
        let part = whole(cost).min(self.nanoseconds);
        self.nanoseconds -= part;
        self.backlog.nanoseconds.fetch_sub(part, Ordering::Relaxed);
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.backlog.nanoseconds.fetch_sub(self.nanoseconds, Ordering::Relaxed);
    }
}

fn whole(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const NONE: Duration = Duration::ZERO;

    #[test]
    fn what_waits_too_long_is_not_taken_on_and_everything_comes_back() {
        let backlog = Backlog::new(2, MS * 100);
        // Alone, even a large one is taken.
        assert!(!backlog.is_full(None, NONE));
        let mut large = backlog.take(MS * 120);
        assert!(backlog.is_full(None, NONE));
        large.shrink(MS * 30);
        assert!(!backlog.is_full(None, NONE) && !backlog.is_full(Some(MS * 190), NONE));
        assert!(backlog.is_full(Some(MS * 170), NONE), "the caller does not wait so long");
        drop(large);
        assert!(!backlog.is_full(Some(Duration::ZERO), NONE));
        let some = backlog.take(MS * 90);
        assert!(!backlog.is_full(None, MS * 90), "one and the same wait is not counted twice");
        assert!(backlog.is_full(None, MS * 101));
        drop(some);
        assert_eq!(backlog.nanoseconds.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_slow_machine_is_noticed() {
        let backlog = Backlog::new(1, MS * 100);
        let _load = backlog.take(MS * 20);
        for _ in 0..200 {
            backlog.learn(MS, MS * 4);
        }
        assert!(backlog.is_full(None, NONE));
        for _ in 0..200 {
            backlog.learn(MS, MS);
        }
        assert!(!backlog.is_full(None, NONE));
        backlog.learn(Duration::ZERO, MS * 1000);
        backlog.learn(MS, Duration::MAX);
    }
}
