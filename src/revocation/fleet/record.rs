//! A record as it is written into the stream and the blocks: a mark, and JSON. What is read may
//! come from anybody who can write there, so that every part has a bound.

use crate::state::{EntryEnd, EntryId, RevocationEntry, RevocationRecord, Tombstone};
use jwtd_core::crypto::digest;
use jwtd_core::jose::UnixTime;
use jwtd_core::verify::{RevocationKind, RevocationTarget, Standing};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest record, in bytes: the longest `iss` and value, if each of their bytes is escaped.
pub(in crate::revocation) const LONGEST: usize = 32 << 10;

/// The longest name of who revoked, and the longest comment, in bytes.
const SOURCE: usize = 512;
const COMMENT: usize = 256;

/// The last time that means anything: the end of the year 9999.
const LAST: i64 = 253_402_300_799;

/// So far ahead of now a time may lie until which tokens are refused: what `Revoke` takes, and a
/// clock that is wrong.
const AHEAD: Duration = Duration::from_secs(2 * 24 * 3600);

/// The bits of a mark: 256 of them add up exactly in the numbers of Lua.
const MARK_BITS: u32 = 44;

/// The characters of a mark.
const MARK: usize = 11;

/// What stands for the content of a record where holdings are compared. That of a tombstone is of
/// the name alone: not everybody knows its end.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::revocation) struct Mark(u64);

impl Mark {
    pub(in crate::revocation) fn number(self) -> u64 {
        self.0
    }

    fn of(id: EntryId, sign: char, body: &str) -> Self {
        let parts = [id.to_string(), sign.to_string()];
        let body = if sign == UNDONE { "" } else { body };
        let texts = parts.iter().map(String::as_bytes).chain(std::iter::once(body.as_bytes()));
        let [a, b, c, d, e, f, g, h, ..] = digest(texts);
        Self(u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> (u64::BITS - MARK_BITS))
    }
}

const RECORDED: char = '+';
const UNDONE: char = '-';

/// An entry as it is written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenEntry {
    iss: String,
    kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    life: Option<i64>,
    at: i64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    by: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    why: String,
}

/// A tombstone as it is written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenTombstone {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    iss: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    life: Option<i64>,
}

/// Why something is no record.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(in crate::revocation) enum BadRecord {
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    #[error("it does not begin with a mark, and `+` or `-`")]
    NoMark,
    #[error("its mark is not that of its content")]
    WrongMark,
    #[error("it is not the JSON of a record")]
    Syntax,
    #[error("it names nothing that could be revoked")]
    Target,
    #[error("a time of it is out of bounds, or means nothing with its kind")]
    Time,
    #[error("it is not what a daemon writes")]
    Form,
}

/// Writes a record; gives the mark too.
pub(in crate::revocation) fn encode(record: &RevocationRecord) -> (Mark, String) {
    let (sign, body) = match record {
        RevocationRecord::Entry(entry) => (RECORDED, serde_json::to_string(&written(entry))),
        RevocationRecord::Tombstone(tombstone) => {
            let (iss, kind) = (tombstone.issuer.to_string(), tombstone.kind);
            let kind = kind.map_or_else(String::new, |kind| kind.name().to_owned());
            let Times { exp, iat, life } = Times::of(tombstone.end);
            let written = WrittenTombstone { iss, kind, exp, iat, life };
            (UNDONE, serde_json::to_string(&written))
        }
    };
    // Texts and numbers can always be written.
    let body = body.unwrap_or_default();
    let mark = Mark::of(record.id(), sign, &body);
    (mark, format!("{:0width$x}{sign}{body}", mark.0, width = MARK))
}

/// Reads a record of the entry with this name.
///
/// # Errors
/// What is wrong with it.
pub(in crate::revocation) fn decode(
    id: EntryId,
    text: &[u8],
    now: UnixTime,
) -> Result<(Mark, RevocationRecord), BadRecord> {
    if text.len() > LONGEST {
        return Err(BadRecord::TooLong);
    }
    let text = std::str::from_utf8(text).map_err(|_| BadRecord::Syntax)?;
    let (mark, rest) = text.split_at_checked(MARK).ok_or(BadRecord::NoMark)?;
    let (sign, body) = match rest.split_at_checked(1) {
        Some(("+", body)) => (RECORDED, body),
        Some(("-", body)) => (UNDONE, body),
        _ => return Err(BadRecord::NoMark),
    };
    let own = Mark::of(id, sign, body);
    if mark != format!("{:0width$x}", own.0, width = MARK) {
        return Err(BadRecord::WrongMark);
    }
    let record = if sign == UNDONE {
        let written: WrittenTombstone =
            serde_json::from_str(body).map_err(|_| BadRecord::Syntax)?;
        if written.iss.len() > RevocationTarget::MOST {
            return Err(BadRecord::Target);
        }
        RevocationRecord::Tombstone(tombstone(id, written)?)
    } else {
        let written: WrittenEntry = serde_json::from_str(body).map_err(|_| BadRecord::Syntax)?;
        RevocationRecord::Entry(entry(id, written, now)?)
    };
    // One record has one form, so that nobody compares two for ever.
    if sign == RECORDED && encode(&record).1 != text {
        return Err(BadRecord::Form);
    }
    Ok((own, record))
}

fn written(entry: &RevocationEntry) -> WrittenEntry {
    let RevocationEntry { id: _, target, standing, end, recorded_at, source, comment } = entry;
    let Times { exp, iat, life } = Times::of(*end);
    WrittenEntry {
        iss: target.issuer().to_owned(),
        kind: target.kind().name().to_owned(),
        value: target.value().to_owned(),
        until: match standing {
            Standing::Always => None,
            Standing::Until(time) => Some(time.seconds()),
        },
        exp,
        iat,
        life,
        at: recorded_at.seconds(),
        by: source.to_string(),
        why: comment.to_string(),
    }
}

fn entry(id: EntryId, written: WrittenEntry, now: UnixTime) -> Result<RevocationEntry, BadRecord> {
    let WrittenEntry { iss, kind, value, until, exp, iat, life, at, by, why } = written;
    let kind = RevocationKind::from_name(&kind).ok_or(BadRecord::Target)?;
    let target = RevocationTarget::new(kind, &iss, &value).map_err(|_| BadRecord::Target)?;
    if by.len() > SOURCE || why.len() > COMMENT {
        return Err(BadRecord::TooLong);
    }
    let standing = match until.map(time).transpose()? {
        Some(until) if kind.has_time() && until <= now.plus(AHEAD) => Standing::Until(until),
        None if !kind.has_time() => Standing::Always,
        _ => return Err(BadRecord::Time),
    };
    let end = Times { exp, iat, life }.end()?;
    if kind == RevocationKind::Key && end != EntryEnd::Never {
        return Err(BadRecord::Time);
    }
    let (source, comment, recorded_at) = (by.into(), why.into(), time(at)?);
    Ok(RevocationEntry { id, target, standing, end, recorded_at, source, comment })
}

fn tombstone(id: EntryId, written: WrittenTombstone) -> Result<Tombstone, BadRecord> {
    let WrittenTombstone { iss, kind, exp, iat, life } = written;
    if iss.len() > RevocationTarget::MOST || iss.is_empty() != kind.is_empty() {
        return Err(BadRecord::Target);
    }
    let named = || RevocationKind::from_name(&kind).ok_or(BadRecord::Target);
    let kind = if kind.is_empty() { None } else { Some(named()?) };
    let end = Times { exp, iat, life }.end()?;
    Ok(Tombstone { id, issuer: iss.into(), kind, end })
}

/// An end as it is written.
#[derive(Default)]
struct Times {
    exp: Option<i64>,
    iat: Option<i64>,
    /// The longest life of tokens, in seconds.
    life: Option<i64>,
}

impl Times {
    fn of(end: EntryEnd) -> Self {
        match end {
            EntryEnd::Never => Self::default(),
            EntryEnd::Expiry(time) => Self { exp: Some(time.seconds()), ..Self::default() },
            EntryEnd::LastIssued { time, lifetime } => {
                let life = lifetime.and_then(|span| i64::try_from(span.as_secs()).ok());
                Self { exp: None, iat: Some(time.seconds()), life }
            }
        }
    }

    fn end(&self) -> Result<EntryEnd, BadRecord> {
        match (self.exp, self.iat, self.life) {
            (None, None, None) => Ok(EntryEnd::Never),
            (Some(exp), None, None) => time(exp).map(EntryEnd::Expiry),
            (None, Some(iat), life) => {
                let life = life.map(|life| {
                    let seconds = u64::try_from(life).ok().filter(|_| life <= LAST);
                    seconds.map(Duration::from_secs).ok_or(BadRecord::Time)
                });
                Ok(EntryEnd::LastIssued { time: time(iat)?, lifetime: life.transpose()? })
            }
            _ => Err(BadRecord::Time),
        }
    }
}

fn time(seconds: i64) -> Result<UnixTime, BadRecord> {
    let is_time = (0..=LAST).contains(&seconds);
    is_time.then(|| UnixTime::from_seconds(seconds)).ok_or(BadRecord::Time)
}
