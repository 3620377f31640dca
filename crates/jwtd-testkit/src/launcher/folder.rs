//! A folder for the files of one test.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder that is removed when the last clone of the value is dropped.
#[derive(Clone)]
pub struct Folder(Arc<tempfile::TempDir>);

impl Folder {
    pub fn new() -> Self {
        Self(Arc::new(tempfile::tempdir().unwrap()))
    }

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Replaces a file with `text` atomically: a daemon that reads it at the same time finds either
    /// the old text or the new one.
    pub fn replace(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let (new, path) = (self.path(&format!("{name}.new")), self.path(name));
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, &path).unwrap();
        path
    }
}
