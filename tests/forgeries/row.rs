//! Rows of cases and results, and their table.

use crate::tally::Tally;
use jwtd_testkit::measured;
use std::time::{Duration, Instant};

/// One row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) tally: Tally,
    pub(crate) took: Duration,
    /// Observations besides the counts.
    pub(crate) note: String,
    /// The reason why the row fails although no verdict was wrong: it would prove nothing.
    pub(crate) hollow: Option<String>,
}

const HEADS: [&str; 5] = ["what", "cases", "wrong", "seconds", ""];

impl Row {
    /// Runs a row.
    pub(crate) fn run(name: &str, work: impl FnOnce() -> Tally) -> Self {
        let begin = Instant::now();
        let tally = work();
        let hollow = (tally.cases == 0).then(|| "there was no case".to_owned());
        Self { name: name.to_owned(), tally, took: begin.elapsed(), note: String::new(), hollow }
    }

    /// Requires an observation without which the row would prove nothing.
    pub(crate) fn must(mut self, shown: bool, what: &str) -> Self {
        if !shown {
            self.hollow.get_or_insert_with(|| format!("it must be that {what}"));
        }
        self
    }

    pub(crate) fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    pub(crate) fn is_good(&self) -> bool {
        self.tally.wrongs == 0 && self.tally.panics == 0 && self.hollow.is_none()
    }

    /// Reports the row to `.ci/full`.
    fn report(&self) {
        let Tally { cases, wrongs, panics, .. } = &self.tally;
        let seen = format!("{cases} cases, {wrongs} wrong, {panics} panics");
        let wrong = self.hollow.as_deref().unwrap_or(&seen);
        measured::report(
            "forgeries",
            &self.name,
            if self.is_good() { Ok(&seen) } else { Err(wrong) },
        );
    }

    fn cells(&self) -> [String; 5] {
        [
            self.name.clone(),
            self.tally.cases.to_string(),
            self.tally.wrongs.to_string(),
            format!("{:.1}", self.took.as_secs_f64()),
            if self.is_good() { format!("good  {}", self.note) } else { "FAILED".to_owned() },
        ]
    }
}

/// Prints the table and the numbers of passed and failed rows; returns the latter.
pub(crate) fn print(groups: &[(&str, Vec<Row>)], seed: u64) -> usize {
    let rows = || groups.iter().flat_map(|(_, rows)| rows);
    rows().for_each(Row::report);
    let lines: Vec<_> =
        std::iter::once(HEADS.map(str::to_owned)).chain(rows().map(Row::cells)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: [usize; 5] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let show = |[what, cases, wrong, seconds, result]: &[String; 5]| {
        let [a, b, c, d, _] = widths;
        println!("{what:a$}  {cases:>b$}  {wrong:>c$}  {seconds:>d$}  {}", result.trim_end());
    };
    show(&lines[0]);
    for (title, rows) in groups {
        println!("\n{title}");
        for row in rows {
            show(&row.cells());
            if let Some(hollow) = &row.hollow {
                println!("    {hollow}");
            }
            for wrong in &row.tally.wrong {
                println!("    {wrong}");
            }
        }
    }
    let mut sum = Tally::default();
    for row in rows() {
        sum.add(row.tally.clone());
    }
    let reasons = sum.reasons().into_iter().map(|(reason, count)| format!("{reason} {count}"));
    println!("\nreasons: {}", reasons.collect::<Vec<_>>().join(", "));
    println!(
        "{} cases, {} wrong, {} good tokens among them, {} panics; seed {seed}",
        sum.cases, sum.wrongs, sum.good, sum.panics
    );
    let failed = rows().filter(|row| !row.is_good()).count();
    println!("{} passed, {failed} failed", rows().count() - failed);
    failed
}
