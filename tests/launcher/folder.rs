//! A folder for the files of one test.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that is removed with the last clone of the value.
#[derive(Clone)]
pub(crate) struct Folder(Arc<Owned>);

struct Owned(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("jwtd-test-{}-{number}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            // Process ids come again: a folder that an aborted run left behind is not taken.
            match std::fs::create_dir(&folder) {
                Ok(()) => return Self(Arc::new(Owned(folder))),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("{}: {error}", folder.display()),
            }
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.0.0
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

impl Drop for Owned {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
