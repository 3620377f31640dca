//! Builds the runtimes, sized by the machine or the container.

use std::io;
use tokio::runtime::{Builder, Runtime};

/// The number of worker threads: `wanted`, or as many as the CPU affinity and the quota of the
/// control group allow, at most 8. Without the cap, a sidecar with no quota on a large machine
/// would start one thread per core.
#[must_use]
pub fn workers(wanted: Option<usize>) -> usize {
    let allowed = || std::thread::available_parallelism().map_or(1, usize::from).min(8);
    wanted.unwrap_or_else(allowed).max(1)
}

/// Builds the control runtime of the daemon, driven by the caller's thread. It accepts connections,
/// handles signals, reloads, fetches keys, publishes health and drains. Worker threads serve the
/// connections.
///
/// # Errors
/// If the operating system refuses it.
pub fn control() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Builds a runtime of `threads` threads that share their tasks, for clients.
///
/// # Errors
/// If the operating system refuses the threads.
pub fn several(threads: usize) -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}
