//! When an entry ends: `clock_skew` and an hour after the last token that it can mean.

use crate::state::{EndedBy, EntryEnd};
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::Issuer;
use jwtd_core::verify::{RevocationKind, Standing};
use std::time::{Duration, Instant};

/// How long an entry is kept beyond the last token: an hour in which a clock may be wrong.
pub(super) const SLACK: Duration = Duration::from_secs(3600);

/// Which tokens are met. Without a time of the event, those that were issued until now, the skew
/// counted: the clock that set `iat` may run ahead of ours.
#[must_use]
pub(super) fn standing_of(
    kind: RevocationKind,
    event: Option<UnixTime>,
    issuer: &Issuer,
    now: UnixTime,
) -> Standing {
    if kind.has_time() {
        Standing::Until(event.unwrap_or_else(|| now.plus(issuer.clock_skew().span())))
    } else {
        Standing::Always
    }
}

/// When an entry has no effect any more. `expires_at` is the last `exp` that it can meet, where
/// that is known.
#[must_use]
pub(super) fn end_of(
    kind: RevocationKind,
    standing: Standing,
    expires_at: Option<UnixTime>,
    issuer: &Issuer,
    now: UnixTime,
) -> EntryEnd {
    match (kind, expires_at, standing) {
        // A key that is revoked is never good again.
        (RevocationKind::Key, ..) => EntryEnd::Never,
        // A session brings new tokens for as long as it lives, which nobody said.
        (RevocationKind::Session, None, _) => EntryEnd::Never,
        (_, Some(time), _) => EntryEnd::Expiry(time),
        (_, None, Standing::Until(time)) => {
            EntryEnd::LastIssued { time, lifetime: issuer.max_lifetime() }
        }
        (_, None, Standing::Always) => {
            let time = now.plus(issuer.clock_skew().span());
            EntryEnd::LastIssued { time, lifetime: issuer.max_lifetime() }
        }
    }
}

/// Returns true if no token is left that an entry with this end could match.
#[must_use]
pub(super) fn has_ended(end: EntryEnd, issuer: Option<&Issuer>, now: UnixTime) -> bool {
    ends_at(end, issuer).is_some_and(|end| end <= now)
}

/// When an entry with this end goes, if it does: by the settings of its issuer now, which a reload
/// may change. An entry of an issuer that is not configured goes when nobody shares it any more.
#[must_use]
pub fn ends_at(end: EntryEnd, issuer: Option<&Issuer>) -> Option<UnixTime> {
    let Some(issuer) = issuer else { return shared_until(end) };
    let slack = issuer.clock_skew().span().saturating_add(SLACK);
    match end {
        EntryEnd::Never => None,
        EntryEnd::Expiry(time) => Some(time.plus(slack)),
        EntryEnd::LastIssued { time, .. } => Some(time.plus(issuer.max_lifetime()?).plus(slack)),
    }
}

/// The time for which a fleet shares an entry after the last token that it can match: the greatest
/// `clock_skew` that a configuration may have, the slack, and a day.
pub(super) const SHARED: Duration = Duration::from_secs(300 + 3600 + 24 * 3600);

/// The time until which daemons share an entry with this end; `None` if it has no end.
///
/// It follows from the entry alone, so that it is the same on every daemon whatever its settings:
/// before it nobody removes the entry from where it is shared, and after it nobody puts it back.
#[must_use]
pub(super) fn shared_until(end: EntryEnd) -> Option<UnixTime> {
    let last_exp = match end {
        EntryEnd::Never => return None,
        EntryEnd::Expiry(time) => time,
        EntryEnd::LastIssued { time, lifetime } => time.plus(lifetime?),
    };
    Some(last_exp.plus(SHARED))
}

/// Returns true if daemons still share an entry with this end at `now`.
#[must_use]
pub(super) fn is_shared(end: EntryEnd, now: UnixTime) -> bool {
    shared_until(end).is_none_or(|until| now < until)
}

/// The bounds on `exp` and `iat` up to which an issuer's entries have ended at the horizon;
/// `issuer` is `None` if it is not configured.
#[must_use]
pub(super) fn ended_by(issuer: Option<&Issuer>, horizon: UnixTime) -> EndedBy {
    match issuer {
        Some(issuer) => {
            let exp = horizon.minus(issuer.clock_skew().span().saturating_add(SLACK));
            EndedBy { exp, iat: issuer.max_lifetime().map(|life| exp.minus(life)), last_exp: None }
        }
        None => {
            let exp = horizon.minus(SHARED);
            EndedBy { exp, iat: None, last_exp: Some(exp) }
        }
    }
}

/// So much the wall clock may move against time between two looks; beyond, it has jumped.
const JUMP: Duration = Duration::from_secs(60);

/// How long the wall clock must have gone evenly before all that it says is believed.
const EVEN: Duration = Duration::from_secs(24 * 3600);

/// The time up to which ends are believed. It moves with time, and not with the wall clock: one
/// that jumps ahead ends nothing. Only what has gone evenly for a day is believed in full, so that
/// a daemon that was not running catches up. It never lies ahead of the wall clock: with one that
/// was ahead and is set right, it moves back.
#[derive(Debug)]
pub(super) struct Horizon {
    wall: UnixTime,
    looked_at: Instant,
    even_since: Instant,
}

impl Horizon {
    /// Begins to watch the wall clock, which says `wall` at the moment `at`.
    pub(super) fn new(wall: UnixTime, at: Instant) -> Self {
        Self { wall, looked_at: at, even_since: at }
    }

    /// Where it stands now, if it stood at `before` when it was last asked.
    pub(super) fn advance(&mut self, before: UnixTime, wall: UnixTime, at: Instant) -> UnixTime {
        let passed = at.saturating_duration_since(self.looked_at);
        let expected = self.wall.plus(passed);
        let moved = wall.since(expected).or_else(|| expected.since(wall)).unwrap_or(Duration::MAX);
        if moved > JUMP {
            self.even_since = at;
        }
        (self.wall, self.looked_at) = (wall, at);
        let is_even = at.saturating_duration_since(self.even_since) >= EVEN;
        if is_even { wall } else { wall.min(before.plus(passed)) }
    }
}
