//! Entries and tombstones that have ended, removed.

use super::entry::{EntryEnd, EntryId, RevocationEntry};
use super::error::RevocationStoreError;
use super::tables::ENDS;
use super::writing::{Writing, remove, remove_tombstone};
use jwtd_core::jose::UnixTime;
use redb::ReadableTable as _;

/// Up to which times of an issuer's entries they have ended.
#[derive(Clone, Copy, Debug)]
pub struct EndedBy {
    /// The last `exp`, of entries that name one.
    pub exp: UnixTime,
    /// The last `iat`, of entries that name one; nothing where it ends none.
    pub iat: Option<UnixTime>,
    /// The last `exp` by the longest life that entries themselves name; nothing where it ends none.
    pub last_exp: Option<UnixTime>,
}

impl Writing {
    /// Removes entries and tombstones of `issuer` that have ended, at most `most`; returns the
    /// entries, and how many rows went with the tombstones.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn sweep(
        &self,
        issuer: &str,
        ended: EndedBy,
        most: usize,
    ) -> Result<(Vec<RevocationEntry>, usize), RevocationStoreError> {
        self.within(|change| {
            let kinds = [
                (EntryEnd::EXPIRY, Some(ended.exp)),
                (EntryEnd::LAST_ISSUED, ended.iat),
                (EntryEnd::LAST_EXP, ended.last_exp),
            ];
            let mut over = Vec::new();
            {
                let ends = change.open_table(ENDS)?;
                for (kind, until) in kinds {
                    let Some(until) = until else { continue };
                    let range = (issuer, kind, i64::MIN, 0, 0)
                        ..=(issuer, kind, until.seconds(), u128::MAX, u64::MAX);
                    for row in ends.range(range)?.take(most.saturating_sub(over.len())) {
                        let (key, _) = row?;
                        let (.., origin, number) = key.value();
                        over.push(EntryId { origin, number });
                    }
                }
            }
            let (mut removed, rows) = (Vec::new(), over.len());
            for id in over {
                match remove(change, id)? {
                    Some(entry) => removed.push(entry),
                    None => remove_tombstone(change, id)?,
                }
            }
            Ok((removed, rows))
        })
    }

    /// The values of `iss` after `after` that have entries or tombstones with an end, in
    /// alphabetical order; at most `most`.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn issuers_after(
        &self,
        after: &str,
        most: usize,
    ) -> Result<Vec<Box<str>>, RevocationStoreError> {
        self.within(|change| {
            let ends = change.open_table(ENDS)?;
            let (mut found, mut last): (Vec<Box<str>>, Box<str>) = (Vec::new(), after.into());
            while found.len() < most {
                let beyond = (&*last, u8::MAX, i64::MAX, u128::MAX, u64::MAX);
                let Some(row) = ends.range(beyond..)?.next() else { break };
                let issuer: Box<str> = row?.0.value().0.into();
                last.clone_from(&issuer);
                found.push(issuer);
            }
            Ok(found)
        })
    }
}
