//! How many calls a connection has, and for how long it had none.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How many calls of one connection are open, in the lower half, and how many were begun,
/// in the upper one, where it may wrap.
#[derive(Debug, Default)]
pub(super) struct Calls(AtomicU64);

const BEGUN: u64 = 1 << 32;

/// How many parts the time-out is looked at in.
const PARTS: u32 = 4;

impl Calls {
    /// A call begins.
    pub(super) fn begin(&self) {
        self.0.fetch_add(BEGUN | 1, Ordering::Relaxed);
    }

    /// A call ends.
    pub(super) fn end(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether none is open.
    pub(super) fn are_none(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_multiple_of(BEGUN)
    }

    /// Resolves when there was no call for `span`, or a quarter more.
    pub(super) async fn none_for(&self, span: Option<Duration>) {
        let Some(span) = span else { return std::future::pending().await };
        let mut ticks = tokio::time::interval(span / PARTS);
        let mut quiet = Quiet::new();
        loop {
            ticks.tick().await;
            if quiet.look(self.0.load(Ordering::Relaxed)) {
                return;
            }
        }
    }
}

/// For how many looks there was no call.
#[derive(Debug)]
struct Quiet {
    before: u64,
    looks: u32,
}

impl Quiet {
    fn new() -> Self {
        // The beginning of the connection counts as a call.
        Self { before: 1, looks: 0 }
    }

    /// Whether there was no call for all parts of the time-out.
    fn look(&mut self, now: u64) -> bool {
        let none = now == self.before && now.is_multiple_of(BEGUN);
        self.looks = if none { self.looks.saturating_add(1) } else { 0 };
        self.before = now;
        self.looks >= PARTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_idle_when_nobody_called_for_the_whole_span() {
        let (calls, mut quiet) = (Calls::default(), Quiet::new());
        let mut looks = |calls: &Calls, count: u32| {
            (0..count).filter(|_| quiet.look(calls.0.load(Ordering::Relaxed))).count()
        };
        assert_eq!(looks(&calls, PARTS), 0);
        calls.begin();
        assert_eq!(looks(&calls, 3 * PARTS), 0, "a call is open");
        calls.end();
        assert_eq!(looks(&calls, PARTS), 0, "it ended within the last part");
        // A call that begins and ends between two looks counts too.
        calls.begin();
        calls.end();
        assert_eq!(looks(&calls, PARTS), 0);
        assert_eq!(looks(&calls, 1), 1);
    }
}
