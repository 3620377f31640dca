//! The file of the store opened, and looked through for damage.

use super::error::{RevocationStoreError, WAY_OUT, damage, hindrance};
use super::store::RevocationStore;
use super::tables::{
    ENDS, ENTRIES, FORMAT, HORIZON, LAST_CHANGE, LAST_OWN, LOG, META, ORIGIN, REQUEST_TIMES,
    REQUESTS, TARGETS, THIS_FORMAT, TOMBSTONES,
};
use crate::files;
use crate::state::StateFolder;
use jwtd_core::crypto::random;
use jwtd_core::jose::UnixTime;
use redb::backends::FileBackend;
use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, TableError,
};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// The file of the store, in the folder for state.
const FILE: &str = "revocations.redb";

/// Beside it: which daemon it is of. So a file that vanished is told from one that never was.
const ORIGIN_FILE: &str = "revocations.origin";

/// What redb may keep of the file in memory.
const CACHE_BYTES: usize = 8 << 20;

/// Its name until its tables are made.
const NEW_FILE: &str = "revocations.redb.new";

impl RevocationStore {
    /// Returns true if there is a store in `folder`.
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
        if known.is_none() && is_empty(&path).map_err(io)? {
            // Made whole under another name: a start that is killed leaves no half of a store.
            let new = folder.path().join(NEW_FILE);
            files::remove(&new).map_err(io)?;
            Self::read(&new, folder, now)?;
            files::rename(&new, &path).map_err(io)?;
        }
        if is_empty(&path).map_err(io)? {
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
        let exists = !is_empty(path).map_err(io)?;
        let file = files::open_to_change(path, 0o600).map_err(io)?;
        // The library panics at some damage.
        let opened = catch_unwind(AssertUnwindSafe(|| open_file(file, path, exists)));
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
}

/// Returns true if the file is missing or empty.
///
/// # Errors
/// If it cannot be looked at.
fn is_empty(path: &Path) -> io::Result<bool> {
    match std::fs::symlink_metadata(path) {
        Ok(found) => Ok(found.is_file() && found.len() == 0),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Opens the file; one that `exists` is looked through, every page of it.
///
/// # Errors
/// What is wrong with it.
#[cfg_attr(not(test), expect(unused_variables, reason = "only the disks of tests have names"))]
fn open_file(file: File, path: &Path, exists: bool) -> Result<Database, String> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    let disk = FileBackend::new(file).map_err(hindrance)?;
    #[cfg(test)]
    let disk = super::full_disk::Disk::new(disk, path);
    let mut db = builder.create_with_backend(disk).map_err(hindrance)?;
    if exists {
        let before = summary(&db);
        // Damage of what was committed in two phases is an error. No error, but false, it also
        // says of a good file whose notes of free pages it writes anew, which comes to pass at
        // about one in a hundred restarts; then everything is still there.
        let was_clean = db.check_integrity().map_err(hindrance)?;
        if !was_clean && (before.is_none() || summary(&db) != before) {
            return Err(damage("a part of it does not fit the others"));
        }
    }
    Ok(db)
}

/// The numbers and the lengths of everything, if they can be read.
fn summary(db: &Database) -> Option<[u128; 9]> {
    let read = || -> Result<[u128; 9], redb::Error> {
        let read = db.begin_read()?;
        let meta = read.open_table(META)?;
        let number = |name| meta.get(name).map(|one| one.map_or(0, |one| one.value()));
        Ok([
            number(LAST_CHANGE)?,
            number(LAST_OWN)?,
            number(HORIZON)?,
            read.open_table(ENTRIES)?.len()?.into(),
            read.open_table(TARGETS)?.len()?.into(),
            read.open_table(ENDS)?.len()?.into(),
            read.open_table(TOMBSTONES)?.len()?.into(),
            read.open_table(LOG)?.len()?.into(),
            read.open_table(REQUESTS)?.len()?.into(),
        ])
    };
    read().ok()
}

/// The daemon whose store was in the folder.
fn known_origin(path: &Path) -> Result<Option<u128>, String> {
    let text = match files::open_own(path).and_then(io::read_to_string) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| format!("{ORIGIN_FILE}: {}", files::words::of_io(&error)))?,
    };
    let origin = u128::from_str_radix(text.trim_end(), 16);
    origin.map(Some).map_err(|_| format!("{ORIGIN_FILE} names no daemon"))
}
