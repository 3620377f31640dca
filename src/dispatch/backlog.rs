//! How long the work that was taken on will take, so that no more is taken on than can be
//! done in time.

use super::admission::Admission;
use super::resource::Resource;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What was taken on and is not done yet, as [`Resource::Work`] tells it.
#[derive(Debug)]
pub(super) struct Backlog {
    admission: Arc<Admission>,
    /// How much longer it takes in fact, in parts of [`ONE`]: other processes and slower
    /// machines have their share.
    pace: AtomicU64,
    workers: u64,
    limit: Duration,
}

const ONE: u64 = 1024;

impl Backlog {
    /// Of work done on so many threads; `limit` is how long something may have to wait.
    pub(super) fn new(admission: Arc<Admission>, workers: usize, limit: Duration) -> Arc<Self> {
        let workers = u64::try_from(workers).unwrap_or(1).max(1);
        Arc::new(Self { admission, pace: AtomicU64::new(ONE), workers, limit })
    }

    /// Whether a check that is taken on now would have to wait too long: longer than the
    /// limit, or than half of the caller's patience, so that there is time left for the
    /// check and the way back. What is asked of an idle daemon is never too much.
    ///
    /// `lag` is how long it waits before anything of it is begun. The longer of both counts and
    /// not their sum: what makes the threads late are, where there are many slices, these very
    /// checks.
    pub(super) fn is_full(&self, patience: Option<Duration>, lag: Duration) -> bool {
        let taken = self.admission.taken(Resource::Work);
        let nanoseconds = u64::try_from(taken).unwrap_or(u64::MAX).saturating_mul(1000);
        let pace = self.pace.load(Ordering::Relaxed);
        // Batches take turns slice by slice, so that those in work are half done on the
        // average: a new one shares the threads with all of them until its own end, and
        // waits for about twice of what is left.
        let wait = (nanoseconds / self.workers).saturating_mul(2 * pace) / ONE;
        let most = patience.map_or(self.limit, |patience| (patience / 2).min(self.limit));
        Duration::from_nanos(wait).max(lag) > most
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

fn whole(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::{Account, Amounts, Peer, Permit};

    const MS: Duration = Duration::from_millis(1);
    const NONE: Duration = Duration::ZERO;

    /// A backlog, and work of so many milliseconds for it.
    fn begin(workers: usize) -> (Arc<Backlog>, Arc<Account>) {
        let admission = Admission::new(Amounts::default());
        let account = admission.account(Peer::Unknown);
        (Backlog::new(admission, workers, MS * 100), account)
    }

    fn take(account: &Arc<Account>, milliseconds: usize) -> Permit {
        account.charge(Resource::Work, milliseconds * 1000)
    }

    #[test]
    fn what_waits_too_long_is_not_taken_on_and_everything_comes_back() {
        let (backlog, account) = begin(2);
        // Alone, even a large one is taken.
        assert!(!backlog.is_full(None, NONE));
        let mut large = take(&account, 120);
        assert!(backlog.is_full(None, NONE));
        large.shrink(30_000);
        assert!(!backlog.is_full(None, NONE) && !backlog.is_full(Some(MS * 190), NONE));
        assert!(backlog.is_full(Some(MS * 170), NONE), "the caller does not wait so long");
        drop(large);
        assert!(!backlog.is_full(Some(Duration::ZERO), NONE));
        let some = take(&account, 90);
        assert!(!backlog.is_full(None, MS * 90), "one and the same wait is not counted twice");
        assert!(backlog.is_full(None, MS * 101));
        drop(some);
        assert_eq!(backlog.admission.taken(Resource::Work), 0);
    }

    #[test]
    fn a_slow_machine_is_noticed() {
        let (backlog, account) = begin(1);
        let _load = take(&account, 20);
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
