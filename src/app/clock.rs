//! The clock: the only place that asks what time it is.

use crate::jose::UnixTime;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time of now. A clock before 1970 counts as 1970: every token is then not
/// yet valid.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
pub fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// The time as records show it.
#[expect(clippy::disallowed_methods, reason = "this is where it is asked for")]
pub(super) fn to_the_millisecond() -> SystemTime {
    SystemTime::now()
}
