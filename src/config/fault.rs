//! What is wrong with a configuration file: where, what, and how to mend it.

use std::fmt;
use std::path::{Path, PathBuf};

/// One fault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// Counted from 1; 0 if the fault is in no line.
    pub line: usize,
    /// Counted from 1.
    pub column: usize,
    /// The way to the setting, such as `issuers.corp.audiences`.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// How to mend it; may be empty.
    pub mend: String,
}

/// All faults of one file.
#[derive(Clone, Debug)]
pub struct Faults {
    file: PathBuf,
    lines: Vec<String>,
    /// Settings that are not in the file, by path, and where they are.
    origins: Vec<(String, String)>,
    faults: Vec<Fault>,
}

impl Faults {
    pub(super) fn new(file: &Path, text: &str) -> Self {
        let lines = text.lines().map(str::to_owned).collect();
        Self { file: file.to_owned(), lines, origins: Vec::new(), faults: Vec::new() }
    }

    pub(super) fn whole(file: &Path, what: String, mend: &str) -> Self {
        let mut faults = Self::new(file, "");
        faults.add((0, 0), "", what, mend);
        faults
    }

    /// From now on, faults below `path` that are in no line lie at `origin`.
    pub(super) fn note_origin(&mut self, path: &str, origin: &str) {
        self.origins.push((path.to_owned(), origin.to_owned()));
    }

    /// Where a setting comes from that is in no line of the file.
    pub(super) fn origin(&self, path: &str) -> Option<&str> {
        let below = |owner: &str| {
            path.strip_prefix(owner)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.origins.iter().find(|(owner, _)| below(owner)).map(|(_, origin)| &**origin)
    }

    pub(super) fn add(
        &mut self,
        (line, column): (usize, usize),
        path: &str,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) {
        let (path, what, mend) = (path.to_owned(), what.into(), mend.into());
        let fault = Fault { line, column, path, what, mend };
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// The faults, in the order of the file.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Fault> {
        let mut faults: Vec<_> = self.faults.iter().collect();
        faults.sort_by_key(|fault| (fault.line, fault.column));
        faults
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        for fault in self.sorted() {
            let Fault { line, column, path, what, mend } = fault;
            match (line, path.is_empty()) {
                (0, true) => writeln!(f, "{file}: {what}")?,
                (0, false) => match self.origin(path) {
                    Some(origin) => writeln!(f, "{origin}: {what}")?,
                    None => writeln!(f, "{file}: {path}: {what}")?,
                },
                (_, true) => writeln!(f, "{file}:{line}:{column}: {what}")?,
                (_, false) => writeln!(f, "{file}:{line}:{column}: {path}: {what}")?,
            }
            if let Some(text) = line.checked_sub(1).and_then(|index| self.lines.get(index)) {
                let number = line.to_string();
                let caret = column.saturating_sub(1);
                writeln!(f, "  {number} | {text}")?;
                writeln!(f, "  {:width$} | {:caret$}^", "", "", width = number.len())?;
            }
            if !mend.is_empty() {
                writeln!(f, "    mend: {mend}")?;
            }
        }
        let count = self.faults.len();
        write!(f, "{file}: {count} fault{}", if count == 1 { "" } else { "s" })
    }
}

impl std::error::Error for Faults {}
