//! Folders that only we can enter, gone with the value.

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use std::fs::Permissions;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::{Builder, TempDir};

/// A folder that only we can enter. It has a name that nobody can guess, and is removed with
/// the value.
#[derive(Debug)]
pub struct Folder(TempDir);

impl Folder {
    /// Makes one where temporary files belong.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn temporary() -> io::Result<Self> {
        builder("jwtd-").tempdir().map(Self)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where the file `name` in it is.
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

/// The longest path of a socket (unix(7)), in bytes.
pub const SOCKET_PATH_BYTES: usize = 107;

/// Makes something that the file system names, such as a socket, with its final rights before
/// anybody else can reach it, and puts it in the place of `path` in one step. `make` is told
/// where to make it. Gives also its inode.
///
/// # Errors
/// If anything of this fails; nothing is left then.
pub fn make_in_place<T>(
    path: &Path,
    mode: u32,
    make: impl FnOnce(&Path) -> io::Result<T>,
) -> io::Result<(T, u64)> {
    const NAME: &str = "s";

    // Few letters: the path of a socket is short.
    let folder = builder(".").rand_bytes(8).tempdir_in(super::parent(path))?;
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // From here on by the folder and not by its path, which may lead elsewhere by now.
    let folder_itself: OwnedFd = rustix::fs::open(folder.path(), flags, Mode::empty())?;
    // By the number of the descriptor where the path would be longer than a socket's may be,
    // although the one that it is moved to is not.
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
