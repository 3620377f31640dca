//! A change of the store: several entries that come and go in one commit.

use super::ending::{insert_end, remove_end};
use super::entry::{EntryId, RevocationEntry, Tombstone};
use super::error::{RevocationStoreError, failure};
use super::record;
use super::tables::{ENTRIES, HORIZON, LAST_CHANGE, LAST_OWN, LOG, META, TARGETS, TOMBSTONES};
use jwtd_core::jose::UnixTime;
use jwtd_core::verify::{RevocationTarget, Standing};
use redb::{ReadableTable as _, ReadableTableMetadata as _, WriteTransaction};
use std::fmt;
use std::path::PathBuf;

/// A change that is not committed yet. Without a commit nothing of it counts.
pub struct Writing {
    change: WriteTransaction,
    pub(super) origin: u128,
    floor: u64,
    path: PathBuf,
}

/// What became of an entry that was to be added.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Added {
    /// It is new.
    New,
    /// It was there.
    Known,
    /// It was undone, before it came or since.
    Undone,
}

/// The longest log; who comes back later gets a snapshot.
const LOG_LENGTH: u64 = 100_000;

/// The changes of the log, as they are stored.
const ADDED: u8 = 1;
pub(super) const REMOVED: u8 = 2;

impl Writing {
    pub(super) fn new(change: WriteTransaction, origin: u128, floor: u64, path: PathBuf) -> Self {
        Self { change, origin, floor, path }
    }

    /// The last own number that was given, or may have been before this process began.
    pub(super) fn last_own(&self, change: &WriteTransaction) -> Result<u64, redb::Error> {
        let last = change.open_table(META)?.get(LAST_OWN)?.map_or(0, |one| one.value());
        Ok(u64::try_from(last).unwrap_or(u64::MAX).max(self.floor))
    }

    pub(super) fn within<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, RevocationStoreError> {
        work(&self.change).map_err(|error| failure(&self.path, &error))
    }

    /// A name for a new entry.
    ///
    /// # Errors
    /// As all of these: if the file cannot be read or written.
    pub fn new_id(&self) -> Result<EntryId, RevocationStoreError> {
        let number = self.within(|change| {
            let number = self.last_own(change)?.saturating_add(1);
            change.open_table(META)?.insert(LAST_OWN, u128::from(number))?;
            Ok(number)
        })?;
        Ok(EntryId { origin: self.origin, number })
    }

    /// How many entries and tombstones there are.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn count(&self) -> Result<u64, RevocationStoreError> {
        self.within(|change| {
            let (entries, tombstones) =
                (change.open_table(ENTRIES)?, change.open_table(TOMBSTONES)?);
            Ok(entries.len()?.saturating_add(tombstones.len()?))
        })
    }

    /// The entry with this name.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn entry(&self, id: EntryId) -> Result<Option<RevocationEntry>, RevocationStoreError> {
        self.within(|change| {
            let entries = change.open_table(ENTRIES)?;
            let row = entries.get(id.key())?;
            Ok(row.and_then(|row| RevocationEntry::of(id.key(), row.value())))
        })
    }

    /// Adds an entry, unless it is there or was undone.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn add(&self, entry: &RevocationEntry) -> Result<Added, RevocationStoreError> {
        self.within(|change| {
            let key = entry.id.key();
            match tombstone(change, entry.id)? {
                Some(tombstone) if tombstone.undoes(entry) => {
                    if tombstone.kind.is_none() {
                        // Now it is known how long it must live.
                        insert_tombstone(change, &Tombstone::of_entry(entry))?;
                    }
                    return Ok(Added::Undone);
                }
                // Whoever made it up could not know what the entry would be.
                Some(_) => remove_tombstone(change, entry.id)?,
                None => {}
            }
            let mut entries = change.open_table(ENTRIES)?;
            if entries.get(key)?.is_some() {
                return Ok(Added::Known);
            }
            entries.insert(key, entry.row())?;
            let mut targets = change.open_table(TARGETS)?;
            targets.insert(target_key(entry), record::until(entry.standing))?;
            insert_end(change, entry.target.issuer(), entry.end, entry.id)?;
            log(change, ADDED, entry.id)?;
            Ok(Added::New)
        })
    }

    /// Whether nothing is known of an entry: to undo it leaves a mark that takes room. Those that
    /// are still to be made here are known not to be.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn is_unseen(&self, id: EntryId) -> Result<bool, RevocationStoreError> {
        self.within(|change| {
            if id.origin == self.origin && id.number > self.last_own(change)? {
                return Ok(false);
            }
            Ok(change.open_table(ENTRIES)?.get(id.key())?.is_none()
                && change.open_table(TOMBSTONES)?.get(id.key())?.is_none())
        })
    }

    /// Undoes an entry, also if it comes only later: it is never added again. Gives what it was.
    /// An own entry that was never made is none: its name is still to be given.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn undo(&self, id: EntryId) -> Result<Option<RevocationEntry>, RevocationStoreError> {
        self.within(|change| {
            if id.origin == self.origin && id.number > self.last_own(change)? {
                return Ok(None);
            }
            let removed = remove(change, id)?;
            if tombstone(change, id)?.is_some() {
                return Ok(None);
            }
            match &removed {
                Some(entry) => insert_tombstone(change, &Tombstone::of_entry(entry))?,
                None => {
                    insert_tombstone(change, &Tombstone::of_unseen(id))?;
                    // Others are told of it too.
                    log(change, REMOVED, id)?;
                }
            }
            Ok(removed)
        })
    }

    /// Until when tokens that bear this are revoked, by all entries together.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn standing(
        &self,
        target: &RevocationTarget,
    ) -> Result<Option<Standing>, RevocationStoreError> {
        Ok(self.entries_of(target, usize::MAX)?.into_iter().map(|(_, standing)| standing).max())
    }

    /// The entries that revoke this; at most `most`, the last ones.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn entries_of(
        &self,
        target: &RevocationTarget,
        most: usize,
    ) -> Result<Vec<(EntryId, Standing)>, RevocationStoreError> {
        self.within(|change| {
            let targets = change.open_table(TARGETS)?;
            let (kind, issuer, value) = (target.kind().number(), target.issuer(), target.value());
            let range = (kind, issuer, value, 0, 0)..=(kind, issuer, value, u128::MAX, u64::MAX);
            let mut found = Vec::new();
            for row in targets.range(range)?.rev().take(most) {
                let (key, until) = row?;
                let (.., origin, number) = key.value();
                found.push((EntryId { origin, number }, record::standing(until.value())));
            }
            Ok(found)
        })
    }

    /// The time up to which ends are believed.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn horizon(&self) -> Result<UnixTime, RevocationStoreError> {
        self.within(|change| {
            let meta = change.open_table(META)?;
            let seconds = meta.get(HORIZON)?.map_or(0, |one| one.value());
            Ok(UnixTime::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX)))
        })
    }

    /// Moves it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn set_horizon(&self, horizon: UnixTime) -> Result<(), RevocationStoreError> {
        self.within(|change| {
            let seconds = u128::try_from(horizon.seconds()).unwrap_or_default();
            change.open_table(META)?.insert(HORIZON, seconds)?;
            Ok(())
        })
    }

    /// The number of the last change so far.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn number(&self) -> Result<u64, RevocationStoreError> {
        self.within(|change| {
            let meta = change.open_table(META)?;
            let number = meta.get(LAST_CHANGE)?.map_or(0, |one| one.value());
            Ok(u64::try_from(number).unwrap_or(u64::MAX))
        })
    }

    /// Makes it count: when this returns, it is on the disk.
    ///
    /// # Errors
    /// If the file cannot be written; then nothing of it counts.
    pub fn commit(self) -> Result<(), RevocationStoreError> {
        let Self { change, path, .. } = self;
        change.commit().map_err(|error| failure(&path, &error.into()))
    }
}

impl fmt::Debug for Writing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writing").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The next of the numbers under this name.
fn next(change: &WriteTransaction, name: &str) -> Result<u64, redb::Error> {
    let mut meta = change.open_table(META)?;
    let number = meta.get(name)?.map_or(0, |one| one.value()).saturating_add(1);
    meta.insert(name, number)?;
    Ok(u64::try_from(number).unwrap_or(u64::MAX))
}

pub(super) fn log(change: &WriteTransaction, kind: u8, id: EntryId) -> Result<(), redb::Error> {
    let number = next(change, LAST_CHANGE)?;
    let mut log = change.open_table(LOG)?;
    log.insert(number, (kind, id.origin, id.number))?;
    if let Some(old) = number.checked_sub(LOG_LENGTH) {
        log.remove(old)?;
    }
    Ok(())
}

type TargetKey<'k> = (u8, &'k str, &'k str, u128, u64);

fn target_key(entry: &RevocationEntry) -> TargetKey<'_> {
    let (target, (origin, number)) = (&entry.target, entry.id.key());
    (target.kind().number(), target.issuer(), target.value(), origin, number)
}

/// The tombstone of this name.
pub(super) fn tombstone(
    change: &WriteTransaction,
    id: EntryId,
) -> Result<Option<Tombstone>, redb::Error> {
    let tombstones = change.open_table(TOMBSTONES)?;
    let row = tombstones.get(id.key())?;
    Ok(row.map(|row| Tombstone::of(id, row.value())))
}

/// Puts a tombstone in the place of any other of the same name.
pub(super) fn insert_tombstone(
    change: &WriteTransaction,
    tombstone: &Tombstone,
) -> Result<(), redb::Error> {
    remove_tombstone(change, tombstone.id)?;
    change.open_table(TOMBSTONES)?.insert(tombstone.id.key(), tombstone.row())?;
    insert_end(change, &tombstone.issuer, tombstone.end, tombstone.id)
}

pub(super) fn remove_tombstone(change: &WriteTransaction, id: EntryId) -> Result<(), redb::Error> {
    if let Some(old) = tombstone(change, id)? {
        change.open_table(TOMBSTONES)?.remove(id.key())?;
        remove_end(change, &old.issuer, old.end, id)?;
    }
    Ok(())
}

/// Removes an entry from all tables; gives what it was.
pub(super) fn remove(
    change: &WriteTransaction,
    id: EntryId,
) -> Result<Option<RevocationEntry>, redb::Error> {
    let entry = {
        let mut entries = change.open_table(ENTRIES)?;
        let row = entries.remove(id.key())?;
        row.and_then(|row| RevocationEntry::of(id.key(), row.value()))
    };
    if let Some(entry) = &entry {
        change.open_table(TARGETS)?.remove(target_key(entry))?;
        remove_end(change, entry.target.issuer(), entry.end, id)?;
        log(change, REMOVED, id)?;
    }
    Ok(entry)
}
