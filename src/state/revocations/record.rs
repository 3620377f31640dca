//! Between entries and what the tables hold.

use super::entry::{EntryEnd, EntryId, RevocationEntry};
use super::tables::IdKey;
use jwtd_core::jose::UnixTime;
use jwtd_core::verify::{RevocationKind, RevocationTarget, Standing};

/// A row of the entries.
pub(super) type Row<'r> = (u8, &'r str, &'r str, Option<i64>, u8, i64, i64, &'r str, &'r str);

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
    pub(super) const NEVER: u8 = 0;
    pub(super) const EXPIRY: u8 = 1;
    pub(super) const LAST_ISSUED: u8 = 2;

    pub(super) const fn row(self) -> (u8, i64) {
        match self {
            Self::Never => (Self::NEVER, 0),
            Self::Expiry(time) => (Self::EXPIRY, time.seconds()),
            Self::LastIssued(time) => (Self::LAST_ISSUED, time.seconds()),
        }
    }

    pub(super) const fn of(kind: u8, time: i64) -> Self {
        match kind {
            Self::EXPIRY => Self::Expiry(UnixTime::from_seconds(time)),
            Self::LAST_ISSUED => Self::LastIssued(UnixTime::from_seconds(time)),
            _ => Self::Never,
        }
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
        let (end, time) = self.end.row();
        (
            self.target.kind().number(),
            self.target.issuer(),
            self.target.value(),
            until(self.standing),
            end,
            time,
            self.recorded_at.seconds(),
            &self.source,
            &self.comment,
        )
    }

    pub(super) fn of(key: IdKey, row: Row<'_>) -> Option<Self> {
        let (kind, issuer, value, until, end, time, recorded_at, source, comment) = row;
        Some(Self {
            id: EntryId::of(key),
            target: target(kind, issuer, value)?,
            standing: standing(until),
            end: EntryEnd::of(end, time),
            recorded_at: UnixTime::from_seconds(recorded_at),
            source: source.into(),
            comment: comment.into(),
        })
    }
}
