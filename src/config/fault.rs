//! The faults of a configuration file: where, what, and how to fix them.

use crate::escape::escaped;
use crate::redaction::{REDACTED, redacted};
use std::fmt;
use std::path::{Path, PathBuf};

/// One fault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The line, counted from 1; 0 if the fault belongs to no line.
    pub line: usize,
    /// The column, counted from 1.
    pub column: usize,
    /// The path of the setting, such as `issuers.corp.audiences`.
    pub path: String,
    /// The description.
    pub what: String,
    /// The fix; may be empty.
    pub fix: String,
}

/// All faults of one file.
#[derive(Clone, Debug)]
pub struct Faults {
    file: PathBuf,
    lines: Box<[String]>,
    /// The origins of settings that are not in the file, by path.
    origins: Vec<(String, String)>,
    /// The secrets to redact, each with its replacement.
    hidden: Vec<(String, String)>,
    faults: Vec<Fault>,
    /// The number of faults beyond [`Faults::MOST`].
    more: usize,
}

impl Faults {
    /// The most faults that are kept. Nobody fixes more at once, and each is compared with all
    /// others.
    const MOST: usize = 100;

    /// Creates an empty list for a file with this text.
    #[must_use]
    pub fn new(file: &Path, text: &str) -> Self {
        // A lone carriage return ends a line in YAML (1.2.2, section 5.4).
        let lines = text.replace("\r\n", "\n").split(['\n', '\r']).map(str::to_owned).collect();
        let (origins, hidden, faults) = (Vec::new(), Vec::new(), Vec::new());
        Self { file: file.to_owned(), lines, origins, hidden, faults, more: 0 }
    }

    pub(super) fn whole(file: &Path, what: String, fix: &str) -> Self {
        let mut faults = Self::new(file, "");
        faults.add((0, 0), "", what, fix);
        faults
    }

    /// Records that faults below `path` without a line come from `origin`.
    pub(super) fn note_origin(&mut self, path: &str, origin: &str) {
        self.origins.push((path.to_owned(), origin.to_owned()));
    }

    /// The origin of a setting that is not in the file.
    pub(super) fn origin(&self, path: &str) -> Option<&str> {
        let below = |owner: &str| {
            path.strip_prefix(owner)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.origins.iter().find(|(owner, _)| below(owner)).map(|(_, origin)| &**origin)
    }

    /// Replaces `secret` by `shown` in messages and quoted lines from now on.
    pub(super) fn hide(&mut self, secret: &str, shown: &str) {
        /// The shortest secret to redact, in bytes; shorter ones occur in ordinary words too.
        const LEAST: usize = 4;
        /// The most secrets; each costs a search in each fault. Beyond it, text that looks like a
        /// secret is left out.
        const MOST: usize = 1000;

        if self.hidden.len() >= MOST {
            return;
        }
        let mut lines = secret.lines().map(str::trim).filter(|line| line.len() >= LEAST);
        if secret.contains('\n') {
            self.hidden.extend(lines.map(|line| (line.to_owned(), REDACTED.to_owned())));
        } else if lines.next().is_some() {
            self.hidden.push((secret.to_owned(), shown.to_owned()));
        }
    }

    /// Redacts the secrets in a text.
    fn without_hidden(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for (secret, instead) in &self.hidden {
            // A quoted text may hold the secret in escaped form.
            let escaped = secret.escape_debug().to_string();
            for secret in [secret, &escaped] {
                if shown.contains(secret.as_str()) {
                    shown = shown.replace(secret.as_str(), instead);
                }
            }
        }
        redacted(&shown).into_owned()
    }

    pub(super) fn add(
        &mut self,
        (line, column): (usize, usize),
        path: &str,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let [path, what, fix] = [path.to_owned(), what.into(), fix.into()]
            .map(|text: String| short(self.without_hidden(&text)));
        let fault = Fault { line, column, path, what, fix };
        if self.faults.contains(&fault) {
            return;
        }
        if self.faults.len() < Self::MOST {
            self.faults.push(fault);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// A line of the file, counted from 1.
    pub(super) fn text_of(&self, line: usize) -> &str {
        line.checked_sub(1).and_then(|index| self.lines.get(index)).map_or("", String::as_str)
    }

    /// Returns true if there are no faults.
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

impl Faults {
    /// Formats each fault as one line for logs: where, what, and how to fix it.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.sorted().into_iter().map(|fault| {
            let fix = if fault.fix.is_empty() { "" } else { "; fix: " };
            escaped(&format!("{}{fix}{}", self.headline(fault), fault.fix)).into_owned()
        })
    }

    /// Formats a line as [`Faults::lines`] does, for a note that is no fault.
    pub(super) fn line(&self, place: (usize, usize), path: &str, what: &str, fix: &str) -> String {
        let (line, column) = place;
        let texts = [path, what, fix].map(|text| short(text.to_owned()));
        let [path, what, fix] = texts;
        let fault = Fault { line, column, path, what, fix };
        format!("{}; fix: {}", self.headline(&fault), fault.fix)
    }

    fn headline(&self, fault: &Fault) -> String {
        let Fault { line, column, path, what, .. } = fault;
        let file = self.file.display();
        match (line, path.is_empty()) {
            (0, true) => format!("{file}: {what}"),
            (0, false) => match self.origin(path) {
                Some(origin) => format!("{origin}: {what}"),
                None => format!("{file}: {path}: {what}"),
            },
            (_, true) => format!("{file}:{line}:{column}: {what}"),
            (_, false) => format!("{file}:{line}:{column}: {path}: {what}"),
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in self.sorted() {
            writeln!(f, "{}", escaped(&self.headline(fault)))?;
            let Fault { line, column, fix, .. } = fault;
            if let Some(text) = line.checked_sub(1).and_then(|index| self.lines.get(index)) {
                let number = line.to_string();
                let shown = self.without_hidden(text);
                let caret = moved(text, &shown, column.saturating_sub(1));
                let (text, caret) = window(&shown, caret);
                writeln!(f, "  {number} | {text}")?;
                writeln!(f, "  {:width$} | {:caret$}^", "", "", width = number.len())?;
            }
            if !fix.is_empty() {
                writeln!(f, "    fix: {}", escaped(fix))?;
            }
        }
        let count = self.faults.len();
        let file = self.file.display().to_string();
        let file = escaped(&file);
        write!(f, "{file}: {count} fault{}", if count == 1 { "" } else { "s" })?;
        if self.more > 0 {
            write!(f, "; {} more are not shown", self.more)?;
        }
        Ok(())
    }
}

/// Truncates a text. Messages quote the file, and its values may be long.
fn short(mut text: String) -> String {
    const MOST: usize = 400;
    if let Some((end, _)) = text.char_indices().nth(MOST) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// Maps the position `caret` in the line `text` to the line `shown`, in which secrets are replaced.
fn moved(text: &str, shown: &str, caret: usize) -> usize {
    let alike = text.chars().zip(shown.chars()).take_while(|(one, other)| one == other).count();
    if caret <= alike {
        return caret;
    }
    let backward = text.chars().rev().zip(shown.chars().rev());
    let behind = backward.take_while(|(one, other)| one == other).count();
    let to_end = text.chars().count().saturating_sub(caret);
    if to_end <= behind { shown.chars().count().saturating_sub(to_end) } else { alike }
}

/// Returns the part of a line around `caret` that fits a terminal, escaped, and the position of the
/// caret in it.
fn window(line: &str, caret: usize) -> (String, usize) {
    const WIDTH: usize = 160;
    let long = line.chars().nth(WIDTH).is_some();
    let skipped = if long { caret.saturating_sub(WIDTH / 2) } else { 0 };
    let (before, most) = (caret.saturating_sub(skipped), if long { WIDTH } else { usize::MAX });
    let seen: String = line.chars().skip(skipped).take(most).collect();
    let start: String = seen.chars().take(before).collect();
    // The caret may be beyond the end of the line.
    let beyond = before.saturating_sub(start.chars().count());
    (escaped(&seen).into_owned(), escaped(&start).chars().count().saturating_add(beyond))
}

impl std::error::Error for Faults {}
