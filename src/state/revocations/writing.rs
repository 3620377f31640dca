//! A change of the store: several entries that come and go in one commit.

use super::entry::{EntryEnd, EntryId, RevocationEntry};
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
            let mut tombstones = change.open_table(TOMBSTONES)?;
            let tombstone = tombstones.get(key)?.map(|row| row.value().0.is_empty());
            let (end, time) = entry.end.row();
            let issuer = entry.target.issuer();
            if let Some(never_seen) = tombstone {
                if never_seen {
                    // Now it is known how long it must live.
                    tombstones.insert(key, (issuer, end, time))?;
                    insert_end(change, issuer, (end, time), entry.id)?;
                }
                return Ok(Added::Undone);
            }
            let mut entries = change.open_table(ENTRIES)?;
            if entries.get(key)?.is_some() {
                return Ok(Added::Known);
            }
            entries.insert(key, entry.row())?;
            let mut targets = change.open_table(TARGETS)?;
            targets.insert(target_key(entry), record::until(entry.standing))?;
            insert_end(change, issuer, (end, time), entry.id)?;
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
            let mut tombstones = change.open_table(TOMBSTONES)?;
            if tombstones.get(id.key())?.is_some() {
                return Ok(None);
            }
            let (issuer, end) = match &removed {
                Some(entry) => (entry.target.issuer(), entry.end),
                None => ("", EntryEnd::Never),
            };
            let (kind, time) = end.row();
            tombstones.insert(id.key(), (issuer, kind, time))?;
            if removed.is_some() {
                insert_end(change, issuer, (kind, time), id)?;
            } else {
                // Others are told of it too.
                log(change, REMOVED, id)?;
            }
            Ok(removed)
        })
    }

    /// Removes entries and tombstones of `issuer` that can meet no token any more: those whose
    /// last `exp` was not after `expired`, and those whose last `iat` was not after `issued`, if
    /// that is known. At most `most`; gives the entries, and how many went with the tombstones.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn sweep(
        &self,
        issuer: &str,
        expired: UnixTime,
        issued: Option<UnixTime>,
        most: usize,
    ) -> Result<(Vec<RevocationEntry>, usize), RevocationStoreError> {
        self.within(|change| {
            let kinds = [(EntryEnd::EXPIRY, Some(expired)), (EntryEnd::LAST_ISSUED, issued)];
            let mut over = Vec::new();
            {
                let ends = change.open_table(ENDS)?;
                for (kind, until) in kinds {
                    let Some(until) = until else { continue };
                    let range = (issuer, kind, i64::MIN, 0, 0)
                        ..=(issuer, kind, until.seconds(), u128::MAX, u64::MAX);
                    for row in ends.range(range)?.take(most.saturating_sub(over.len())) {
                        let (key, _) = row?;
                        let (_, _, time, origin, number) = key.value();
                        over.push((EntryId { origin, number }, (kind, time)));
                    }
                }
            }
            let (mut removed, rows) = (Vec::new(), over.len());
            for (id, (kind, time)) in over {
                match remove(change, id)? {
                    Some(entry) => removed.push(entry),
                    None => {
                        change.open_table(TOMBSTONES)?.remove(id.key())?;
                        change
                            .open_table(ENDS)?
                            .remove((issuer, kind, time, id.origin, id.number))?;
                    }
                }
            }
            Ok((removed, rows))
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

pub(super) fn insert_end(
    change: &WriteTransaction,
    issuer: &str,
    (kind, time): (u8, i64),
    id: EntryId,
) -> Result<(), redb::Error> {
    if kind != EntryEnd::NEVER {
        change.open_table(ENDS)?.insert((issuer, kind, time, id.origin, id.number), ())?;
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
        let (kind, time) = entry.end.row();
        let key = (entry.target.issuer(), kind, time, id.origin, id.number);
        change.open_table(ENDS)?.remove(key)?;
        log(change, REMOVED, id)?;
    }
    Ok(entry)
}
