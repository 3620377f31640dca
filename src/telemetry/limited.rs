//! Rate limit for log lines that a peer can provoke: at most ten in five seconds from one place in
//! the code. The next written line gives the number of suppressed ones.

use crate::clock::Clock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Logs a line that a peer can provoke. The arguments are a [`Clock`], a level of
/// [`tracing::Level`], and then those of `tracing::event!`. `tests/tidy.rs` refuses any other log
/// line in code that serves peers.
macro_rules! limited {
    ($clock:expr, $level:ident, $($line:tt)+) => {{
        static LINES: $crate::telemetry::LineLimit = $crate::telemetry::LineLimit::new();
        if ::tracing::enabled!(::tracing::Level::$level)
            && let Some(held_back) = LINES.take(&$clock)
        {
            ::tracing::event!(::tracing::Level::$level, held_back, $($line)+);
        }
    }};
}

pub(crate) use limited;

/// The most lines of one place in [`SPAN`].
const LINES: u32 = 10;

const SPAN: Duration = Duration::from_secs(5);

/// The number of suppressed lines of this process.
static HELD_BACK: AtomicU64 = AtomicU64::new(0);

/// Returns the number of suppressed lines of this process.
pub(super) fn held_back() -> u64 {
    HELD_BACK.load(Ordering::Relaxed)
}

/// Limits the lines of one place in the code.
#[derive(Debug)]
pub struct LineLimit(Mutex<Lines>);

#[derive(Debug)]
struct Lines {
    begin: Option<Instant>,
    written: u32,
    held_back: u64,
}

impl Default for LineLimit {
    fn default() -> Self {
        Self::new()
    }
}

impl LineLimit {
    /// Creates a limit without any lines.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Lines { begin: None, written: 0, held_back: 0 }))
    }

    /// Returns `Some` if a line may be written now, with the number of lines suppressed since the
    /// last one, if any.
    #[must_use]
    pub fn take(&self, clock: &Clock) -> Option<Option<u64>> {
        let mut span = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |begin| clock.since(begin) >= SPAN;
        if span.begin.is_none_or(over) {
            (span.begin, span.written) = (Some(clock.monotonic()), 0);
        }
        if span.written >= LINES {
            span.held_back = span.held_back.saturating_add(1);
            HELD_BACK.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        span.written = span.written.saturating_add(1);
        let held_back = std::mem::take(&mut span.held_back);
        Some((held_back > 0).then_some(held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;
    use jwtd_core::jose::UnixTime;

    #[test]
    fn ten_lines_are_written_and_the_next_says_how_many_were_not() {
        let time = VirtualClock::at(UnixTime::from_seconds(0));
        let (clock, limit, before) = (time.clock(), LineLimit::new(), held_back());
        let written = (0..1000).filter(|_| limit.take(&clock) == Some(None)).count();
        assert_eq!((written, limit.take(&clock)), (10, None));
        time.advance(SPAN);
        assert_eq!(limit.take(&clock), Some(Some(991)));
        assert_eq!(limit.take(&clock), Some(None));
        assert!(held_back() - before >= 991);
    }
}
