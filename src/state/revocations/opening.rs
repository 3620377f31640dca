//! The file of the store opened, and looked through for damage.

use super::error::{damage, hindrance};
use super::tables::{
    ENDS, ENTRIES, HORIZON, LAST_CHANGE, LAST_OWN, LOG, META, REQUESTS, TARGETS, TOMBSTONES,
};
use redb::backends::FileBackend;
use redb::{Database, ReadableDatabase as _, ReadableTableMetadata as _};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

/// What redb may keep of the file in memory.
const CACHE_BYTES: usize = 8 << 20;

/// Whether nothing is in the file, or it is not there.
///
/// # Errors
/// If it cannot be looked at.
pub(super) fn is_empty(path: &Path) -> io::Result<bool> {
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
pub(super) fn open(file: File, path: &Path, exists: bool) -> Result<Database, String> {
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
