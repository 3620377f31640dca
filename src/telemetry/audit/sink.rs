//! Where records go: a file that is put aside when it is large, or standard output.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
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
}

impl Open {
    /// Opens it.
    pub(super) fn new(sink: AuditSink) -> io::Result<Self> {
        let mut open = Self { sink, file: None, size: 0 };
        open.open()?;
        Ok(open)
    }

    fn open(&mut self) -> io::Result<()> {
        if let (AuditSink::File { path, .. }, None) = (&self.sink, &self.file) {
            let file = OpenOptions::new().create(true).append(true).mode(0o640).open(path)?;
            self.size = file.metadata()?.len();
            self.file = Some(file);
        }
        Ok(())
    }

    /// Closes it; it is opened again when there is something to write.
    pub(super) fn close(&mut self) {
        self.file = None;
    }

    /// Writes all of `rest`, and takes away from it what was written.
    pub(super) fn write(&mut self, rest: &mut &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            self.open()?;
            let written = match (&self.sink, &mut self.file) {
                (AuditSink::File { path, max_bytes, keep }, Some(file)) => {
                    // A file ends with a whole line.
                    let end = rest.iter().position(|byte| *byte == b'\n');
                    let line = rest.get(..=end.unwrap_or(rest.len())).unwrap_or(rest);
                    let size = u64::try_from(line.len()).unwrap_or(u64::MAX);
                    if self.size > 0 && self.size.saturating_add(size) > *max_bytes {
                        rotate(path, *keep)?;
                        self.file = None;
                        continue;
                    }
                    file.write(line)?
                }
                _ => io::stdout().lock().write(rest)?,
            };
            self.size = self.size.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
            *rest = rest.get(written..).unwrap_or_default();
        }
        if self.file.is_none() { io::stdout().lock().flush() } else { Ok(()) }
    }
}

/// `PATH` becomes `PATH.1`, `PATH.1` becomes `PATH.2`; the oldest goes.
fn rotate(path: &Path, keep: u32) -> io::Result<()> {
    let numbered = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    for number in (1..keep).rev() {
        match fs::rename(numbered(number), numbered(number.saturating_add(1))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    if keep == 0 { fs::remove_file(path) } else { fs::rename(path, numbered(1)) }
}
