//! A list in a file. It is looked at again and again: by what the file system says of it, so that
//! a link that is swapped, a file that is replaced and one that is written in place are all the
//! same.

use super::list::{List, Reading};
use crate::files::{self, Stamp};
use crate::telemetry::FeedError;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often to look. A file must be the same for as long: half a list may be a good one.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A file that changes at every look is read all the same, after so many.
const PATIENCE: u32 = 20;

/// After so many looks what failed is tried again.
const RETRY: u32 = 20;

/// Watches over the list at `path`, for as long as it is polled.
pub(super) async fn watch(mut list: List, path: PathBuf) {
    let mut file = Watched::default();
    loop {
        let then = list.handle().now();
        let is_old = list.is_old().await;
        match files::stamp(&path) {
            Err(error) => {
                // When it comes back it is read, even if it is the same.
                file = Watched { last: None, read: None, ..file };
                if file.is_due(true) {
                    fail(&list, &path, &error);
                }
            }
            Ok(stamp) => {
                let is_quiet = file.is_quiet(stamp);
                let changed = file.read != Some(stamp);
                if !changed && !is_old {
                    file.failed = 0;
                    list.handle().pulse().heard(then);
                } else if is_quiet && file.is_due(!changed) {
                    match read(&path, list.rules().max_bytes, stamp).await {
                        Ok((text, same)) if same || file.changing >= PATIENCE => {
                            file.read = Some(stamp);
                            let reading = if same {
                                list.read(&text).await
                            } else {
                                list.read_unsettled(&text).await
                            };
                            match reading {
                                Reading::Whole => list.handle().heard(then),
                                Reading::Partial => list.handle().pulse().heard(then),
                                Reading::Incomplete | Reading::Unbelievable => {}
                            }
                        }
                        // It changed while it was read.
                        Ok(_) => {}
                        Err(error) => {
                            file.read = Some(stamp);
                            list.repeat();
                            fail(&list, &path, &error);
                        }
                    }
                }
            }
        }
        list.handle().clock().sleep(LOOK_EVERY).await;
    }
}

/// What was seen of the file.
#[derive(Debug, Default)]
struct Watched {
    /// At the last look.
    last: Option<Stamp>,
    /// What was read.
    read: Option<Stamp>,
    /// How many looks it was different at, one after the other.
    changing: u32,
    /// How many looks ago something failed, of what did not change since.
    failed: u32,
}

impl Watched {
    /// Whether it is the same as at the last look, or never is.
    fn is_quiet(&mut self, stamp: Stamp) -> bool {
        let same = self.last.replace(stamp) == Some(stamp);
        self.changing = if same { 0 } else { self.changing.saturating_add(1) };
        same || self.changing.is_multiple_of(PATIENCE)
    }

    /// Whether to try now; `again` if nothing changed since something failed.
    fn is_due(&mut self, again: bool) -> bool {
        if !again {
            self.failed = 1;
            return true;
        }
        let due = self.failed.is_multiple_of(RETRY);
        self.failed = self.failed.saturating_add(1);
        due
    }
}

/// What is in the file, and whether it is the same one after that.
async fn read(path: &Path, most: u64, stamp: Stamp) -> std::io::Result<(Vec<u8>, bool)> {
    let path = path.to_owned();
    let read = move || {
        let text = files::read(&path, most)?;
        Ok((text, files::stamp(&path)? == stamp))
    };
    #[expect(clippy::disallowed_methods, reason = "one at a time for each feed")]
    let text = tokio::task::spawn_blocking(read).await;
    text.unwrap_or_else(|_| Err(std::io::Error::other("reading it did not end")))
}

fn fail(list: &List, path: &Path, error: &std::io::Error) {
    let words = files::words::of_io(error);
    let (path, most) = (path.display(), list.rules().max_bytes);
    let (reason, what) = match error.kind() {
        ErrorKind::FileTooLarge => {
            let fix = "nothing of it is taken over. fix: raise `max_bytes`, or let it forget more";
            (FeedError::TooLarge, format!("{path} is larger than {most} bytes; {fix}"))
        }
        _ => (FeedError::Unreadable, format!("{path} cannot be read: {words}; nothing is undone")),
    };
    list.handle().fail(reason, &what);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Folder;

    #[test]
    fn a_file_is_read_when_it_is_quiet_or_never_is_and_what_failed_now_and_then() {
        let folder = Folder::temporary().unwrap();
        let path = folder.join("list");
        let written = |text: &str| {
            std::fs::write(&path, text).unwrap();
            files::stamp(&path).unwrap()
        };
        let (one, other) = (written("1"), written("22"));
        assert_ne!(one, other);
        let mut file = Watched::default();
        assert!(!file.is_quiet(one), "at the first look");
        assert!(file.is_quiet(one));
        assert!(!file.is_quiet(other) && file.is_quiet(other));
        let stamps = [one, other].into_iter().cycle();
        let quiet: Vec<_> = stamps.take(40).map(|stamp| file.is_quiet(stamp)).collect();
        assert_eq!(quiet.iter().position(|quiet| *quiet), Some(19), "it never is quiet");
        assert!(file.is_due(false));
        let due: Vec<_> = (0..40).map(|_| file.is_due(true)).collect();
        assert_eq!(due.iter().filter(|due| **due).count(), 2);
    }
}
