//! An entry: one revocation, as it is kept.

use jwtd_core::crypto::Digest;
use jwtd_core::jose::UnixTime;
use jwtd_core::verify::{RevocationKind, RevocationTarget, Standing};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The name of an entry: the daemon that first recorded it, and a number of its own there. An
/// entry has the same name on every daemon.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EntryId {
    /// The daemon.
    pub origin: u128,
    /// The number.
    pub number: u64,
}

/// One revocation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RevocationEntry {
    /// Its name.
    pub id: EntryId,
    /// What is revoked.
    pub target: RevocationTarget,
    /// Which of its tokens are.
    pub standing: Standing,
    /// When it has no effect any more.
    pub end: EntryEnd,
    /// When it was recorded.
    pub recorded_at: UnixTime,
    /// Who revoked.
    pub source: Box<str>,
    /// Why, in their words.
    pub comment: Box<str>,
}

/// What is left of an entry that was undone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tombstone {
    /// The name of the entry.
    pub id: EntryId,
    /// The `iss` of the entry; empty for one that was undone before it came.
    pub issuer: Box<str>,
    /// The kind of the entry, if it was seen. A tombstone undoes nothing of another `iss` or kind:
    /// a feed's rights were tested against these.
    pub kind: Option<RevocationKind>,
    /// Its end, when the tombstone ends too.
    pub end: EntryEnd,
}

/// What daemons tell each other of one entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RevocationRecord {
    /// It was recorded.
    Entry(RevocationEntry),
    /// It was undone, which stays so.
    Tombstone(Tombstone),
}

impl RevocationRecord {
    /// Of which entry.
    #[must_use]
    pub fn id(&self) -> EntryId {
        match self {
            Self::Entry(entry) => entry.id,
            Self::Tombstone(tombstone) => tombstone.id,
        }
    }

    /// Its `iss`; empty if that is not known.
    #[must_use]
    pub fn issuer(&self) -> &str {
        match self {
            Self::Entry(entry) => entry.target.issuer(),
            Self::Tombstone(tombstone) => &tombstone.issuer,
        }
    }

    /// When it has no effect any more.
    #[must_use]
    pub fn end(&self) -> EntryEnd {
        match self {
            Self::Entry(entry) => entry.end,
            Self::Tombstone(tombstone) => tombstone.end,
        }
    }
}

/// When an entry can meet no token any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EntryEnd {
    /// Never: it ends by being undone.
    Never,
    /// The last `exp` that it can meet.
    Expiry(UnixTime),
    /// The last `iat` that it can meet: its end is known where tokens of the issuer have a longest
    /// life.
    LastIssued {
        /// That `iat`.
        time: UnixTime,
        /// The issuer's `max_lifetime` when the entry was recorded. Daemons that do not know the
        /// issuer, and the fleet as a whole, end the entry by it.
        lifetime: Option<Duration>,
    },
}

/// A request that was answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownRequest {
    /// A digest of what it demanded.
    pub demand: Digest,
    /// Its entries.
    pub ids: Vec<EntryId>,
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}-{}", self.origin, self.number)
    }
}

/// What is no name of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an id has 32 hexadecimal digits, `-` and a number")]
pub struct BadEntryId;

impl FromStr for EntryId {
    type Err = BadEntryId;

    fn from_str(text: &str) -> Result<Self, BadEntryId> {
        let (origin, number) = text.split_once('-').ok_or(BadEntryId)?;
        let is_plain = origin.len() == 32
            && origin.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            && number.bytes().all(|byte| byte.is_ascii_digit());
        let origin = u128::from_str_radix(origin, 16).ok().filter(|_| is_plain);
        match (origin, number.parse()) {
            (Some(origin), Ok(number)) => Ok(Self { origin, number }),
            _ => Err(BadEntryId),
        }
    }
}
