//! Rows of expected and observed results, and their table.

use super::results;
use std::time::Duration;

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The fault that was injected.
    pub fault: String,
    /// The expected result.
    pub expected: String,
    /// The observed result: the measurement if the row passed, or else the failure.
    pub seen: String,
    /// The number of attempts to fetch keys of the faulty issuer.
    pub fetches: Option<u64>,
    /// The longest time that a good token waited for its verdict.
    pub worst: Option<Duration>,
    pub good: bool,
}

const HEADS: [&str; 6] = ["fault", "expected", "seen", "fetches", "worst", ""];

impl Row {
    /// A row that passes if `seen` is `Ok`. An error is shown with the load of the machine.
    pub fn new(fault: &str, expected: &str, seen: Result<String, String>) -> Self {
        let good = seen.is_ok();
        let (fault, expected) = (fault.to_owned(), expected.to_owned());
        let seen = seen.unwrap_or_else(|wrong| format!("{wrong} ({})", results::machine_load()));
        Self { fault, expected, seen, fetches: None, worst: None, good }
    }

    /// Reports the row to `.ci/full`.
    pub fn report(&self, suite: &str) {
        let seen = &*self.seen;
        results::report(suite, &self.fault, if self.good { Ok(seen) } else { Err(seen) });
    }

    fn cells(&self) -> [String; 6] {
        let fetches = self.fetches.map_or_else(String::new, |count| count.to_string());
        let worst = self.worst.map_or_else(String::new, show);
        let good = if self.good { "good" } else { "FAILED" };
        // A cell must be a single line.
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let [fault, expected, seen] =
            [&self.fault, &self.expected, &self.seen].map(|one| line(one));
        [fault, expected, seen, fetches, worst, good.to_owned()]
    }
}

/// A measurement.
#[derive(Debug)]
pub struct Seen {
    pub text: String,
    /// The longest time that a good call waited.
    pub worst: Option<Duration>,
}

impl From<String> for Seen {
    fn from(text: String) -> Self {
        Self { text, worst: None }
    }
}

/// Formats a duration in the most readable unit.
pub fn show(span: Duration) -> String {
    let seconds = span.as_secs_f64();
    if seconds >= 1.0 {
        format!("{seconds:.1} s")
    } else if seconds >= 0.01 {
        format!("{:.0} ms", seconds * 1e3)
    } else {
        format!("{:.1} ms", seconds * 1e3)
    }
}

/// Prints one table, in sections.
pub(super) fn print(tables: &[(&str, Vec<Row>)], markdown: bool) {
    if markdown {
        for (title, rows) in tables {
            println!("\n### {title}\n\n| {} |\n|{}", HEADS.join(" | "), "---|".repeat(HEADS.len()));
            for row in rows {
                println!("| {} |", row.cells().map(|cell| cell.replace('|', "\\|")).join(" | "));
            }
        }
        return;
    }
    let all = tables.iter().flat_map(|(_, rows)| rows.iter().map(Row::cells));
    let lines: Vec<_> = std::iter::once(HEADS.map(str::to_owned)).chain(all).collect();
    let width = |column: usize| {
        lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0).min(70)
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    let print = |cells: &[String; 6]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    };
    print(&lines[0]);
    for (title, rows) in tables {
        println!("\n{title}");
        for row in rows {
            print(&row.cells());
        }
    }
}
