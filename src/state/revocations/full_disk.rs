//! A disk that is full for as long as a test wants: what is written fails, what is read does not.

use redb::StorageBackend;
use redb::backends::FileBackend;
use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The files on full disks.
static FULL: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// The disk of one store is full while this lives.
#[derive(Debug)]
pub(crate) struct FullDisk(PathBuf);

impl FullDisk {
    /// That of the store in this folder.
    pub(crate) fn of(folder: &Path) -> Self {
        let file = folder.join("revocations.redb");
        FULL.lock().unwrap_or_else(PoisonError::into_inner).insert(file.clone());
        Self(file)
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        FULL.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// A file that may be on a full disk.
#[derive(Debug)]
pub(super) struct Disk {
    file: FileBackend,
    path: PathBuf,
}

impl Disk {
    pub(super) fn new(file: FileBackend, path: &Path) -> Self {
        Self { file, path: path.to_owned() }
    }

    fn has_room(&self) -> io::Result<()> {
        let full = FULL.lock().unwrap_or_else(PoisonError::into_inner).contains(&self.path);
        if full { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if len > self.file.len()? {
            self.has_room()?;
        }
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.has_room()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.has_room()?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}
