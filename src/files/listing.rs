//! Lists the files of a folder that an operator fills.

use jwtd_core::crypto::{Digest, digest};
use std::io;
use std::path::{Path, PathBuf};

/// The regular files of a folder, sorted by name. Names that begin with a dot are skipped: the
/// internal folders of a mounted Kubernetes Secret, and backup files of editors.
#[derive(Debug)]
pub struct Listing(Vec<PathBuf>);

impl Listing {
    /// Reads the names in `folder`.
    ///
    /// # Errors
    /// If it cannot be read, or holds more than `most` files.
    pub fn of(folder: &Path, most: usize) -> io::Result<Self> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let is_hidden = entry.file_name().as_encoded_bytes().first() == Some(&b'.');
            // Follow links, because a mounted Secret consists of them.
            let is_file = || std::fs::metadata(entry.path()).is_ok_and(|found| found.is_file());
            if is_hidden || !is_file() {
                continue;
            }
            if paths.len() >= most {
                let what = format!("it holds more than {most} files");
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
            }
            paths.push(entry.path());
        }
        paths.sort();
        Ok(Self(paths))
    }

    /// Returns a fingerprint of the names, which changes when a file appears or disappears.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        digest(self.0.iter().map(|path| path.as_os_str().as_encoded_bytes()))
    }

    /// The paths of the files.
    #[must_use]
    pub fn into_paths(self) -> Vec<PathBuf> {
        self.0
    }
}
