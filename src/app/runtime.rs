//! The runtime, sized by what the machine or the container gives.

use crate::files;
use std::io;
use std::path::Path;
use tokio::runtime::{Builder, Runtime};

/// How many worker threads to run: `wanted`, or as many as the affinity and the
/// quota of the control group allow, at most 8. A sidecar on a large machine with
/// no quota would otherwise take a thread of every core.
#[must_use]
pub fn workers(wanted: Option<usize>) -> usize {
    let allowed = || std::thread::available_parallelism().map_or(1, usize::from).min(8);
    wanted.unwrap_or_else(allowed).max(1)
}

/// The runtime that serves calls and checks signatures.
///
/// # Errors
/// If the operating system refuses the threads.
pub fn build(workers: usize) -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(workers).thread_name("worker").enable_all().build()
}

/// How many connections the limit on open files leaves room for.
#[must_use]
pub(super) fn most_connections() -> usize {
    /// For listeners, key files, probes, logs.
    const OTHERS: usize = 64;

    let limits = files::read_text(Path::new("/proc/self/limits"), files::MOST).unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
    soft.map_or(usize::MAX, |soft| soft.saturating_sub(OTHERS).max(1))
}
