//! A change of the store: several entries that come and go in one commit.

use super::entry::{EntryEnd, EntryId, RevocationEntry, Tombstone};
use super::error::{RevocationStoreError, failure};
use super::record;
use super::tables::{
    ENDS, ENTRIES, HORIZON, LAST_CHANGE, LAST_OWN, LOG, META, TARGETS, TOMBSTONES,
};
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

fn insert_end(
    change: &WriteTransaction,
    issuer: &str,
    end: EntryEnd,
    id: EntryId,
) -> Result<(), redb::Error> {
    let mut ends = change.open_table(ENDS)?;
    for (kind, time) in end.index() {
        ends.insert((issuer, kind, time, id.origin, id.number), ())?;
    }
    Ok(())
}

fn remove_end(
    change: &WriteTransaction,
    issuer: &str,
    end: EntryEnd,
    id: EntryId,
) -> Result<(), redb::Error> {
    let mut ends = change.open_table(ENDS)?;
    for (kind, time) in end.index() {
        ends.remove((issuer, kind, time, id.origin, id.number))?;
    }
    Ok(())
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

fn remove_tombstone(change: &WriteTransaction, id: EntryId) -> Result<(), redb::Error> {
    if let Some(old) = tombstone(change, id)? {
        change.open_table(TOMBSTONES)?.remove(id.key())?;
        remove_end(change, &old.issuer, old.end, id)?;
    }
    Ok(())
}

/// Removes an entry from all tables; gives what it was.
fn remove(change: &WriteTransaction, id: EntryId) -> Result<Option<RevocationEntry>, redb::Error> {
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
