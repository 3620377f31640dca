//! Between entries and what the tables hold.

use super::entry::{EntryEnd, EntryId, RevocationEntry, Tombstone};
use super::tables::{EndRow, IdKey};
use jwtd_core::jose::UnixTime;
use jwtd_core::verify::{RevocationKind, RevocationTarget, Standing};
use std::time::Duration;

/// A row of the entries.
pub(super) type Row<'r> = (u8, &'r str, &'r str, Option<i64>, EndRow, i64, &'r str, &'r str);

impl EntryId {
    pub(super) const fn key(self) -> IdKey {
        (self.origin, self.number)
    }

    pub(super) const fn of(key: IdKey) -> Self {
        Self { origin: key.0, number: key.1 }
    }

    /// As it stands in a list of ids.
    pub(super) fn bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        let (origin, number) = (self.origin.to_be_bytes(), self.number.to_be_bytes());
        for (slot, byte) in bytes.iter_mut().zip(origin.into_iter().chain(number)) {
            *slot = byte;
        }
        bytes
    }

    /// The ids of such a list.
    pub(super) fn list(bytes: &[u8]) -> Vec<Self> {
        let ids = bytes.chunks_exact(24).filter_map(|id| {
            let (origin, number) = id.split_at_checked(16)?;
            let origin = u128::from_be_bytes(origin.try_into().ok()?);
            Some(Self { origin, number: u64::from_be_bytes(number.try_into().ok()?) })
        });
        ids.collect()
    }
}

impl EntryEnd {
    /// The kinds of ends.
    const NEVER: u8 = 0;
    pub(super) const EXPIRY: u8 = 1;
    pub(super) const LAST_ISSUED: u8 = 2;
    /// In the table of ends alone: the last `exp`, as the entry itself tells it.
    pub(super) const LAST_EXP: u8 = 3;

    pub(super) fn row(self) -> EndRow {
        match self {
            Self::Never => (Self::NEVER, 0, None),
            Self::Expiry(time) => (Self::EXPIRY, time.seconds(), None),
            Self::LastIssued { time, lifetime } => {
                let lifetime = lifetime.and_then(|span| i64::try_from(span.as_secs()).ok());
                (Self::LAST_ISSUED, time.seconds(), lifetime)
            }
        }
    }

    pub(super) fn of((kind, time, lifetime): EndRow) -> Self {
        let time = UnixTime::from_seconds(time);
        match kind {
            Self::EXPIRY => Self::Expiry(time),
            Self::LAST_ISSUED => {
                let seconds = lifetime.and_then(|seconds| u64::try_from(seconds).ok());
                Self::LastIssued { time, lifetime: seconds.map(Duration::from_secs) }
            }
            _ => Self::Never,
        }
    }

    /// The times by which an entry with this end is found, each with its kind.
    pub(super) fn index(self) -> impl Iterator<Item = (u8, i64)> {
        let (own, derived) = match self {
            Self::Never => (None, None),
            Self::Expiry(time) => (Some((Self::EXPIRY, time)), None),
            Self::LastIssued { time, lifetime } => {
                let last_exp = lifetime.map(|span| (Self::LAST_EXP, time.plus(span)));
                (Some((Self::LAST_ISSUED, time)), last_exp)
            }
        };
        own.into_iter().chain(derived).map(|(kind, time)| (kind, time.seconds()))
    }
}

/// Until when tokens are met, as it is stored.
pub(super) const fn until(standing: Standing) -> Option<i64> {
    match standing {
        Standing::Always => None,
        Standing::Until(time) => Some(time.seconds()),
    }
}

pub(super) fn standing(until: Option<i64>) -> Standing {
    until.map_or(Standing::Always, |seconds| Standing::Until(UnixTime::from_seconds(seconds)))
}

/// What is revoked. Nothing if the row is none of ours.
pub(super) fn target(kind: u8, issuer: &str, value: &str) -> Option<RevocationTarget> {
    RevocationTarget::new(RevocationKind::from_number(kind)?, issuer, value).ok()
}

impl RevocationEntry {
    pub(super) fn row(&self) -> Row<'_> {
        (
            self.target.kind().number(),
            self.target.issuer(),
            self.target.value(),
            until(self.standing),
            self.end.row(),
            self.recorded_at.seconds(),
            &self.source,
            &self.comment,
        )
    }

    pub(super) fn of(key: IdKey, row: Row<'_>) -> Option<Self> {
        let (kind, issuer, value, until, end, recorded_at, source, comment) = row;
        Some(Self {
            id: EntryId::of(key),
            target: target(kind, issuer, value)?,
            standing: standing(until),
            end: EntryEnd::of(end),
            recorded_at: UnixTime::from_seconds(recorded_at),
            source: source.into(),
            comment: comment.into(),
        })
    }
}

impl Tombstone {
    pub(super) fn row(&self) -> (&str, Option<u8>, EndRow) {
        (&self.issuer, self.kind.map(RevocationKind::number), self.end.row())
    }

    pub(super) fn of(id: EntryId, row: (&str, Option<u8>, EndRow)) -> Self {
        let (issuer, kind, end) = row;
        let kind = kind.and_then(RevocationKind::from_number);
        Self { id, issuer: issuer.into(), kind, end: EntryEnd::of(end) }
    }

    /// The tombstone of an entry.
    #[must_use]
    pub fn of_entry(entry: &RevocationEntry) -> Self {
        let (issuer, kind) = (entry.target.issuer().into(), Some(entry.target.kind()));
        Self { id: entry.id, issuer, kind, end: entry.end }
    }

    /// The tombstone of an entry that was never seen.
    #[must_use]
    pub fn of_unseen(id: EntryId) -> Self {
        Self { id, issuer: Box::default(), kind: None, end: EntryEnd::Never }
    }

    /// Returns true if the `iss` of the undone entry is known.
    #[must_use]
    pub fn is_of_seen(&self) -> bool {
        !self.issuer.is_empty()
    }

    /// Returns true if the tombstone undoes this entry. One with another `iss` or kind does not.
    #[must_use]
    pub fn undoes(&self, entry: &RevocationEntry) -> bool {
        let (issuer, kind) = (entry.target.issuer(), entry.target.kind());
        !self.is_of_seen()
            || (*self.issuer == *issuer && self.kind.is_none_or(|claimed| claimed == kind))
    }
}
