//! The runtimes, sized by what the machine or the container gives.

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

/// The control runtime of the daemon, driven by the caller's thread: it accepts, heeds signals,
/// reloads, fetches keys, tells health and drains. Connections are served elsewhere.
///
/// # Errors
/// If the operating system refuses it.
pub fn control() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// A runtime whose tasks share so many threads, for clients.
///
/// # Errors
/// If the operating system refuses the threads.
pub fn several(threads: usize) -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}
