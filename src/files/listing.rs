//! The files of a folder that an operator fills.

use jwtd_core::crypto::{Digest, digest};
use std::io;
use std::path::{Path, PathBuf};

/// The regular files of a folder, in the order of their names. What begins with a dot is left
/// out: the folders behind a mounted Secret of Kubernetes do, and what editors leave behind.
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
            // Through links, of which a mounted Secret consists.
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

    /// A fingerprint of the names: it changes when a file comes or goes.
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
