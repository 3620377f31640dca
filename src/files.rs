//! Files and folders: the only module that opens, creates and replaces them.
//!
//! Another user of the machine may have planted something in the place of a file. So writes never
//! follow a symbolic link, new files get their final permissions at once, and anything but a
//! regular file (a named pipe, a device, a socket) is refused before a read can block on it. Reads
//! do follow links: a mounted ConfigMap or Secret of Kubernetes consists of them. The only module
//! that names `rustix` and `tempfile`.

mod listing;
mod private;
pub mod words;

pub use listing::Listing;
pub use private::{Folder, SOCKET_PATH_BYTES, make_in_place};

use rustix::fs::{Access, AtFlags, CWD, FlockOperation, OFlags};
use rustix::io::Errno;
use std::fs::{DirBuilder, File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _,
    PermissionsExt as _,
};
use std::path::Path;
use tempfile::NamedTempFile;

/// The limit for files that people write, in bytes; no legitimate file comes near it.
pub const MOST: u64 = 4 << 20;

/// The most files that are read from a folder.
pub const LISTED: usize = 100;

/// The permission bit that lets everybody write.
const WRITABLE_BY_ALL: u32 = 0o002;

/// Opens a regular file for reading.
///
/// # Errors
/// If it cannot be read, or is no regular file.
pub fn open(path: &Path) -> io::Result<File> {
    // Check before opening: opening a device can have side effects.
    regular(std::fs::metadata(path)?.file_type())?;
    let file = options(OFlags::empty()).read(true).open(path)?;
    // Check again: the path may refer to another file by now.
    regular(file.metadata()?.file_type())?;
    Ok(file)
}

/// Opens a regular file that a daemon of ours created, for reading; refuses a symbolic link.
///
/// # Errors
/// If it cannot be read, or is no regular file.
pub fn open_own(path: &Path) -> io::Result<File> {
    regular(std::fs::symlink_metadata(path)?.file_type())?;
    let file = options(OFlags::NOFOLLOW).read(true).open(path)?;
    regular(file.metadata()?.file_type())?;
    Ok(file)
}

/// The metadata of a file that changes whenever its contents do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stamp([i128; 5]);

/// Reads the stamp of the file at `path`, following links.
///
/// # Errors
/// If the metadata cannot be read.
pub fn stamp(path: &Path) -> io::Result<Stamp> {
    let found = std::fs::metadata(path)?;
    let time = |seconds: i64, nanoseconds: i64| {
        i128::from(seconds).saturating_mul(1_000_000_000).saturating_add(i128::from(nanoseconds))
    };
    Ok(Stamp([
        found.dev().into(),
        found.ino().into(),
        found.len().into(),
        time(found.mtime(), found.mtime_nsec()),
        time(found.ctime(), found.ctime_nsec()),
    ]))
}

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// If it cannot be read, is larger, or is no regular file.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(length).is_ok_and(|length| length > most) {
        let what = format!("larger than {most} bytes");
        return Err(io::Error::new(ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}

/// Reads a regular text file of at most `most` bytes.
///
/// # Errors
/// Those of [`read`], or if it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let text = String::from_utf8(read(path, most)?);
    text.map_err(|_| io::Error::new(ErrorKind::InvalidData, "is not UTF-8"))
}

/// Opens a file for appending, and creates it with the permissions `mode` if it does not exist. The
/// handle can also read, if the permissions allow that.
///
/// # Errors
/// If it cannot be written, is no regular file, or may have been planted by another user.
pub fn append(path: &Path, mode: u32) -> io::Result<File> {
    match std::fs::symlink_metadata(path) {
        Ok(found) => regular(found.file_type())?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut options = options(OFlags::NOFOLLOW);
    options.create(true).append(true).mode(mode);
    let file = match options.clone().read(true).open(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => options.open(path)?,
        opened => opened?,
    };
    let found = file.metadata()?;
    regular(found.file_type())?;
    if std::fs::metadata(parent(path))?.mode() & WRITABLE_BY_ALL != 0 {
        laid_by_us(&found)?;
    }
    Ok(file)
}

/// Opens a file for reading and appending, creates it with the permissions `mode` if it does not
/// exist, and locks it until it is closed (flock(2)). Returns `None` if another process holds the
/// lock.
///
/// # Errors
/// Those of [`append`], or if the file system has no locks.
pub fn lock(path: &Path, mode: u32) -> io::Result<Option<File>> {
    let file = append(path, mode)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Opens a file for reading and for writing at any position, and creates it with the permissions
/// `mode` if it does not exist.
///
/// # Errors
/// If it cannot be written, or is no regular file.
pub fn open_to_change(path: &Path, mode: u32) -> io::Result<File> {
    match std::fs::symlink_metadata(path) {
        Ok(found) => regular(found.file_type())?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut options = options(OFlags::NOFOLLOW);
    options.read(true).write(true).create(true).truncate(false).mode(mode);
    let file = options.open(path)?;
    let found = file.metadata()?;
    regular(found.file_type())?;
    laid_by_us(&found)?;
    Ok(file)
}

/// Writes a new file with the permissions `mode`.
///
/// # Errors
/// If it cannot be written, or if the path exists already, even as a dangling link.
pub fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let mut options = options(OFlags::NOFOLLOW);
    let mut file = options.write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Replaces a file atomically with one that has the permissions `mode`: readers see the old or the
/// new contents, also after a crash. A symbolic link is replaced, and its target stays as it is.
///
/// # Errors
/// If it cannot be written; the old file is then still there.
pub fn replace(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let mut beside = tempfile::Builder::new();
    beside.prefix(".").permissions(std::fs::Permissions::from_mode(mode));
    let mut file = beside.tempfile_in(parent(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Removes a file, if there is one. A link is removed, and what it leads to stays as it is.
///
/// # Errors
/// If it is there and cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Gives a file another name in the same folder, in the place of whatever has that name. When this
/// returns, a crash does not undo it.
///
/// # Errors
/// If it cannot be renamed.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    File::open(parent(to))?.sync_all()
}

/// Creates a folder and its parents with access for the current user only, if it does not exist.
///
/// # Errors
/// If it cannot be created.
pub fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Checks by trying that files can be created in a folder, and returns the user that owns them.
///
/// # Errors
/// If they cannot.
pub fn owner_in(folder: &Path) -> io::Result<u32> {
    Ok(NamedTempFile::new_in(folder)?.as_file().metadata()?.uid())
}

/// Returns true if `path` is a symbolic link that neither the current user nor root created.
///
/// # Errors
/// If its metadata cannot be read.
pub fn is_foreign_link(path: &Path) -> io::Result<bool> {
    let found = std::fs::symlink_metadata(path)?;
    Ok(found.is_symlink() && !is_trusted(found.uid()))
}

/// Returns true if the current user may write to a file, or create files in a folder. Only asks for
/// access and writes nothing.
#[must_use]
pub fn is_writable(path: &Path) -> bool {
    let wanted = if path.is_dir() { Access::WRITE_OK | Access::EXEC_OK } else { Access::WRITE_OK };
    rustix::fs::accessat(CWD, path, wanted, AtFlags::EACCESS).is_ok()
}

/// Returns true if the file is a Unix socket.
#[must_use]
pub fn is_socket(found: &Metadata) -> bool {
    found.file_type().is_socket()
}

/// The owner and the permissions of a file.
#[must_use]
pub fn owner_and_mode(found: &Metadata) -> (u32, u32) {
    (found.uid(), found.mode() & 0o777)
}

/// The effective user, which owns files that the daemon creates.
#[must_use]
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Options for opening a file without blocking, and without taking a terminal as the controlling
/// one.
fn options(more: OFlags) -> OpenOptions {
    let mut options = OpenOptions::new();
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | more;
    options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    options
}

fn regular(kind: FileType) -> io::Result<()> {
    let what = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_symlink() {
        "a symbolic link, which anyone could have planted,"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    let what = format!("is {what} and not a file");
    Err(io::Error::new(ErrorKind::InvalidInput, what))
}

/// Refuses a file that another user may have planted. In a folder where everybody may write, a file
/// may belong to somebody else, or be a hard link to one of our own files.
fn laid_by_us(found: &Metadata) -> io::Result<()> {
    let what = if !is_trusted(found.uid()) {
        format!("belongs to user {}, in a folder where everybody may write", found.uid())
    } else if found.nlink() > 1 {
        "has several names, in a folder where everybody may write".to_owned()
    } else {
        return Ok(());
    };
    Err(io::Error::new(ErrorKind::PermissionDenied, what))
}

fn is_trusted(user: u32) -> bool {
    user == 0 || user == self::user()
}

/// The folder that contains `path`.
#[must_use]
pub fn parent(path: &Path) -> &Path {
    or_here(path.parent().unwrap_or_else(|| Path::new("")))
}

/// The folder, or the current one if its path is empty.
#[must_use]
pub fn or_here(folder: &Path) -> &Path {
    if folder == Path::new("") { Path::new(".") } else { folder }
}

#[cfg(test)]
mod tests;
