//! The budgets of the design, measured on the built daemon: `cargo bench --bench
//! budgets`, or with `-- --quick` for a look, `-- --only cold` for some. Everything is a ratio of two servers
//! or of server and bare loop that took turns within one run, because machines are
//! noisy; CPU time is each process's own.

#[path = "../common/bare.rs"]
mod bare;
mod child;
mod drive;
#[path = "../floor/echo.rs"]
mod echo;
mod rows;
mod scene;
mod table;
#[path = "../common/tokens.rs"]
mod tokens;

use child::Outcome;
use jwtd::jose::Algorithm;
use rows::Hot;
use std::process::ExitCode;
use std::time::Duration;

// The floor's must be the daemon's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long to measure.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    rounds: usize,
    hot: Duration,
    cold: Duration,
    starts: usize,
}

const FULL: Effort = Effort {
    rounds: 5,
    hot: Duration::from_millis(2000),
    cold: Duration::from_millis(1200),
    starts: 9,
};

const QUICK: Effort = Effort {
    rounds: 1,
    hot: Duration::from_millis(500),
    cold: Duration::from_millis(500),
    starts: 3,
};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let Some((first, rest)) = arguments.split_first()
        && first == "floor"
    {
        return echo::run(rest);
    }
    // `cargo test --all-targets` runs benches too, and does not ask to measure.
    if !arguments.iter().any(|one| one == "--bench") {
        println!("nothing measured; use `cargo bench --bench budgets [-- --quick]`");
        return ExitCode::SUCCESS;
    }
    let quick = arguments.iter().any(|one| one == "--quick");
    let after_only = arguments.iter().skip_while(|one| *one != "--only").nth(1);
    let only = after_only.map_or("", String::as_str);
    match measure(if quick { QUICK } else { FULL }, only) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("budgets: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures the groups whose name contains `only`.
fn measure(effort: Effort, only: &str) -> Outcome<()> {
    let workers = jwtd::app::workers(None);
    let runtime = jwtd::app::build_runtime(workers)?;
    println!(
        "{workers} workers; {} rounds of {:?} hot and {:?} cold, in turns; tokens of {} bytes\n",
        effort.rounds,
        effort.hot,
        effort.cold,
        tokens::LENGTH
    );
    let scene = scene::Scene::new(jwtd::app::now())?;
    let wanted = |group: &str| group.contains(only);
    let mut rows = Vec::new();
    if wanted("idle") {
        rows.extend(runtime.block_on(rows::idle(&scene, effort))?);
    }
    for hot in [Hot::Batch, Hot::Stream] {
        if wanted(hot.name()) {
            rows.extend(runtime.block_on(rows::hot(&scene, hot, effort))?);
        }
    }
    if wanted("policies") {
        rows.extend(runtime.block_on(rows::judged(&scene, effort))?);
    }
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
        if wanted(&format!("cold {algorithm}")) {
            rows.extend(rows::cold(&scene, &runtime, algorithm, effort, workers)?);
        }
    }
    table::print(&rows);
    Ok(())
}
