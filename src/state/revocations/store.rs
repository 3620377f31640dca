//! The file of the store: opened, looked through for damage, and read.

use super::counted::Counted;
use super::entry::{EntryId, RevocationEntry};
use super::error::{RevocationStoreError, WAY_OUT, damage, failure};
use super::tables::{
    ENDS, ENTRIES, FORMAT, HORIZON, LAST_CHANGE, LOG, META, ORIGIN, REQUEST_TIMES, REQUESTS,
    TARGETS, THIS_FORMAT, TOMBSTONES,
};
use super::writing::Writing;
use super::{opening, record};
use crate::files;
use crate::state::StateFolder;
use jwtd_core::crypto::random;
use jwtd_core::jose::UnixTime;
use jwtd_core::verify::{RevocationKind, RevocationTarget, Standing};
use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, TableError,
};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// The file of the store, in the folder for state.
const FILE: &str = "revocations.redb";

/// Its name until its tables are made.
const NEW_FILE: &str = "revocations.redb.new";

/// Beside it: which daemon it is of. So a file that vanished is told from one that never was.
const ORIGIN_FILE: &str = "revocations.origin";

/// An opened store.
#[derive(Debug)]
pub struct RevocationStore {
    pub(super) db: Database,
    path: PathBuf,
    origin: u128,
    /// Own numbers begin after this.
    floor: u64,
    /// It is locked for as long as this lives.
    folder: StateFolder,
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
    /// Whether there is a store in `folder`.
    #[must_use]
    pub fn is_in(folder: &StateFolder) -> bool {
        folder.path().join(ORIGIN_FILE).exists()
    }

    /// Opens the store in `folder`, or makes it.
    ///
    /// # Errors
    /// If the file cannot be read or written, is damaged, or is gone although it was there.
    pub fn open(folder: &StateFolder, now: UnixTime) -> Result<Self, RevocationStoreError> {
        let (path, origin_file) = (folder.path().join(FILE), folder.path().join(ORIGIN_FILE));
        let failed = |what: String| RevocationStoreError { path: path.clone(), what };
        let io = |error: io::Error| failed(format!("{}; {WAY_OUT}", files::words::of_io(&error)));
        let known =
            known_origin(&origin_file).map_err(|what| failed(format!("{what}; {WAY_OUT}")))?;
        if known.is_none() && opening::is_empty(&path).map_err(io)? {
            // Made whole under another name: a start that is killed leaves no half of a store.
            let new = folder.path().join(NEW_FILE);
            files::remove(&new).map_err(io)?;
            Self::read(&new, folder, now)?;
            files::rename(&new, &path).map_err(io)?;
        }
        if opening::is_empty(&path).map_err(io)? {
            return Err(failed(format!("its entries are gone; {WAY_OUT}")));
        }
        let store = Self::read(&path, folder, now)?;
        match known {
            Some(known) if known != store.origin => {
                return Err(failed(format!("is the store of another daemon; {WAY_OUT}")));
            }
            Some(_) => {}
            None => {
                let text = format!("{:032x}\n", store.origin);
                files::replace(&origin_file, 0o600, text.as_bytes()).map_err(io)?;
            }
        }
        Ok(store)
    }

    /// Opens the file at `path`, with all tables.
    fn read(
        path: &Path,
        folder: &StateFolder,
        now: UnixTime,
    ) -> Result<Self, RevocationStoreError> {
        let failed = |what: String| RevocationStoreError { path: path.to_owned(), what };
        let io = |error: io::Error| failed(format!("{}; {WAY_OUT}", files::words::of_io(&error)));
        let exists = !opening::is_empty(path).map_err(io)?;
        let file = files::open_to_change(path, 0o600).map_err(io)?;
        // The library panics at some damage.
        let opened = catch_unwind(AssertUnwindSafe(|| opening::open(file, path, exists)));
        let db = opened.unwrap_or_else(|_| Err(damage("it cannot be read"))).map_err(failed)?;
        // The moment of the start, in milliseconds: a store that is older than what others have of
        // it, because it was restored from a backup, gives no number again that it gave before.
        let floor = u64::try_from(now.seconds()).unwrap_or_default().saturating_mul(1000);
        let store = Self { db, path: path.to_owned(), origin: 0, floor, folder: folder.clone() };
        let origin = store.begin_tables(now)?;
        let format = store.format()?;
        if format != THIS_FORMAT {
            return Err(failed(format!(
                "was written by another version of jwtd (format {format}; this one reads \
                 {THIS_FORMAT}); fix: run that version, keep what `jwtd revocations list --output \
                 json` says, remove `{FILE}` and `{ORIGIN_FILE}`, and revoke it anew with this one"
            )));
        }
        Ok(Self { origin, ..store })
    }

    /// The format of the tables; 1 before it had a number.
    fn format(&self) -> Result<u128, RevocationStoreError> {
        self.within(|| {
            let meta = self.db.begin_read()?.open_table(META)?;
            Ok(meta.get(FORMAT)?.map_or(1, |one| one.value()))
        })
    }

    /// The origin, which came in one commit with all tables.
    fn known_origin(&self) -> Result<Option<u128>, RevocationStoreError> {
        self.within(|| match self.db.begin_read()?.open_table(META) {
            Ok(meta) => Ok(meta.get(ORIGIN)?.map(|one| one.value())),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        })
    }

    /// Makes the tables if they are missing; gives the origin.
    fn begin_tables(&self, now: UnixTime) -> Result<u128, RevocationStoreError> {
        // A start on a full disk needs no room.
        if let Some(origin) = self.known_origin()? {
            return Ok(origin);
        }
        self.within(|| {
            let change = self.db.begin_write()?;
            let origin = {
                let mut meta = change.open_table(META)?;
                let known = meta.get(ORIGIN)?.map(|one| one.value());
                let origin = match known {
                    Some(origin) => origin,
                    None => {
                        meta.insert(FORMAT, THIS_FORMAT)?;
                        let bytes =
                            random(16).map_err(|error| io::Error::other(error.to_string()))?;
                        let bytes = bytes.try_into().unwrap_or_default();
                        let origin = u128::from_be_bytes(bytes);
                        meta.insert(ORIGIN, origin)?;
                        meta.insert(HORIZON, u128::try_from(now.seconds()).unwrap_or_default())?;
                        origin
                    }
                };
                change.open_table(ENTRIES)?;
                change.open_table(TARGETS)?;
                change.open_table(ENDS)?;
                change.open_table(TOMBSTONES)?;
                change.open_table(REQUESTS)?;
                change.open_table(REQUEST_TIMES)?;
                change.open_table(LOG)?;
                origin
            };
            change.commit()?;
            Ok(origin)
        })
    }

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

/// The daemon whose store was in the folder.
fn known_origin(path: &Path) -> Result<Option<u128>, String> {
    let text = match files::open_own(path).and_then(io::read_to_string) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| format!("{ORIGIN_FILE}: {}", files::words::of_io(&error)))?,
    };
    let origin = u128::from_str_radix(text.trim_end(), 16);
    origin.map(Some).map_err(|_| format!("{ORIGIN_FILE} names no daemon"))
}
