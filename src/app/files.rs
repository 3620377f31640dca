//! Watches files that may change while the daemon runs, and fingerprints their contents. The only
//! file that names `notify`.

use crate::files::{LISTED, Listing, open, words as io_words};
use jwtd_core::crypto::{Digest, digest};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Notify;

/// The watched files.
#[derive(Debug)]
pub(super) struct Files {
    paths: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
    changed: Arc<Notify>,
    /// `None` if the operating system cannot report changes; periodic polling then has to do.
    watcher: Option<RecommendedWatcher>,
}

/// The fingerprint of each file's contents.
pub(super) type Contents = BTreeMap<PathBuf, Digest>;

/// The most bytes of a file that are fingerprinted; no larger file is accepted anywhere.
const MOST: u64 = 4 << 20;

impl Files {
    /// Watches `paths`, and notifies `changed` when one of them may have changed.
    pub(super) fn new(paths: impl IntoIterator<Item = PathBuf>, changed: Arc<Notify>) -> Self {
        let tell = Arc::clone(&changed);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Ignore reads: reloading reads the files, so it would trigger itself forever.
            let read = event.is_ok_and(
                |event| matches!(event.kind, EventKind::Access(kind) if !is_written(kind)),
            );
            if !read {
                tell.notify_one();
            }
        });
        let watcher = watcher.inspect_err(|error| {
            let error = words(error);
            tracing::warn!(error, "file changes are not reported; falling back to polling");
        });
        let (paths, folders) = (paths.into_iter().collect(), BTreeSet::new());
        let mut files = Self { paths, folders, changed, watcher: watcher.ok() };
        files.watch();
        files
    }

    /// Replaces the watched paths.
    pub(super) fn replace(&mut self, paths: impl IntoIterator<Item = PathBuf>) {
        self.paths = paths.into_iter().collect();
        self.watch();
    }

    /// Returns true if this path is watched.
    pub(super) fn contains(&self, path: &Path) -> bool {
        self.paths.contains(path)
    }

    /// Waits until one of the files may have changed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Fingerprints the contents of the watched files.
    pub(super) fn contents(&self) -> Contents {
        contents(&self.paths)
    }

    /// Watches the folders instead of the files: Kubernetes updates a ConfigMap by renaming a
    /// symbolic link beside the files, and most editors put a new file in place of the old one.
    fn watch(&mut self) {
        let parent = |path: &Path| match path.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        // The targets of symbolic links may change as well.
        let targets = self.paths.iter().filter_map(|path| path.canonicalize().ok());
        let targets: Vec<_> = targets.collect();
        let all = self.paths.iter().chain(&targets);
        // For a folder that is read whole, watch the folder and its parent.
        let whole = self.paths.iter().filter(|path| path.is_dir()).cloned();
        let wanted: BTreeSet<_> = all.map(|path| parent(path)).chain(whole).collect();
        let Some(watcher) = &mut self.watcher else { return };
        // Renew existing watches too: the name may refer to another folder by now.
        for old in &self.folders {
            watcher.unwatch(old).ok();
        }
        self.folders = wanted;
        self.folders.retain(|folder| {
            let watched = watcher.watch(folder, RecursiveMode::NonRecursive);
            if let Err(error) = &watched {
                let (folder, error) = (folder.display(), words(error));
                let told = "changes of files here are not reported; falling back to polling";
                tracing::warn!(%folder, error, "{told}");
            }
            watched.is_ok()
        });
    }
}

/// Describes why the operating system does not report changes.
fn words(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::Io(error) => io_words::of_io(error),
        notify::ErrorKind::MaxFilesWatch => {
            "no more folders can be watched; fix: raise fs.inotify.max_user_watches".to_owned()
        }
        notify::ErrorKind::PathNotFound => "there is no such folder".to_owned(),
        _ => "the operating system does not report them".to_owned(),
    }
}

/// Fingerprints the contents of these files.
pub(super) fn contents<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) -> Contents {
    paths.into_iter().map(|path| (path.clone(), fingerprint(path))).collect()
}

/// Keeps the first fingerprint of each file that was read several times.
pub(super) fn first(read: Vec<(PathBuf, Digest)>) -> Contents {
    read.into_iter().rev().collect()
}

/// Returns a fingerprint of a file's contents, of the names in a folder, or of the error if `path`
/// cannot be read.
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
    // A partial read is harmless: its fingerprint differs from that of the whole.
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
