//! Counts the calls of a connection, and measures its idle time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The number of open calls of one connection in the lower half, and the number of started calls in
/// the upper half, where it may wrap.
#[derive(Debug, Default)]
pub(super) struct Calls(AtomicU64);

const BEGUN: u64 = 1 << 32;

/// The number of checks per timeout.
const PARTS: u32 = 4;

impl Calls {
    /// Records the start of a call.
    pub(super) fn begin(&self) {
        self.0.fetch_add(BEGUN | 1, Ordering::Relaxed);
    }

    /// Records the end of a call.
    pub(super) fn end(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Returns true if no call is open.
    pub(super) fn are_none(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_multiple_of(BEGUN)
    }

    /// Resolves when there was no call for `span`, or up to a quarter longer.
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

/// Counts consecutive checks without a call.
#[derive(Debug)]
struct Quiet {
    before: u64,
    looks: u32,
}

impl Quiet {
    fn new() -> Self {
        // The start of the connection counts as a call.
        Self { before: 1, looks: 0 }
    }

    /// Returns true if there was no call for the whole timeout.
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
        // A call that begins and ends between two checks counts too.
        calls.begin();
        calls.end();
        assert_eq!(looks(&calls, PARTS), 0);
        assert_eq!(looks(&calls, 1), 1);
    }
}
