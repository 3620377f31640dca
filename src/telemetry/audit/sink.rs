//! Where records go: a file that is put aside when it is large, or standard output.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Where records go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AuditSink {
    /// To a file, to which is added.
    File {
        /// Its path.
        path: PathBuf,
        /// A file of this size becomes `PATH.1`, the one before `PATH.2`, and so on.
        max_bytes: u64,
        /// How many of them are kept beside the newest.
        keep: u32,
    },
    /// To standard output.
    Stdout,
}

/// An open sink.
#[derive(Debug)]
pub(super) struct Open {
    sink: AuditSink,
    file: Option<File>,
    size: u64,
    /// At this size the file is put aside; nothing for what is no ordinary file.
    full: Option<u64>,
}

impl Open {
    /// Opens it.
    pub(super) fn new(sink: AuditSink) -> io::Result<Self> {
        let mut open = Self { sink, file: None, size: 0, full: None };
        open.open()?;
        Ok(open)
    }

    fn open(&mut self) -> io::Result<()> {
        let (AuditSink::File { path, max_bytes, .. }, None) = (&self.sink, &self.file) else {
            return Ok(());
        };
        let mut file = OpenOptions::new().create(true).append(true).mode(0o640).open(path)?;
        let seen = file.metadata()?;
        self.size = seen.len();
        self.full = seen.is_file().then_some(*max_bytes);
        // Half a line, of a process that was killed, must not swallow the next one.
        if seen.is_file() && self.size > 0 && !ends_with_line(path, self.size)? {
            file.write_all(b"\n")?;
            self.size = self.size.saturating_add(1);
        }
        self.file = Some(file);
        Ok(())
    }

    /// Closes it; it is opened again when there is something to write.
    pub(super) fn close(&mut self) {
        self.file = None;
    }

    /// Writes all of `rest`, and takes away from it the lines that were written whole.
    pub(super) fn write(&mut self, rest: &mut &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            self.open()?;
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let (line, others) = rest.split_at(end.saturating_add(1).min(rest.len()));
            let size = self.size.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
            match (&self.sink, &mut self.file) {
                (AuditSink::File { path, max_bytes, keep }, Some(file)) => {
                    if self.size > 0 && self.full.is_some_and(|full| size > full) {
                        match rotate(path, *keep) {
                            Ok(()) => self.file = None,
                            // Somebody has moved it already.
                            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                                self.file = None;
                            }
                            // Better one file that grows than none.
                            Err(error) => {
                                tracing::warn!(%error, "the audit log cannot be put aside");
                                self.full = Some(size.saturating_add(*max_bytes));
                            }
                        }
                        continue;
                    }
                    file.write_all(line)?;
                }
                _ => io::stdout().lock().write_all(line)?,
            }
            self.size = size;
            *rest = others;
        }
        if self.file.is_none() { io::stdout().lock().flush() } else { Ok(()) }
    }
}

fn ends_with_line(path: &Path, size: u64) -> io::Result<bool> {
    let mut last = [0];
    // Who may only write cannot know, and goes on.
    let Ok(file) = File::open(path) else { return Ok(true) };
    file.read_exact_at(&mut last, size.saturating_sub(1))?;
    Ok(last == *b"\n")
}

/// `PATH` becomes `PATH.1`, `PATH.1` becomes `PATH.2`; the oldest goes. First the newest is
/// moved out of the way, and back if the others cannot be moved.
fn rotate(path: &Path, keep: u32) -> io::Result<()> {
    if keep == 0 {
        return fs::remove_file(path);
    }
    let aside = numbered(path, 0);
    // Of a process that was killed in the middle of this.
    if aside.is_file() {
        shift(path, keep)?;
    }
    fs::rename(path, &aside)?;
    shift(path, keep).inspect_err(|_| {
        fs::rename(&aside, path).ok();
    })
}

/// Moves `PATH.0` and all after it one place on.
fn shift(path: &Path, keep: u32) -> io::Result<()> {
    for number in (1..keep).rev() {
        let (from, to) = (numbered(path, number), numbered(path, number.saturating_add(1)));
        match fs::rename(from, to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    fs::rename(numbered(path, 0), numbered(path, 1))
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}
