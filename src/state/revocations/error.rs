//! Why the store cannot be used, and how to go on.

use crate::files;
use redb::{DatabaseError, StorageError};
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}", path.display())]
pub struct RevocationStoreError {
    pub(super) path: PathBuf,
    pub(super) what: String,
}

/// How an operator goes on when the store cannot be used.
pub(super) const WAY_OUT: &str = "fix: restore `revocations.redb` and `revocations.origin` from a backup, or \
                       remove both to start without entries, and revoke anew what must not pass; \
                       until then, revoked tokens would pass";

/// What went wrong with the file at `path`.
pub(super) fn failure(path: &Path, error: &redb::Error) -> RevocationStoreError {
    let what = match error {
        redb::Error::Io(error) => files::words::of_io(error),
        redb::Error::Corrupted(what) => damage(what),
        other => other.to_string(),
    };
    RevocationStoreError { path: path.to_owned(), what }
}

/// What is said of a file that is not what was written.
pub(super) fn damage(what: impl fmt::Display) -> String {
    format!("is damaged: {what}; {WAY_OUT}")
}

/// What hindered the opening. A disk without room has damaged nothing, and nobody shall be told to
/// remove entries then.
pub(super) fn hindrance(error: DatabaseError) -> String {
    const ROOM: [ErrorKind; 4] = [
        ErrorKind::FileTooLarge,
        ErrorKind::QuotaExceeded,
        ErrorKind::ReadOnlyFilesystem,
        ErrorKind::StorageFull,
    ];
    match error {
        DatabaseError::Storage(StorageError::Io(error)) if ROOM.contains(&error.kind()) => {
            files::words::of_io(&error)
        }
        other => damage(other),
    }
}
