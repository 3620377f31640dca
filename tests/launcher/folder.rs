//! A folder for the files of one test.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder that is removed with the last clone of the value.
#[derive(Clone)]
pub(crate) struct Folder(Arc<jwtd::files::Folder>);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(Arc::new(jwtd::files::Folder::temporary().unwrap()))
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Puts `text` in the place of a file in one step: a daemon that reads it meanwhile finds
    /// either the old text or the new one.
    pub(crate) fn replace(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let (new, path) = (self.path(&format!("{name}.new")), self.path(name));
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, &path).unwrap();
        path
    }
}
