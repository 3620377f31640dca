//! What outlives the process: one folder that only we can write to, of one version, used by
//! one process at a time.

mod key_sets;
mod revocations;

#[cfg(test)]
pub(crate) use revocations::FullDisk;

pub use key_sets::{KeptKeySet, public_part};
pub use revocations::{
    Added, BadEntryId, EndedBy, EntryEnd, EntryFilter, EntryId, KnownRequest, LogChange, OwnNumber,
    RevocationEntry, RevocationRecord, RevocationStore, RevocationStoreError, ToldStream,
    Tombstone, Writing,
};

use crate::files;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder that only we can write to. Clones share it, and with the last of them another
/// process may have it.
#[derive(Clone, Debug)]
pub struct StateFolder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    owner: u32,
    /// Held open: the lock is that of the open file.
    _lock: File,
}

/// Why a folder cannot hold state.
#[derive(Debug, thiserror::Error)]
#[error("state_dir {}: {what}", path.display())]
pub struct StateError {
    path: PathBuf,
    what: String,
}

/// Rights of group and others to write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The version of the files in the folder. One that cannot be read by the version before has
/// another number.
const VERSION: &str = "1";

/// The file that is locked, and says the version.
const LOCK: &str = "version";

impl StateFolder {
    /// Takes the folder at `path` for this process, and makes it if it is not there.
    ///
    /// # Errors
    /// If it cannot be made or written, if others can write to it: they could give us keys of
    /// their own; if another process has it, or if it is of another version.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let failed = |what: String| StateError { path: path.to_owned(), what };
        let io = |error: io::Error| {
            failed(format!("cannot be used: {}; check the path", files::words::of_io(&error)))
        };
        files::make_folder(path).map_err(io)?;
        if files::is_foreign_link(path).map_err(io)? {
            let what = "is a symbolic link of another user; name the folder itself";
            return Err(failed(what.to_owned()));
        }
        // What we make is ours; so the operating system tells who we are.
        let owner = files::owner_in(path).map_err(io)?;
        let folder = std::fs::metadata(path).map_err(io)?;
        if folder.uid() != owner {
            let what = format!("belongs to user {}, and we are user {owner}", folder.uid());
            return Err(failed(format!("{what}; choose a folder of our own, or one to be made")));
        }
        if folder.mode() & WRITABLE_BY_OTHERS != 0 {
            let mode = folder.mode() & 0o777;
            let what = format!("others can write to it (mode {mode:04o})");
            return Err(failed(format!("{what}; chmod go-w, or name a folder in it to be made")));
        }
        let unlocked = |error: io::Error| {
            failed(format!(
                "its file `{LOCK}` cannot be locked: {}; check what is there, and that the file \
                 system has locks",
                files::words::of_io(&error)
            ))
        };
        let lock = files::lock(&path.join(LOCK), 0o600).map_err(unlocked)?;
        let Some(mut lock) = lock else {
            let what = "another process uses it; give each daemon a folder of its own";
            return Err(failed(what.to_owned()));
        };
        match &*version(&mut lock).map_err(io)? {
            // A loss of power must not leave something else in the file. Where that cannot be
            // seen to, the folder serves all the same.
            VERSION => lock.sync_all().unwrap_or_default(),
            other => {
                return Err(failed(format!(
                    "is of version {other:?}, and this jwtd knows version {VERSION}; use the jwtd \
                     that made it, or name another folder"
                )));
            }
        }
        Ok(Self(Arc::new(Inner { path: path.to_owned(), owner, _lock: lock })))
    }

    fn path(&self) -> &Path {
        &self.0.path
    }

    /// The user that everything in it belongs to.
    fn owner(&self) -> u32 {
        self.0.owner
    }
}

/// The version that the file says; into one that is new it is written. A volume that is full
/// can still be read, and a file that stays empty is new again the next time.
fn version(lock: &mut (impl Read + Write)) -> io::Result<String> {
    let mut text = String::new();
    lock.take(32).read_to_string(&mut text)?;
    if text.is_empty() {
        return match writeln!(lock, "{VERSION}") {
            Err(error) if !is_full(error.kind()) => Err(error),
            Ok(()) | Err(_) => Ok(VERSION.to_owned()),
        };
    }
    Ok(text.trim_end().to_owned())
}

fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// A path where no folder is yet.
    pub(super) struct UnusedPath(files::Folder, PathBuf);

    impl UnusedPath {
        pub(super) fn new() -> Self {
            let parent = files::Folder::temporary().unwrap();
            let path = parent.join("state");
            Self(parent, path)
        }

        pub(super) fn path(&self) -> &Path {
            assert!(self.1.starts_with(self.0.path()));
            &self.1
        }
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused() {
        let folder = UnusedPath::new();
        drop(StateFolder::open(folder.path()).unwrap());
        let chmod = |mode| {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        for mode in [0o720, 0o702, 0o777] {
            chmod(mode);
            let error = StateFolder::open(folder.path()).unwrap_err().to_string();
            assert!(error.contains("others can write to it"), "{error}");
        }
        chmod(0o755);
        StateFolder::open(folder.path()).unwrap();
    }

    #[test]
    fn a_folder_is_for_one_process_at_a_time() {
        let folder = UnusedPath::new();
        let first = StateFolder::open(folder.path()).unwrap();
        let clone = first.clone();
        drop(first);
        let error = StateFolder::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("another process uses it; give each daemon"), "{error}");
        drop(clone);
        StateFolder::open(folder.path()).unwrap();
    }

    /// An empty file on a volume on which writing ends in this way.
    struct Volume(ErrorKind);

    impl Read for Volume {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Ok(0)
        }
    }

    impl Write for Volume {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_volume_that_is_full_is_still_read() {
        for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
            assert_eq!(version(&mut Volume(kind)).unwrap(), VERSION);
        }
        let denied = version(&mut Volume(ErrorKind::PermissionDenied)).unwrap_err();
        assert_eq!(denied.kind(), ErrorKind::PermissionDenied);
    }

    #[test]
    fn a_folder_of_another_version_is_refused_and_stays_as_it_is() {
        let folder = UnusedPath::new();
        drop(StateFolder::open(folder.path()).unwrap());
        let file = folder.path().join(LOCK);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "1\n");
        for other in ["2\n", "\n", "1 and more than fits a version that anybody would write\n"] {
            std::fs::write(&file, other).unwrap();
            let error = StateFolder::open(folder.path()).unwrap_err().to_string();
            assert!(error.contains("is of version"), "{error}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), other);
        }
    }

    #[test]
    fn a_link_in_the_place_of_the_lock_is_not_followed() {
        let folder = UnusedPath::new();
        drop(StateFolder::open(folder.path()).unwrap());
        let (file, elsewhere) = (folder.path().join(LOCK), folder.path().join("elsewhere"));
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
        let error = StateFolder::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("symbolic link"), "{error}");
        assert!(!elsewhere.exists());
    }
}
