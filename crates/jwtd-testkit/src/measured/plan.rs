//! The selection of rows to run, and the exit code of a suite.

use super::row::{self, Row};
use clap::Parser;
use std::process::ExitCode;
use std::time::Instant;

/// Runs a suite against the built daemon and prints expected and observed results.
#[derive(Clone, Debug, Parser)]
pub struct Plan {
    /// Run everything, and remove each protection once; by default only the rows of the gate run.
    #[arg(long)]
    pub full: bool,
    /// Run only rows whose name contains this text.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Print the table as Markdown.
    #[arg(long)]
    markdown: bool,
}

impl Plan {
    /// Returns true if the row of this name is selected.
    pub fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| name.contains(only))
    }

    /// Returns `full` in a full run, and `short` otherwise.
    pub fn pick<T>(&self, short: T, full: T) -> T {
        if self.full { full } else { short }
    }

    /// Prints and reports the rows of a suite that started at `begin`.
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
