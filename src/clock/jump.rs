//! Detects jumps of the wall clock: somebody set it, or the machine was suspended, which stops the
//! monotonic clock alone.

use super::Clock;
use std::time::{Duration, Instant, SystemTime};

/// A jump of the wall clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Jump {
    /// To an earlier time.
    Backward(Duration),
    /// To a later time.
    Forward(Duration),
}

impl Jump {
    /// The directions, as labels of metrics.
    pub const DIRECTIONS: [&str; 2] = ["backward", "forward"];

    /// The direction, as a label of metrics.
    #[must_use]
    pub const fn direction(self) -> &'static str {
        match self {
            Self::Backward(_) => "backward",
            Self::Forward(_) => "forward",
        }
    }

    /// The distance.
    #[must_use]
    pub const fn span(self) -> Duration {
        match self {
            Self::Backward(span) | Self::Forward(span) => span,
        }
    }
}

/// The wall time and the monotonic time of a clock, read together.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    wall: SystemTime,
    monotonic: Instant,
    /// The uncertainty: the time between the first and the last look at the clocks.
    doubt: Duration,
}

/// The smallest difference that counts as a jump. Time services slew the clock by at most a tenth
/// (chrony), and leap seconds are one second: neither is a jump between readings that are a second
/// apart.
const LEAST: Duration = Duration::from_secs(2);

impl Clock {
    /// Reads both times.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let monotonic = self.monotonic();
        let wall = self.timestamp();
        Reading { wall, monotonic, doubt: self.since(monotonic) }
    }
}

impl Reading {
    /// The jump between this reading and a later one of the same clock, if it is longer than two
    /// seconds.
    #[must_use]
    pub fn jump_to(&self, later: &Self) -> Option<Jump> {
        let passed = later.monotonic.saturating_duration_since(self.monotonic);
        let expected = self.wall.checked_add(passed)?;
        let jump = match later.wall.duration_since(expected) {
            Ok(ahead) => Jump::Forward(ahead),
            Err(behind) => Jump::Backward(behind.duration()),
        };
        let least = LEAST.saturating_add(self.doubt).saturating_add(later.doubt);
        (jump.span() > least).then_some(jump)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;
    use jwtd_core::jose::UnixTime;

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn a_jump_is_told_from_time_that_passes() {
        let time = VirtualClock::at(UnixTime::from_seconds(NOW));
        let clock = time.clock();
        let jump = |seconds: i64| {
            let before = clock.reading();
            time.advance(Duration::from_secs(3600));
            let now = clock.wall().seconds();
            time.set_wall(UnixTime::from_seconds(now + seconds));
            before.jump_to(&clock.reading())
        };
        assert_eq!(jump(0), None);
        assert_eq!((jump(2), jump(-2)), (None, None), "as small as what a time service does");
        assert_eq!(jump(3), Some(Jump::Forward(Duration::from_secs(3))));
        assert_eq!(jump(86_400), Some(Jump::Forward(Duration::from_secs(86_400))));
        assert_eq!(jump(-90_000), Some(Jump::Backward(Duration::from_secs(90_000))));
        assert_eq!(jump(-5).unwrap().direction(), "backward");
        // To a time before 1970.
        assert_eq!(jump(-NOW - 90_000), Some(Jump::Backward(Duration::from_secs(1_800_090_000))));
    }

    #[test]
    fn a_thread_that_was_held_up_between_both_looks_has_seen_no_jump() {
        let clock = VirtualClock::at(UnixTime::from_seconds(NOW)).clock();
        let before = clock.reading();
        let held_up = Duration::from_secs(5);
        let late = Reading { wall: before.wall + held_up, doubt: held_up, ..before };
        assert_eq!(before.jump_to(&late), None);
    }
}
