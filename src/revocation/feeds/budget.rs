//! How many bad events a feed may be troubled with: a flood of them costs the workers of
//! verification a bounded part of their time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many at once after a calm time.
const BURST: u32 = 400;

/// The time in which one more may be looked at: 200 a second.
const EACH: Duration = Duration::from_millis(5);

/// What is left of the budget. Good events give back what they took.
#[derive(Debug)]
pub(super) struct Budget(Mutex<Left>);

#[derive(Debug)]
struct Left {
    count: u32,
    since: Instant,
}

impl Budget {
    /// All of it is left.
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(Left { count: BURST, since: now }))
    }

    /// Takes one, if one is left.
    pub(super) fn take(&self, now: Instant) -> bool {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(left.since);
        let came = passed.as_millis().checked_div(EACH.as_millis()).unwrap_or_default();
        let came = u32::try_from(came).unwrap_or(u32::MAX);
        left.count = left.count.saturating_add(came).min(BURST);
        // What has passed of the next one is kept, but not above the brim.
        left.since = if left.count == BURST {
            now
        } else {
            left.since.checked_add(EACH.saturating_mul(came)).unwrap_or(now)
        };
        let fits = left.count > 0;
        left.count = left.count.saturating_sub(1);
        fits
    }

    /// Gives one back.
    pub(super) fn give_back(&self) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        left.count = left.count.saturating_add(1).min(BURST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;
    use jwtd_core::jose::UnixTime;

    #[test]
    fn a_flood_is_looked_at_by_the_rate_and_good_events_cost_nothing() {
        let begin = VirtualClock::at(UnixTime::from_seconds(0)).clock().monotonic();
        let budget = Budget::new(begin);
        let taken = |now| (0..10_000).filter(|_| budget.take(now)).count();
        assert_eq!(taken(begin), 400);
        assert_eq!(taken(begin + Duration::from_millis(4)), 0);
        assert_eq!(taken(begin + Duration::from_millis(5)), 1, "the rest of a span is kept");
        assert_eq!(taken(begin + Duration::from_millis(1005)), 200);
        assert_eq!(taken(begin + Duration::from_secs(3600)), 400);
        let later = begin + Duration::from_secs(7200);
        for _ in 0..10_000 {
            assert!(budget.take(later));
            budget.give_back();
        }
        assert_eq!(taken(later), 400);
    }
}
