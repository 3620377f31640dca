//! The store, read.

use super::counted::Counted;
use super::entry::{EntryId, RevocationEntry};
use super::error::{RevocationStoreError, damage, failure};
use super::record;
use super::tables::{ENTRIES, LAST_CHANGE, LOG, META, TARGETS, TOMBSTONES};
use super::writing::Writing;
use crate::state::StateFolder;
use jwtd_core::verify::{RevocationKind, RevocationTarget, Standing};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _};
use std::path::PathBuf;

/// An opened store.
#[derive(Debug)]
pub struct RevocationStore {
    pub(super) db: Database,
    pub(super) path: PathBuf,
    pub(super) origin: u128,
    /// Own numbers begin after this.
    pub(super) floor: u64,
    /// It is locked for as long as this lives.
    pub(super) folder: StateFolder,
}

/// What is asked of the entries; all that is given must hold.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EntryFilter {
    /// The exact values of `iss`, if not all.
    pub issuers: Option<Vec<Box<str>>>,
    /// The kinds, if not all.
    pub kinds: Option<Vec<RevocationKind>>,
    /// What is revoked, such as a `jti`.
    pub value: Option<Box<str>>,
    /// Who revoked, if not anybody.
    pub source: Option<Box<str>>,
}

/// A change of the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogChange {
    /// Its number.
    pub number: u64,
    /// The entry.
    pub id: EntryId,
    /// What came. Nothing for what went, then or since.
    pub entry: Option<RevocationEntry>,
}

impl EntryFilter {
    /// Whether an entry is asked for.
    #[must_use]
    pub fn takes(&self, entry: &RevocationEntry) -> bool {
        let (Self { issuers, kinds, value, source }, target) = (self, &entry.target);
        source.as_deref().is_none_or(|source| *source == *entry.source)
            && issuers.as_deref().is_none_or(|all| all.iter().any(|one| **one == *target.issuer()))
            && kinds.as_deref().is_none_or(|all| all.contains(&target.kind()))
            && value.as_deref().is_none_or(|value| value == target.value())
    }
}

/// Rows looked at for one page, at most: others wait for their turn.
const SCAN: usize = 50_000;

impl RevocationStore {
    /// The folder that it is in.
    #[must_use]
    pub fn folder(&self) -> &StateFolder {
        &self.folder
    }

    /// The daemon that its own entries are of.
    #[must_use]
    pub fn origin(&self) -> u128 {
        self.origin
    }

    /// Begins a change; it counts once it is committed.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn begin(&self) -> Result<Writing, RevocationStoreError> {
        self.within(|| {
            let mut change = self.db.begin_write()?;
            // What is in the entries comes from others, who may also bring a crash about.
            change.set_two_phase_commit(true);
            Ok(Writing::new(change, self.origin, self.floor, self.path.clone()))
        })
    }

    /// Tells everything that is revoked, in the order of the issuers within a kind; gives the
    /// number of the last change.
    ///
    /// # Errors
    /// If the file cannot be read, or holds what is no entry.
    pub fn read_targets<S>(
        &self,
        take: impl FnOnce(&mut dyn Iterator<Item = (RevocationTarget, Standing)>, u64) -> S,
    ) -> Result<S, RevocationStoreError> {
        let (mut failure, mut strange) = (None, false);
        let taken = self.within(|| {
            let read = self.db.begin_read()?;
            let number = read.open_table(META)?.get(LAST_CHANGE)?.map_or(0, |one| one.value());
            let table = read.open_table(TARGETS)?;
            let (mut rows, count) = (table.iter()?, table.len()?);
            let rows = std::iter::from_fn(|| {
                let (key, until) = match rows.next()? {
                    Ok(row) => row,
                    Err(error) => {
                        failure = Some(error);
                        return None;
                    }
                };
                let (kind, issuer, value, ..) = key.value();
                let target = record::target(kind, issuer, value);
                strange |= target.is_none();
                Some((target?, record::standing(until.value())))
            });
            let mut rows = Counted::new(rows, count);
            Ok(take(&mut rows, u64::try_from(number).unwrap_or(u64::MAX)))
        })?;
        match failure {
            Some(error) => Err(self.failed(&error.into())),
            None if strange => Err(self.damaged("it holds what is no entry")),
            None => Ok(taken),
        }
    }

    /// How many entries there are.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn count(&self) -> Result<u64, RevocationStoreError> {
        self.within(|| Ok(self.db.begin_read()?.open_table(ENTRIES)?.len()?))
    }

    /// The number of the last change of the log.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn last_change(&self) -> Result<u64, RevocationStoreError> {
        self.within(|| {
            let meta = self.db.begin_read()?.open_table(META)?;
            let number = meta.get(LAST_CHANGE)?.map_or(0, |one| one.value());
            Ok(u64::try_from(number).unwrap_or(u64::MAX))
        })
    }

    /// The entries of these names that are in force.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn entries(&self, ids: &[EntryId]) -> Result<Vec<RevocationEntry>, RevocationStoreError> {
        self.within(|| {
            let table = self.db.begin_read()?.open_table(ENTRIES)?;
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                let row = table.get(id.key())?;
                found.extend(row.and_then(|row| RevocationEntry::of(id.key(), row.value())));
            }
            Ok(found)
        })
    }

    /// Which of these were in force and were undone; with their `iss`.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn undone(&self, ids: &[EntryId]) -> Result<Vec<Box<str>>, RevocationStoreError> {
        self.within(|| {
            let table = self.db.begin_read()?.open_table(TOMBSTONES)?;
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                let Some(row) = table.get(id.key())? else { continue };
                let (issuer, ..) = row.value();
                if !issuer.is_empty() {
                    found.push(issuer.into());
                }
            }
            Ok(found)
        })
    }

    /// The entries that are asked for, in the order of their ids, after `after`; at most `most`.
    /// Tells also after which id to go on, if there may be more.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn list(
        &self,
        filter: &EntryFilter,
        after: Option<EntryId>,
        most: usize,
    ) -> Result<(Vec<RevocationEntry>, Option<EntryId>), RevocationStoreError> {
        self.within(|| {
            let table = self.db.begin_read()?.open_table(ENTRIES)?;
            let (mut found, mut last) = (Vec::new(), after);
            let begin = after.map_or((0, 0), EntryId::key);
            for (seen, row) in table.range(begin..)?.enumerate() {
                let (key, row) = row?;
                let id = EntryId::of(key.value());
                if after == Some(id) {
                    continue;
                }
                if found.len() >= most || seen > SCAN {
                    return Ok((found, last));
                }
                last = Some(id);
                let entry = RevocationEntry::of(key.value(), row.value());
                found.extend(entry.filter(|entry| filter.takes(entry)));
            }
            Ok((found, None))
        })
    }

    /// The changes after the one with this number, at most `most`. Nothing if the log does not
    /// reach back so far.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn changes(
        &self,
        after: u64,
        most: usize,
    ) -> Result<Option<Vec<LogChange>>, RevocationStoreError> {
        self.within(|| {
            let read = self.db.begin_read()?;
            let (log, entries) = (read.open_table(LOG)?, read.open_table(ENTRIES)?);
            let next = after.saturating_add(1);
            let last = read.open_table(META)?.get(LAST_CHANGE)?.map_or(0, |one| one.value());
            let first = log.first()?.map(|(number, _)| number.value());
            let reaches = match first {
                Some(first) => first <= next,
                None => last == 0,
            };
            if u128::from(after) > last || (!reaches && u128::from(after) != last) {
                return Ok(None);
            }
            let mut changes = Vec::new();
            for row in log.range(next..)?.take(most) {
                let (number, change) = row?;
                let (_, origin, own) = change.value();
                let id = EntryId { origin, number: own };
                let entry = entries.get(id.key())?;
                let entry = entry.and_then(|row| RevocationEntry::of(id.key(), row.value()));
                changes.push(LogChange { number: number.value(), id, entry });
            }
            Ok(Some(changes))
        })
    }

    /// Runs what reads or writes the file; says where it fails.
    pub(super) fn within<T>(
        &self,
        work: impl FnOnce() -> Result<T, redb::Error>,
    ) -> Result<T, RevocationStoreError> {
        work().map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &redb::Error) -> RevocationStoreError {
        failure(&self.path, error)
    }

    fn damaged(&self, what: &str) -> RevocationStoreError {
        RevocationStoreError { path: self.path.clone(), what: damage(what) }
    }
}
