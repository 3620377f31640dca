//! What of a suite is to be run, and how it ended.

use super::row::{self, Row};
use clap::Parser;
use std::process::ExitCode;
use std::time::Instant;

/// Runs a suite against the built daemon and prints what was expected and what was seen.
#[derive(Clone, Debug, Parser)]
pub struct Plan {
    /// Everything, and each protection taken away once; otherwise what the gate runs.
    #[arg(long)]
    pub full: bool,
    /// Only rows whose name holds this text.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Prints the table as a document holds it.
    #[arg(long)]
    markdown: bool,
}

impl Plan {
    /// Whether the row of this name is wanted.
    pub fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| name.contains(only))
    }

    /// One of two, by how much is run.
    pub fn pick<T>(&self, short: T, full: T) -> T {
        if self.full { full } else { short }
    }

    /// Prints and reports the rows of a suite that began then.
    pub fn close(&self, suite: &str, tables: &[(&str, Vec<Row>)], begin: Instant) -> ExitCode {
        row::print(tables, self.markdown);
        let all = || tables.iter().flat_map(|(_, rows)| rows);
        all().for_each(|row| row.report(suite));
        let passed = all().filter(|row| row.good).count();
        let failed = all().count() - passed;
        if passed + failed == 0 {
            eprintln!("no row has that name");
            return ExitCode::from(2);
        }
        println!("\n{:.0} s in all", begin.elapsed().as_secs_f64());
        println!("{passed} passed, {failed} failed");
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
