//! Faults injected into the built daemon over real sockets, with one table of expected and observed
//! results.
//!
//! `cargo test --release --test faults` runs the short form; `-- --full` runs everything; `--
//! --only TEXT` selects rows whose name contains TEXT; `-- --markdown` prints the table as in
//! `docs/reliability.md`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a row that panics has failed"
)]
#![allow(clippy::disallowed_methods, reason = "it measures by the clock of the machine")]

mod answers;
mod certificates;
mod client;
mod controls;
mod flood;
mod good;
mod issuer;
mod life;
mod metadata;
mod outage;
mod overload;
mod parallel;
mod pki;
mod process;
mod restarts;
mod rotation;
mod sets;

use clap::Parser as _;
pub(crate) use jwtd_testkit::measured::Plan;
use jwtd_testkit::measured::Row;
use std::process::ExitCode;
use std::time::Instant;

/// A part of the suite. A new part needs a module and a line in [`GROUPS`].
struct Group {
    /// The title of its rows.
    title: &'static str,
    rows: fn(&Plan) -> Vec<Row>,
}

const GROUPS: &[Group] = &[
    Group { title: "An issuer that is down or slow", rows: outage::rows },
    Group { title: "Answers that are no key set", rows: answers::rows },
    Group { title: "Key sets with bad keys", rows: sets::rows },
    Group { title: "Encryption that cannot be trusted", rows: certificates::rows },
    Group { title: "Metadata that lead astray", rows: metadata::rows },
    Group { title: "Rotation", rows: rotation::rows },
    Group { title: "Unknown key ids", rows: flood::rows },
    Group { title: "Load", rows: overload::rows },
    Group { title: "Restarts", rows: restarts::rows },
    Group { title: "The process and its machine", rows: process::rows },
    Group { title: "Each protection, and what happens without it", rows: controls::rows },
];

fn main() -> ExitCode {
    let (plan, begin, mut tables) = (Plan::parse(), Instant::now(), Vec::new());
    for group in GROUPS {
        eprintln!("{} ...", group.title);
        let rows = (group.rows)(&plan);
        if !rows.is_empty() {
            tables.push((group.title, rows));
        }
    }
    plan.close("faults", &tables, begin)
}

/// Runs a future to completion on this thread.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(work)
}
