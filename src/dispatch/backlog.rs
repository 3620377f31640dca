//! Estimates the time to finish the accepted work, so that no more is accepted than can be done in
//! time.

use super::admission::Admission;
use super::resource::Resource;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The accepted work that is not done yet, as counted by [`Resource::Work`].
#[derive(Debug)]
pub(super) struct Backlog {
    admission: Arc<Admission>,
    /// The ratio of actual to estimated time, in units of [`ONE`]: other processes and slower
    /// machines increase it.
    pace: AtomicU64,
    workers: u64,
    limit: Duration,
}

const ONE: u64 = 1024;

impl Backlog {
    /// Creates a backlog for `workers` threads; `limit` is the longest acceptable wait.
    pub(super) fn new(admission: Arc<Admission>, workers: usize, limit: Duration) -> Arc<Self> {
        let workers = u64::try_from(workers).unwrap_or(1).max(1);
        Arc::new(Self { admission, pace: AtomicU64::new(ONE), workers, limit })
    }

    /// Returns true if a check accepted now would wait longer than the limit, or than half of the
    /// caller's remaining time, which leaves time for the check and the response. An idle daemon
    /// accepts any request.
    ///
    /// `lag` is the time before any of the work starts. The longer of both estimates counts, not
    /// their sum: with many slices, these very checks cause the lag.
    pub(super) fn is_full(&self, patience: Option<Duration>, lag: Duration) -> bool {
        let taken = self.admission.taken(Resource::Work);
        let nanoseconds = u64::try_from(taken).unwrap_or(u64::MAX).saturating_mul(1000);
        let pace = self.pace.load(Ordering::Relaxed);
        // Batches alternate slice by slice, so that those in progress are half done on average. A
        // new one shares the threads with all of them until its own end, and waits for about twice
        // the remaining work.
        let wait = (nanoseconds / self.workers).saturating_mul(2 * pace) / ONE;
        let most = patience.map_or(self.limit, |patience| (patience / 2).min(self.limit));
        Duration::from_nanos(wait).max(lag) > most
    }

    /// Records that checks with the estimate `cost` took `took`.
    pub(super) fn learn(&self, cost: Duration, took: Duration) {
        let seen = whole(took).saturating_mul(ONE) / whole(cost).max(1);
        // Clamped, because the measurement of a suspended thread says nothing about the next one.
        let seen = seen.clamp(ONE / 8, ONE * 16);
        // Two threads may overwrite each other's update, which is harmless.
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

    /// A backlog, with work for it in milliseconds.
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
        // An idle daemon accepts even a large request.
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
