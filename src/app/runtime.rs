//! The runtime, sized by what the machine or the container gives.

use std::io;
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
