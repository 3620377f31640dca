//! Measures the budgets of the design on the built daemon: `cargo bench --bench budgets`, with `--
//! --quick` for a short run and `-- --only cold` for a part. Machines are noisy, so every figure is
//! a ratio of two servers, or of a server and a plain loop, measured alternately within one run;
//! CPU time is that of each process.

#![allow(clippy::disallowed_methods, reason = "it measures by the clock of the machine")]

#[path = "../floor/bare.rs"]
mod bare;
mod cores;
mod crowd;
#[path = "../common/daemon.rs"]
mod daemon;
#[path = "../common/drive.rs"]
mod drive;
#[path = "../floor/echo.rs"]
mod echo;
mod lone;
mod memory;
#[path = "../common/raw.rs"]
mod raw;
#[path = "../common/requests.rs"]
mod requests;
mod rows;
mod scene;
mod spin;
mod table;
#[path = "../common/wire.rs"]
mod wire;

use clap::Parser;
use jwtd_core::jose::Algorithm;
use jwtd_testkit::bench::form;
use jwtd_testkit::measured::Outcome;
use rows::Hot;
use scene::Scene;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use table::Row;
use tokio::runtime::Runtime;

// The allocator must be the same as the daemon's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the budgets of the design.
#[derive(Parser)]
struct Arguments {
    /// The flag that `cargo bench` passes to every bench
    #[arg(long, hide = true)]
    bench: bool,
    /// Measure one short round only
    #[arg(long)]
    quick: bool,
    /// Measure only the groups whose name contains this text
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Also write all figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The duration of the measurements.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    rounds: usize,
    hot: Duration,
    cold: Duration,
    lone: Duration,
    memory: Duration,
    starts: usize,
}

const FULL: Effort = Effort {
    rounds: 5,
    hot: Duration::from_millis(2000),
    cold: Duration::from_millis(1200),
    lone: Duration::from_millis(3000),
    memory: Duration::from_millis(10_000),
    starts: 9,
};

const QUICK: Effort = Effort {
    rounds: 1,
    hot: Duration::from_millis(500),
    cold: Duration::from_millis(500),
    lone: Duration::from_millis(1500),
    memory: Duration::from_millis(3000),
    starts: 3,
};

/// Rows that are measured together.
#[derive(Clone, Copy)]
enum Group {
    Idle,
    Memory,
    Hot(Hot),
    Unary,
    Policies,
    Cold(Algorithm),
    Lone,
}

const GROUPS: [Group; 11] = [
    Group::Idle,
    Group::Memory,
    Group::Hot(Hot::Batch),
    Group::Hot(Hot::Stream),
    Group::Unary,
    Group::Policies,
    Group::Cold(Algorithm::Rs256),
    Group::Cold(Algorithm::Es256),
    Group::Cold(Algorithm::EdDsa),
    Group::Cold(Algorithm::Hs256),
    Group::Lone,
];

impl Group {
    fn name(self) -> String {
        match self {
            Self::Idle => "idle".to_owned(),
            Self::Memory => "memory".to_owned(),
            Self::Hot(hot) => hot.name().to_owned(),
            Self::Unary => "unary".to_owned(),
            Self::Policies => "policies".to_owned(),
            Self::Cold(algorithm) => format!("cold {algorithm}"),
            Self::Lone => "lone".to_owned(),
        }
    }

    fn measure(self, scene: &Scene, runtime: &Runtime, effort: Effort) -> Outcome<Vec<Row>> {
        match self {
            Self::Idle => runtime.block_on(rows::idle(scene, effort)),
            Self::Memory => runtime.block_on(memory::rows(scene, effort)),
            Self::Hot(hot) => runtime.block_on(rows::hot(scene, hot, effort)),
            Self::Unary => runtime.block_on(rows::unary(scene, effort)),
            Self::Policies => runtime.block_on(rows::judged(scene, effort)),
            Self::Cold(algorithm) => rows::cold(scene, runtime, algorithm, effort),
            Self::Lone => lone::rows(scene, runtime, effort),
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let Some((first, rest)) = arguments.split_first()
        && first == "floor"
    {
        return echo::run(rest);
    }
    // `cargo test --all-targets` runs benches too, but without asking for a measurement.
    if !arguments.iter().any(|one| one == "--bench") {
        println!("nothing measured; use `cargo bench --bench budgets [-- --quick]`");
        return ExitCode::SUCCESS;
    }
    let Arguments { bench: _, quick, only, json } = Arguments::parse();
    match measure(if quick { QUICK } else { FULL }, &only, json.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("budgets: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures the groups whose name contains `only`.
fn measure(effort: Effort, only: &str, json: Option<&Path>) -> Outcome<()> {
    let groups: Vec<_> = GROUPS.iter().filter(|group| group.name().contains(only)).collect();
    if groups.is_empty() {
        let all = GROUPS.map(Group::name).join(", ");
        return Err(format!("--only: no group has {only:?} in its name; there are {all}").into());
    }
    let workers = jwtd::app::workers(None);
    let runtime = jwtd::app::client_runtime(workers)?;
    println!(
        "{workers} workers; {} rounds of {:?} hot and {:?} cold, in turns; tokens of {} bytes\n",
        effort.rounds,
        effort.hot,
        effort.cold,
        form::LENGTH
    );
    let scene = Scene::new(jwtd::clock::Clock::system().wall())?;
    let mut rows = Vec::new();
    for group in groups {
        rows.extend(group.measure(&scene, &runtime, effort)?);
    }
    table::print(&rows);
    if let Some(path) = json {
        std::fs::write(path, table::json(&rows).to_string())?;
    }
    Ok(())
}
