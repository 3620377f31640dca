//! Points in time, as given on the command line.

use crate::config::parse_duration;
use jwtd_core::jose::UnixTime;
use std::time::{Duration, UNIX_EPOCH};

/// A point in time that may depend on now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TimeArgument {
    At(i64),
    After(Duration),
    Before(Duration),
}

impl TimeArgument {
    /// Parses `now`, `+1h`, `-5m`, seconds since 1970 or RFC 3339.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "now" {
            return Ok(Self::After(Duration::ZERO));
        }
        if let Some(span) = text.strip_prefix('+') {
            return parse_duration(span).map(Self::After);
        }
        if let Some(span) = text.strip_prefix('-') {
            return parse_duration(span).map(Self::Before);
        }
        if let Ok(seconds) = text.parse() {
            return Ok(Self::At(seconds));
        }
        humantime::parse_rfc3339_weak(text)
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .and_then(|since| i64::try_from(since.as_secs()).ok())
            .map(Self::At)
            .ok_or_else(|| {
                format!(
                    "`{text}` is not a time; fix: write now, +1h, -5m, seconds since 1970, or \
                     2026-11-24T10:00:00Z"
                )
            })
    }

    /// The time in seconds since 1970.
    pub(super) fn seconds(self, now: UnixTime) -> i64 {
        let signed = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        match self {
            Self::At(seconds) => seconds,
            Self::After(span) => now.seconds().saturating_add(signed(span)),
            Self::Before(span) => now.seconds().saturating_sub(signed(span)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = UnixTime::from_seconds(1_000_000);
        for (text, seconds) in [
            ("now", 1_000_000),
            ("+1h", 1_003_600),
            ("-5m", 999_700),
            ("+0", 1_000_000),
            ("1800000000", 1_800_000_000),
            ("0", 0),
            ("1970-01-02T00:00:00Z", 86_400),
            ("1970-01-02 00:00:01", 86_401),
        ] {
            assert_eq!(TimeArgument::parse(text).unwrap().seconds(now), seconds, "{text}");
        }
        for wrong in ["", "soon", "1h", "-300", "+", "1969-01-01T00:00:00Z", "1e9"] {
            assert!(TimeArgument::parse(wrong).is_err(), "{wrong}");
        }
    }
}
