//! Files and folders: the only room that opens, makes and replaces them.
//!
//! Another user of the machine may have put something in the place of a file. So what is
//! written never follows a symbolic link, what is made gets its final rights at once, and
//! what is no regular file (a named pipe, a device, a socket) is refused before anybody
//! waits for it. What is read does follow links: a mounted ConfigMap or Secret of Kubernetes
//! consists of them. The only room that names `rustix` and `tempfile`.

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

/// A bound for files that people write: no honest one comes near it.
pub const MOST: u64 = 4 << 20;

/// The most files of a folder that is read whole.
pub const LISTED: usize = 100;

/// The right of everybody to write.
const WRITABLE_BY_ALL: u32 = 0o002;

/// Opens a regular file for reading.
///
/// # Errors
/// If it cannot be read, or is no regular file.
pub fn open(path: &Path) -> io::Result<File> {
    // Before it is opened: to open a device may already do something.
    regular(std::fs::metadata(path)?.file_type())?;
    let file = options(OFlags::empty()).read(true).open(path)?;
    // Something else may be there by now.
    regular(file.metadata()?.file_type())?;
    Ok(file)
}

/// Opens a regular file that a daemon of ours made, for reading; a link is refused.
///
/// # Errors
/// If it cannot be read, or is no regular file.
pub fn open_own(path: &Path) -> io::Result<File> {
    regular(std::fs::symlink_metadata(path)?.file_type())?;
    let file = options(OFlags::NOFOLLOW).read(true).open(path)?;
    regular(file.metadata()?.file_type())?;
    Ok(file)
}

/// What the file system says of a file: as long as it is the same, so is what is in the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stamp([i128; 5]);

/// The stamp of what is at `path`, through links.
///
/// # Errors
/// If nothing can be told of it.
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

/// Does the same with a text.
///
/// # Errors
/// Those of [`read`], or if it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let text = String::from_utf8(read(path, most)?);
    text.map_err(|_| io::Error::new(ErrorKind::InvalidData, "is not UTF-8"))
}

/// Opens a file to add to it, and makes it with the rights `mode` if it is not there. It
/// can be read too, if its rights allow that.
///
/// # Errors
/// If it cannot be written, is no regular file, or may have been laid there by another user.
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

/// Opens a file to read and to add to, makes it with the rights `mode` if it is not there, and
/// locks it until it is closed (flock(2)). Nothing if another process has locked it.
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

/// Opens a file to read it and to write anywhere in it, and makes it with the rights `mode` if it
/// is not there.
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

/// Writes a new file with the rights `mode`.
///
/// # Errors
/// If it cannot be written, or anything is there already, even a link that leads nowhere.
pub fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let mut options = options(OFlags::NOFOLLOW);
    let mut file = options.write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Puts a file with the rights `mode` in the place of whatever file is there, in one step:
/// whoever reads sees the old or the new one, also after a crash. A link is replaced, and
/// what it leads to stays as it is.
///
/// # Errors
/// If it cannot be written; the one before is then still there.
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

/// Makes a folder and those above it, for nobody but us, if it is not there.
///
/// # Errors
/// If it cannot be made.
pub fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Tries whether files can be made in a folder; gives the user that they belong to.
///
/// # Errors
/// If they cannot.
pub fn owner_in(folder: &Path) -> io::Result<u32> {
    Ok(NamedTempFile::new_in(folder)?.as_file().metadata()?.uid())
}

/// Whether `path` is a symbolic link that neither we nor root have laid.
///
/// # Errors
/// If it cannot be looked at.
pub fn is_foreign_link(path: &Path) -> io::Result<bool> {
    let found = std::fs::symlink_metadata(path)?;
    Ok(found.is_symlink() && !is_trusted(found.uid()))
}

/// Whether this user may write to a file, or make files in a folder. It is asked, and not tried.
#[must_use]
pub fn is_writable(path: &Path) -> bool {
    let wanted = if path.is_dir() { Access::WRITE_OK | Access::EXEC_OK } else { Access::WRITE_OK };
    rustix::fs::accessat(CWD, path, wanted, AtFlags::EACCESS).is_ok()
}

/// Whether something is a Unix socket.
#[must_use]
pub fn is_socket(found: &Metadata) -> bool {
    found.file_type().is_socket()
}

/// Whom something belongs to, and its rights.
#[must_use]
pub fn owner_and_mode(found: &Metadata) -> (u32, u32) {
    (found.uid(), found.mode() & 0o777)
}

/// The user that files of ours belong to.
#[must_use]
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Nothing is waited for, and a terminal does not become ours.
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
        "a symbolic link, which anybody may have laid,"
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

/// In a folder where everybody may make files, one that we open may be somebody else's, or
/// another name of any file of ours.
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

/// The folder in which `path` is.
#[must_use]
pub fn parent(path: &Path) -> &Path {
    or_here(path.parent().unwrap_or_else(|| Path::new("")))
}

/// The folder, or where we are if its path is empty.
#[must_use]
pub fn or_here(folder: &Path) -> &Path {
    if folder == Path::new("") { Path::new(".") } else { folder }
}

#[cfg(test)]
mod tests;
