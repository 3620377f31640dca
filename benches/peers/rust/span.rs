//! The measured time span, and its cost.

use crate::Outcome;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The number of tokens verified so far.
#[derive(Default)]
pub(crate) struct Tally(AtomicU64);

impl Tally {
    pub(crate) fn add(&self, tokens: usize) {
        self.0.fetch_add(u64::try_from(tokens).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Waits until the work has warmed up, counts for `seconds`, and prints the result.
#[expect(clippy::disallowed_methods, reason = "this thread is no worker's")]
pub(crate) fn measure(library: &str, way: &str, tally: &Tally, seconds: f64) -> Outcome<()> {
    std::thread::sleep(Duration::from_secs_f64((seconds / 5.0).max(0.5)));
    println!("begin");
    let now = || Outcome::Ok((tally.0.load(Ordering::Relaxed), cpu()?, Instant::now()));
    let (tokens, used, start) = now()?;
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let (all, in_all, end) = now()?;
    let result = serde_json::json!({
        "library": library,
        "version": version(library)?,
        "way": way,
        "tokens": all - tokens,
        "cpu_seconds": (in_all - used).as_secs_f64(),
        "seconds": (end - start).as_secs_f64(),
    });
    println!("{result}");
    Ok(())
}

/// The version of a crate in this build.
pub(crate) fn version(name: &str) -> Outcome<&'static str> {
    let lock = include_str!("../../../Cargo.lock");
    let (_, rest) = lock.split_once(&format!("name = \"{name}\"\n")).ok_or("no such crate")?;
    let version = rest.lines().next().and_then(|line| line.split('"').nth(1));
    Ok(version.ok_or("a crate without a version")?)
}

/// The CPU time of all threads of this process so far, in user and kernel mode.
fn cpu() -> Outcome<Duration> {
    let mut sum = 0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        // The first number is the time on a CPU, in nanoseconds (Linux, sched-stats.rst).
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        sum += text.split(' ').next().ok_or("an empty schedstat")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(sum))
}
