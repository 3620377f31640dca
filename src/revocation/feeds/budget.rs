//! How many bad events a feed may be troubled with: a flood of them costs the workers of
//! verification a bounded part of their time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A bound on work: a burst after a calm time, and then a rate. Good events give back what they
/// took.
#[derive(Debug)]
pub(super) struct Budget {
    burst: u32,
    /// The time in which one more may be taken.
    each: Duration,
    left: Mutex<Left>,
}

#[derive(Debug)]
struct Left {
    count: u32,
    since: Instant,
}

impl Budget {
    /// The budget for reading what was sent: 2,000 a second, 4,000 at once.
    pub(super) fn of_reading(now: Instant) -> Self {
        Self::new(4_000, Duration::from_micros(500), now)
    }

    /// The budget for checks of signatures, which cost the most: 200 a second, 400 at once.
    pub(super) fn of_checks(now: Instant) -> Self {
        Self::new(400, Duration::from_millis(5), now)
    }

    fn new(burst: u32, each: Duration, now: Instant) -> Self {
        Self { burst, each, left: Mutex::new(Left { count: burst, since: now }) }
    }

    /// Takes one, if one is left.
    pub(super) fn take(&self, now: Instant) -> bool {
        let Self { burst, each, left } = self;
        let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(left.since);
        let came = passed.as_micros().checked_div(each.as_micros()).unwrap_or_default();
        let came = u32::try_from(came).unwrap_or(u32::MAX);
        left.count = left.count.saturating_add(came).min(*burst);
        // What has passed of the next one is kept, but not above the brim.
        left.since = if left.count == *burst {
            now
        } else {
            left.since.checked_add(each.saturating_mul(came)).unwrap_or(now)
        };
        let fits = left.count > 0;
        left.count = left.count.saturating_sub(1);
        fits
    }

    /// Gives one back.
    pub(super) fn give_back(&self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.count = left.count.saturating_add(1).min(self.burst);
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
        let budget = Budget::of_checks(begin);
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
