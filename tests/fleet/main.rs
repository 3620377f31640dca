//! Daemons that share revocations over a real Redis, which is stopped, emptied, slowed, filled,
//! failed over and lied to, with one table of expected and observed results.
//!
//! `cargo test --release --test fleet` runs the suite; `-- --only TEXT` selects rows whose name
//! contains TEXT. `JWTD_REDIS` names another server than `redis-server`, such as `valkey-server`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a row that panics has failed"
)]
#![allow(clippy::disallowed_methods, reason = "it measures by the clock of the machine")]

mod daemons;
mod forged;
mod hostile;
mod losses;
mod network;
mod places;
mod proofs;
mod senders;
mod server;
mod sharing;

use clap::Parser as _;
use jwtd_testkit::measured::{Plan, Row};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

/// The result of a row: the observation, or the failure.
type Seen = Result<String, String>;

/// The name, the expected result, and the function that runs it.
type Case = (&'static str, &'static str, fn(&Plan) -> Seen);

const GROUPS: &[(&str, &[Case])] = &[
    ("Sharing", sharing::CASES),
    ("What Redis loses", losses::CASES),
    ("What the network does", network::CASES),
    ("Where Redis is", places::CASES),
    ("What others write", hostile::CASES),
    ("What others forge", forged::CASES),
    ("Proofs that are presented again", proofs::CASES),
];

fn main() -> ExitCode {
    let (plan, begin, mut tables) = (Plan::parse(), Instant::now(), Vec::new());
    for (title, cases) in GROUPS {
        let mut rows = Vec::new();
        for (name, expected, case) in cases.iter().filter(|(name, ..)| plan.wants(name)) {
            eprintln!("{name} ...");
            let seen = catch_unwind(AssertUnwindSafe(|| case(&plan)));
            let seen = seen.unwrap_or_else(|_| Err("it panicked".to_owned()));
            rows.push(Row::new(name, expected, seen));
        }
        if !rows.is_empty() {
            tables.push((*title, rows));
        }
    }
    plan.close("fleet", &tables, begin)
}

/// Runs a future to completion.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(work)
}
