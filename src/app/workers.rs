//! The worker threads, which serve connections and check signatures. Everything else runs on the
//! control runtime, on the caller's thread.

use crate::clock::Clock;
use crate::dispatch::Workers;
use std::io;
use std::thread;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The worker threads. Dropping this ends each thread, its runtime and all tasks that still run
/// there.
#[derive(Debug)]
pub(super) struct WorkerThreads {
    pub(super) workers: Workers,
    _end: DropGuard,
}

impl WorkerThreads {
    /// Starts `count` threads, at least one.
    ///
    /// # Errors
    /// If the operating system refuses a thread.
    pub(super) fn start(count: usize, clock: &Clock) -> io::Result<Self> {
        let end = CancellationToken::new();
        let first = begin(0, end.clone())?;
        let others = (1..count).map(|index| begin(index, end.clone()));
        let others = others.collect::<io::Result<Vec<_>>>()?;
        Ok(Self { workers: Workers::new(first, others, clock), _end: end.drop_guard() })
    }
}

/// Starts a thread that drives a runtime until `end`.
fn begin(index: usize, end: CancellationToken) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    // The thread drops its own runtime: a runtime must not be dropped inside another one.
    let run = move || runtime.block_on(end.cancelled());
    thread::Builder::new().name(format!("worker-{index}")).spawn(run)?;
    Ok(handle)
}
