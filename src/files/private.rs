//! Temporary folders that only the current user can enter.

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use std::fs::Permissions;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::{Builder, TempDir};

/// A folder that only the current user can enter, with an unpredictable name. It is removed when
/// the value is dropped.
#[derive(Debug)]
pub struct Folder(TempDir);

impl Folder {
    /// Creates a folder in the system's temporary folder.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn temporary() -> io::Result<Self> {
        builder("jwtd-").tempdir().map(Self)
    }

    /// The path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The path of the file `name` in the folder.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

fn builder(prefix: &str) -> Builder<'_, 'static> {
    let mut builder = Builder::new();
    builder.prefix(prefix).permissions(Permissions::from_mode(0o700));
    builder
}

/// The longest path of a socket, in bytes (unix(7)).
pub const SOCKET_PATH_BYTES: usize = 107;

/// Creates a file system object, such as a socket, with its final permissions before anyone else
/// can reach it, and moves it to `path` atomically. `make` gets the temporary path to create. Also
/// returns the inode.
///
/// # Errors
/// If any step fails; nothing is left then.
pub fn make_in_place<T>(
    path: &Path,
    mode: u32,
    make: impl FnOnce(&Path) -> io::Result<T>,
) -> io::Result<(T, u64)> {
    const NAME: &str = "s";

    // Few random letters, because the path of a socket must be short.
    let folder = builder(".").rand_bytes(8).tempdir_in(super::parent(path))?;
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // From here on, use the folder's descriptor and not its path, which may lead elsewhere by now.
    let folder_itself: OwnedFd = rustix::fs::open(folder.path(), flags, Mode::empty())?;
    // Go through the descriptor's number if the path would be too long for a socket, even though
    // the final path is not.
    let unfinished = folder.path().join(NAME);
    let unfinished = if unfinished.as_os_str().len() <= SOCKET_PATH_BYTES {
        unfinished
    } else {
        Path::new("/proc/self/fd").join(folder_itself.as_raw_fd().to_string()).join(NAME)
    };
    let made = make(&unfinished)?;
    rustix::fs::chmodat(&folder_itself, NAME, Mode::from_raw_mode(mode), AtFlags::empty())?;
    let found = rustix::fs::statat(&folder_itself, NAME, AtFlags::SYMLINK_NOFOLLOW)?;
    rustix::fs::renameat(&folder_itself, NAME, CWD, path)?;
    Ok((made, found.st_ino))
}
