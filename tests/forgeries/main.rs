//! Millions of forgeries: no changed token may be accepted, no cache entry may answer for another
//! token, and every disagreement with another verifier must be on a list.
//!
//! `cargo test --release --test forgeries` runs the short form; `-- --full` runs everything; `--
//! --only TEXT` selects rows whose name contains TEXT; `-- --seed NUMBER` repeats the changes of an
//! earlier run; `-- --times NUMBER` multiplies the number of random cases. `-- --write FOLDER` and
//! `-- --compare FOLDER --peer NAME` are for `tests/interop/opinions`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a row that panics has failed"
)]

mod cache;
mod changes;
mod dice;
mod differential;
mod exhaustive;
mod mutations;
mod rig;
mod row;
mod tally;
mod timing;
mod world;

use jwtd_testkit::tokens;
use row::Row;
use std::path::PathBuf;
use std::process::ExitCode;
use world::World;

/// The allocator of the daemon, because memory is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A part of the suite.
struct Group {
    title: &'static str,
    rows: fn(&Plan, &World) -> Vec<Row>,
}

const GROUPS: &[Group] = &[
    Group { title: "All changes of a kind", rows: exhaustive::rows },
    Group { title: "Structured changes", rows: mutations::rows },
    Group { title: "Second opinions", rows: differential::rows },
    Group { title: "Remembered tokens", rows: cache::rows },
    Group { title: "What time tells", rows: timing::rows },
];

/// The selection of rows to run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    full: bool,
    only: Option<String>,
    pub(crate) seed: u64,
    /// The factor for the number of random cases.
    pub(crate) times: usize,
}

impl Plan {
    /// Returns true if the row of this name is selected.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| name.contains(only))
    }

    /// Returns `full` in a full run, and `short` otherwise.
    pub(crate) fn pick<T>(&self, short: T, full: T) -> T {
        if self.full { full } else { short }
    }
}

const USAGE: &str = "usage: cargo test --release --test forgeries -- \
                     [--full] [--only TEXT] [--seed NUMBER] [--times NUMBER] \
                     [--write FOLDER --count NUMBER] [--compare FOLDER --peer NAME]";

fn main() -> ExitCode {
    let mut plan = Plan { full: false, only: None, seed: tokens::now().unsigned_abs(), times: 1 };
    let (mut write, mut compare, mut peer, mut count) = (None, None, String::new(), 5_000);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--full" {
            plan.full = true;
            continue;
        }
        let Some(value) = arguments.next() else { return usage(&argument) };
        match (&*argument, value.parse::<u32>()) {
            ("--only", _) => plan.only = Some(value),
            ("--seed", Ok(seed)) => plan.seed = seed.into(),
            ("--times", Ok(times)) => plan.times = usize::try_from(times).unwrap(),
            ("--count", Ok(number)) => count = usize::try_from(number).unwrap(),
            ("--write", _) => write = Some(PathBuf::from(value)),
            ("--compare", _) => compare = Some(PathBuf::from(value)),
            ("--peer", _) => peer = value,
            _ => return usage(&argument),
        }
    }
    println!("seed {}", plan.seed);
    // A panic of the verifier is counted with its token; its backtrace would drown the table.
    std::panic::set_hook(Box::new(|panic| {
        let ours = panic.location().is_some_and(|place| place.file().contains("tests"));
        if ours {
            eprintln!("{panic}");
        }
    }));
    if let Some(folder) = compare {
        let row = differential::exchange::compare(&folder, &peer);
        return code(row::print(&[("Second opinions", vec![row])], plan.seed));
    }
    // Other verifiers read the clock themselves.
    let world = World::new(tokens::now());
    if let Some(folder) = write {
        differential::exchange::write(&folder, count, &plan, &world);
        return code(0);
    }
    let mut tables = Vec::new();
    for group in GROUPS {
        eprintln!("{} ...", group.title);
        let begin = std::time::Instant::now();
        let rows = (group.rows)(&plan, &world);
        let bad = rows.iter().filter(|row| !row.is_good()).count();
        let took = begin.elapsed().as_secs_f64();
        eprintln!("  {} rows, {bad} of them failed, {took:.1} s", rows.len());
        if !rows.is_empty() {
            tables.push((group.title, rows));
        }
    }
    if tables.is_empty() {
        return usage("--only");
    }
    code(row::print(&tables, plan.seed))
}

fn code(failed: usize) -> ExitCode {
    ExitCode::from(u8::from(failed > 0))
}

fn usage(argument: &str) -> ExitCode {
    eprintln!("`{argument}` is not understood\n{USAGE}");
    ExitCode::from(2)
}
