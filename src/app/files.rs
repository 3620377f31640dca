//! Files that may change while the daemon runs: what is in them, and word of changes. The
//! only file that names `notify`.

use crate::files::{LISTED, Listing, open, words as io_words};
use jwtd_core::crypto::{Digest, digest};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Notify;

/// Files whose changes matter.
#[derive(Debug)]
pub(super) struct Files {
    paths: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
    changed: Arc<Notify>,
    /// Nothing if the operating system does not tell; then asking from time to time must
    /// do.
    watcher: Option<RecommendedWatcher>,
}

/// What is in each file.
pub(super) type Contents = BTreeMap<PathBuf, Digest>;

/// No more of a file is looked at: none that is larger is accepted.
const MOST: u64 = 4 << 20;

impl Files {
    /// Watches over `paths`; `changed` is told when one of them may have changed.
    pub(super) fn new(paths: impl IntoIterator<Item = PathBuf>, changed: Arc<Notify>) -> Self {
        let tell = Arc::clone(&changed);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // To read a file is an event too, and would never end.
            let read = event.is_ok_and(
                |event| matches!(event.kind, EventKind::Access(kind) if !is_written(kind)),
            );
            if !read {
                tell.notify_one();
            }
        });
        let watcher = watcher.inspect_err(|error| {
            let error = words(error);
            tracing::warn!(error, "changes of files are noticed only by asking now and then");
        });
        let (paths, folders) = (paths.into_iter().collect(), BTreeSet::new());
        let mut files = Self { paths, folders, changed, watcher: watcher.ok() };
        files.watch();
        files
    }

    /// Watches over these paths from now on.
    pub(super) fn replace(&mut self, paths: impl IntoIterator<Item = PathBuf>) {
        self.paths = paths.into_iter().collect();
        self.watch();
    }

    /// Whether this path is watched over.
    pub(super) fn contains(&self, path: &Path) -> bool {
        self.paths.contains(path)
    }

    /// Comes to its end when one of the files may have changed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What is in the files.
    pub(super) fn contents(&self) -> Contents {
        contents(&self.paths)
    }

    /// The folders are watched, and not the files: a ConfigMap is swapped by a rename of a
    /// link beside them, and most editors put a new file in the old one's place.
    fn watch(&mut self) {
        let parent = |path: &Path| match path.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        // Where a link points to, something may change as well.
        let targets = self.paths.iter().filter_map(|path| path.canonicalize().ok());
        let targets: Vec<_> = targets.collect();
        let all = self.paths.iter().chain(&targets);
        // A folder that is read whole is watched, and so is what it lies in.
        let whole = self.paths.iter().filter(|path| path.is_dir()).cloned();
        let wanted: BTreeSet<_> = all.map(|path| parent(path)).chain(whole).collect();
        let Some(watcher) = &mut self.watcher else { return };
        // Also those that are watched already: another folder may bear the name now.
        for old in &self.folders {
            watcher.unwatch(old).ok();
        }
        self.folders = wanted;
        self.folders.retain(|folder| {
            let watched = watcher.watch(folder, RecursiveMode::NonRecursive);
            if let Err(error) = &watched {
                let (folder, error) = (folder.display(), words(error));
                tracing::warn!(%folder, error, "changes here are noticed only now and then");
            }
            watched.is_ok()
        });
    }
}

/// Why the operating system does not tell of changes.
fn words(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::Io(error) => io_words::of_io(error),
        notify::ErrorKind::MaxFilesWatch => {
            "no more folders can be watched; raise fs.inotify.max_user_watches".to_owned()
        }
        notify::ErrorKind::PathNotFound => "there is no such folder".to_owned(),
        _ => "the operating system does not tell of them".to_owned(),
    }
}

/// What is in these files.
pub(super) fn contents<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) -> Contents {
    paths.into_iter().map(|path| (path.clone(), fingerprint(path))).collect()
}

/// What was in files when they were read first, of those that were read several times.
pub(super) fn first(read: Vec<(PathBuf, Digest)>) -> Contents {
    read.into_iter().rev().collect()
}

/// A fingerprint of what is in the file at `path`, or of the names in a folder, or of why it cannot
/// be read.
#[must_use]
pub fn fingerprint(path: &Path) -> Digest {
    use std::io::Read as _;
    if path.is_dir() {
        return match Listing::of(path, LISTED) {
            Ok(listing) => listing.fingerprint(),
            Err(error) => digest([error.to_string().as_bytes()]),
        };
    }
    let mut text = Vec::new();
    // Half a text does no harm: it differs from the whole one.
    let read = open(path).and_then(|file| file.take(MOST).read_to_end(&mut text));
    match read {
        Ok(_) => digest([&text[..]]),
        Err(error) => digest([error.to_string().as_bytes()]),
    }
}

fn is_written(kind: notify::event::AccessKind) -> bool {
    use notify::event::{AccessKind, AccessMode};
    kind == AccessKind::Close(AccessMode::Write)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_differ_where_any_file_does() {
        let folder = crate::files::Folder::temporary().unwrap();
        let (a, b) = (folder.join("a"), folder.join("b"));
        let files = Files::new([a.clone(), b.clone()], Arc::default());
        let mut seen = vec![files.contents()];
        for (path, text) in [(&a, "1"), (&b, "1"), (&a, "11"), (&b, "")] {
            std::fs::write(path, text).unwrap();
            seen.push(files.contents());
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
