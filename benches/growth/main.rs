//! Measures the growth of cost with issuers, keys, cached tokens, connections and token size:
//! `cargo bench --bench growth`, with `-- --quick` for a short run, `-- --only issuers` for a part,
//! `-- --out FOLDER` for the plots, `-- --json FILE` for the figures. The points of a series are
//! measured alternately, because machines are noisy; CPU time is that of the daemon.

#![allow(clippy::disallowed_methods, reason = "it measures by the clock of the machine")]

mod cached;
mod connections;
#[path = "../common/daemon.rs"]
mod daemon;
#[path = "../common/drive.rs"]
mod drive;
mod issuers;
mod keys;
mod pair;
mod plot;
#[path = "../common/raw.rs"]
mod raw;
#[path = "../common/requests.rs"]
mod requests;
mod scene;
mod series;
mod sizes;
#[path = "../common/wire.rs"]
mod wire;

use clap::Parser;
use jwtd_testkit::measured::Outcome;
use scene::Scene;
use series::Series;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the growth of cost.
#[derive(Parser)]
struct Arguments {
    /// The flag that `cargo bench` passes to every bench
    #[arg(long, hide = true)]
    bench: bool,
    /// Measure one short round of each, with few tokens
    #[arg(long)]
    quick: bool,
    /// Measure only the series whose name contains this text
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Folder for the plots
    #[arg(long, value_name = "FOLDER", default_value = "target/growth")]
    out: PathBuf,
    /// Also write all figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The amount of measurements.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    rounds: usize,
    span: Duration,
    /// The most tokens to cache: a million of them use gigabytes.
    cached: u32,
}

const FULL: Effort = Effort { rounds: 3, span: Duration::from_millis(1000), cached: 1_000_000 };

const QUICK: Effort = Effort { rounds: 1, span: Duration::from_millis(200), cached: 10_000 };

const NAMES: [&str; 5] = ["issuers", "keys", "cached", "connections", "sizes"];

fn main() -> ExitCode {
    // `cargo test --all-targets` runs benches too, but without asking for a measurement.
    if !std::env::args().any(|one| one == "--bench") {
        println!("nothing measured; use `cargo bench --bench growth [-- --quick]`");
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::parse();
    match measure(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("growth: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures the series whose name contains `only`.
fn measure(Arguments { quick, only, out, json, .. }: &Arguments) -> Outcome<()> {
    let effort = if *quick { QUICK } else { FULL };
    let names: Vec<_> = NAMES.into_iter().filter(|name| name.contains(&**only)).collect();
    if names.is_empty() {
        let all = NAMES.join(", ");
        return Err(format!("--only: no series has {only:?} in its name; there are {all}").into());
    }
    let workers = jwtd::app::workers(None);
    let runtime = jwtd::app::client_runtime(workers)?;
    println!("{workers} workers; {} rounds of {:?}, in turns", effort.rounds, effort.span);
    std::fs::create_dir_all(out)?;
    let mut rows = Vec::new();
    for name in names {
        // The daemons of a series are stopped after it.
        let scene = Scene::new(jwtd::clock::Clock::system().wall())?;
        let series = runtime.block_on(one(name, &scene, effort))?;
        series.print();
        rows.extend(series.json(name));
        let path = out.join(format!("{name}.svg"));
        plot::draw(&path, &series)?;
        println!("drawn: {}", path.display());
    }
    if let Some(path) = json {
        std::fs::write(path, serde_json::Value::from(rows).to_string())?;
    }
    Ok(())
}

async fn one(name: &str, scene: &Scene, effort: Effort) -> Outcome<Series> {
    match name {
        "issuers" => issuers::measure(scene, effort).await,
        "keys" => keys::measure(scene, effort).await,
        "cached" => cached::measure(scene, effort).await,
        "connections" => connections::measure(scene, effort).await,
        _ => sizes::measure(scene, effort).await,
    }
}
