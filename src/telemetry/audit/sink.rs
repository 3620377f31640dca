//! The destination of records: a rotated file, or standard output.

use crate::files::{self, words::of_io};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// The destination of records.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AuditSink {
    /// A file, to which records are appended.
    File {
        /// The path.
        path: PathBuf,
        /// The size for rotation: the file becomes `PATH.1`, the one before `PATH.2`, and so on.
        max_bytes: u64,
        /// The number of rotated files to keep.
        keep: u32,
    },
    /// Standard output.
    Stdout,
}

/// An open sink.
pub(super) struct OpenSink {
    sink: AuditSink,
    /// Called after each rotation.
    put_aside: Box<dyn Fn() + Send>,
    file: Option<File>,
    size: u64,
    /// The size at which the file is rotated.
    full: u64,
}

impl OpenSink {
    /// Opens the sink.
    pub(super) fn new(sink: AuditSink, put_aside: Box<dyn Fn() + Send>) -> io::Result<Self> {
        let mut open = Self { sink, put_aside, file: None, size: 0, full: 0 };
        open.open()?;
        Ok(open)
    }

    fn open(&mut self) -> io::Result<()> {
        let (AuditSink::File { path, max_bytes, .. }, None) = (&self.sink, &self.file) else {
            return Ok(());
        };
        let mut file = files::append(path, 0o640)?;
        self.size = file.metadata()?.len();
        self.full = *max_bytes;
        // A partial line of a killed process must not swallow the next line.
        if self.size > 0 && !ends_with_line(&file, self.size) {
            file.write_all(b"\n")?;
            self.size = self.size.saturating_add(1);
        }
        self.file = Some(file);
        Ok(())
    }

    /// Closes the file; the next write opens it again.
    pub(super) fn close(&mut self) {
        self.file = None;
    }

    /// Writes all of `rest`, and removes the completely written lines from it.
    pub(super) fn write(&mut self, rest: &mut &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            self.open()?;
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let (line, others) = rest.split_at(end.saturating_add(1).min(rest.len()));
            let size = self.size.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
            match (&self.sink, &mut self.file) {
                (AuditSink::File { path, max_bytes, keep }, Some(file)) => {
                    if self.size > 0 && size > self.full {
                        match rotate(path, *keep) {
                            Ok(()) => {
                                self.file = None;
                                (self.put_aside)();
                            }
                            // Somebody has moved the file already.
                            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                                self.file = None;
                            }
                            // A file that grows too large is better than none.
                            Err(error) => {
                                let error = of_io(&error);
                                tracing::warn!(error, "the audit log cannot be rotated");
                                self.full = size.saturating_add(*max_bytes);
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

fn ends_with_line(file: &File, size: u64) -> bool {
    let mut last = [0];
    // Without read permission, the end is unknown; go on.
    file.read_exact_at(&mut last, size.saturating_sub(1)).is_err() || last == *b"\n"
}

/// Rotates: `PATH` becomes `PATH.1`, `PATH.1` becomes `PATH.2`, and the oldest is deleted. The
/// newest is first moved to `PATH.0`, and back if the others cannot be moved.
fn rotate(path: &Path, keep: u32) -> io::Result<()> {
    if keep == 0 {
        return fs::remove_file(path);
    }
    let aside = numbered(path, 0);
    // A leftover of a process that was killed during a rotation.
    if fs::symlink_metadata(&aside).is_ok_and(|aside| aside.is_file()) {
        shift(path, keep)?;
    }
    fs::rename(path, &aside)?;
    shift(path, keep).inspect_err(|_| {
        fs::rename(&aside, path).ok();
    })
}

/// Renames `PATH.0` and all later files to the next number.
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
