//! The soak test: the built daemon under a mixed load for minutes or hours, while issuers rotate
//! their keys and fail, and the configuration is replaced. Every verdict is compared with the
//! expected one; memory, descriptors and threads must not grow.
//!
//! `cargo test --release --test soak -- --minutes 30` runs it; `cargo test` alone skips it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a test may panic, sleep and ask for the time"
)]

mod daemon;
mod issuer;
mod load;
mod mint;
mod oracle;
mod plot;
mod pushes;
mod samples;
mod verdict;

use clap::Parser;
use daemon::Daemon;
use issuer::{Issuer, Web};
use jwtd_testkit::launcher::Folder;
use load::Load;
use mint::Mint;
use oracle::{Generation, Home, World};
use pushes::Pushes;
use samples::Sampler;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Run the daemon under load and check every verdict.
#[derive(Clone, Debug, Parser)]
struct Arguments {
    /// Duration in minutes.
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// Tokens per second.
    #[arg(long, default_value_t = 20_000)]
    rate: u32,
    /// Seconds between two rotations of the first issuer's key.
    #[arg(long, default_value_t = 60)]
    rotate: u64,
    /// Seconds between two configuration changes.
    #[arg(long, default_value_t = 120)]
    push: u64,
    /// Do not change the configuration.
    #[arg(long)]
    no_reload: bool,
    /// Give the daemon a directory to store keys in.
    #[arg(long)]
    state_dir: bool,
    /// File to write the plot to.
    #[arg(long, default_value = "target/soak.svg")]
    plot: PathBuf,
    /// File to write the summary to.
    #[arg(long, default_value = "target/soak.json")]
    json: PathBuf,
}

/// An event in the run, shown in the plot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mark {
    /// A key that was published before is used from now on.
    Rotation,
    /// A key is published and used at once.
    Surprise,
    Reload,
    Broken,
    /// The second issuer is down for this many seconds.
    Outage(u32),
}

fn main() {
    let arguments = Arguments::parse();
    let span = Duration::from_secs_f64(arguments.minutes * 60.0);
    let folder = Folder::new();

    let web = Web::start();
    let alpha = Issuer::new("alpha", jwtd_core::jose::Algorithm::Es256);
    let beta = Issuer::new("beta", jwtd_core::jose::Algorithm::EdDsa);
    web.serve(&alpha);
    web.serve(&beta);
    let world = Arc::new(World::new(alpha, beta));
    let mint = Mint::new(Arc::clone(&world));
    let mut daemon = Daemon::start(folder.clone(), &mint, &web.origin, arguments.state_dir);
    println!("pid {}, {:.1} minutes, {} tokens/s", daemon.id(), arguments.minutes, arguments.rate);

    let (begin, stop) = (Instant::now(), Arc::new(AtomicBool::new(false)));
    let sampler = Sampler::start(&daemon, begin, Arc::clone(&stop));
    let load = Load::start(
        daemon.socket(),
        Arc::clone(&world),
        mint,
        arguments.rate,
        Arc::clone(&stop),
        sampler.inbox(),
    );
    let mut pushes = Pushes::new(begin, arguments.push);
    let mut life = Life { rotate: arguments.rotate, ..Life::new(&world, begin) };
    let mut told = begin;
    while begin.elapsed() < span {
        std::thread::sleep(Duration::from_millis(50));
        life.step(begin);
        load.purge();
        if !arguments.no_reload {
            pushes.step(&daemon, &world, span);
        }
        assert!(daemon.is_alive(), "the daemon ended:\n{}", daemon.log_end());
        if told.elapsed() >= Duration::from_secs(60) {
            told = Instant::now();
            println!("{:4.0} s: {}", begin.elapsed().as_secs_f64(), load.line());
        }
    }
    stop.store(true, Ordering::Relaxed);
    let tally = load.end();
    let samples = sampler.end();
    let (status, took) = daemon.stop();

    let marks = world.marks(begin);
    plot::write(&arguments.plot, &samples, &marks, &tally.title(begin.elapsed()));
    let report = verdict::Report::new(&world, &tally, &samples, &pushes, &daemon, status, took);
    std::fs::write(&arguments.json, report.to_json().to_string()).unwrap();
    println!("plot {}, summary {}", arguments.plot.display(), arguments.json.display());
    let failed = report.print();
    // Dropped explicitly, because the process exits without running destructors.
    drop((daemon, folder));
    std::process::exit(i32::from(failed > 0));
}

/// The schedule of the issuers.
struct Life {
    world: Arc<World>,
    rotate: u64,
    alpha: Steps,
    beta: Steps,
    down_at: Duration,
}

/// The rotation schedule of one issuer.
struct Steps {
    number: u64,
    published: bool,
    retired: bool,
}

impl Life {
    fn new(world: &Arc<World>, _begin: Instant) -> Self {
        let steps = || Steps { number: 0, published: false, retired: true };
        let (alpha, beta) = (steps(), steps());
        // The first outage comes early, so that short runs have one.
        Self { world: Arc::clone(world), rotate: 60, alpha, beta, down_at: Duration::from_secs(40) }
    }

    fn step(&mut self, begin: Instant) {
        let now = begin.elapsed();
        let part = Duration::from_secs(self.rotate) / 4;
        let steps = &mut self.alpha;
        steps.step(&self.world, Home::Alpha, now, part * 4, part, part);
        // Slower, so that a new key is fetched despite all failures.
        self.beta.step(&self.world, Home::Beta, now, part * 12, part * 4, part * 2);
        if now >= self.down_at {
            self.world.issuer(Home::Beta).go_down(Duration::from_secs(30));
            self.world.mark(Mark::Outage(30));
            self.down_at += Duration::from_secs(210);
        }
    }
}

impl Steps {
    /// Rotations happen at the interval `every`; keys are published `ahead` of their use and
    /// withdrawn `after` it. Every third key of the first issuer is used without being published
    /// before.
    fn step(
        &mut self,
        world: &World,
        home: Home,
        now: Duration,
        every: Duration,
        ahead: Duration,
        after: Duration,
    ) {
        let issuer = world.issuer(home);
        let since = |count: u64| every / 2 + every * u32::try_from(count).unwrap();
        let surprise = home == Home::Alpha && self.number % 3 == 2;
        let used_at = since(self.number);
        if !self.published && !surprise && now + ahead >= used_at {
            issuer.publish();
            self.published = true;
        }
        if now >= used_at {
            if !self.published {
                issuer.publish();
            }
            issuer.use_newest();
            world.mark(if surprise { Mark::Surprise } else { Mark::Rotation });
            *self = Self { number: self.number + 1, published: false, retired: false };
        }
        if !self.retired && now >= since(self.number - 1) + after {
            issuer.retire();
            self.retired = true;
        }
    }
}

/// The sequence of configurations.
pub(crate) fn generation(number: usize) -> Generation {
    Generation {
        number,
        extra: number % 2 == 1,
        max_age: [None, Some(60), Some(30)][number % 3],
        tenant: number % 4 == 3,
        delta: number % 2 == 1,
        guest: number % 3 == 1,
    }
}
