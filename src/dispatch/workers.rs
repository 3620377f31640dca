//! The worker threads, as connections and slices see them. Each has its own runtime, and a
//! connection stays on one of them from accept to close: its state, look-ups and responses never
//! move to another core. Work that would occupy a thread for long is split into slices for all of
//! them.

use super::lag::Lag;
use crate::clock::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// All worker threads, at least one. Clones share them.
#[derive(Clone, Debug)]
pub struct Workers {
    first: Arc<Worker>,
    others: Arc<[Arc<Worker>]>,
}

/// A worker thread.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) runtime: Handle,
    /// The worker's single turn. Slices wait here in FIFO order, and not in the runtime's queue,
    /// where a single token would wait behind all slices of a large batch.
    pub(super) turn: Semaphore,
    /// The lag of its tasks.
    pub(super) lag: Arc<Lag>,
    connections: AtomicUsize,
    /// The number of long batches assigned to it.
    batches: AtomicUsize,
}

/// The assignment of a long batch to a worker, until the batch ends.
#[derive(Debug)]
pub struct Seat {
    worker: Arc<Worker>,
    is_own: bool,
}

/// The assignment of a connection to a worker, until the connection closes.
#[derive(Debug)]
pub struct Place(Arc<Worker>);

impl Workers {
    /// Creates the workers from these runtimes, each of which its own thread drives. `clock`
    /// measures their lag.
    #[must_use]
    pub fn new(first: Handle, others: impl IntoIterator<Item = Handle>, clock: &Clock) -> Self {
        let worker = |runtime| {
            let (turn, lag) = (Semaphore::new(1), Lag::new(clock.clone()));
            let [connections, batches] = [const { AtomicUsize::new(0) }; 2];
            Arc::new(Worker { runtime, turn, lag, connections, batches })
        };
        Self { first: worker(first), others: others.into_iter().map(worker).collect() }
    }

    /// The number of workers.
    #[must_use]
    pub fn count(&self) -> usize {
        1 + self.others.len()
    }

    /// Assigns a connection to the worker with the fewest connections; among equals, to the one
    /// with the shortest busy time.
    #[must_use]
    pub fn place(&self) -> Place {
        let load = |worker: &&Arc<Worker>| {
            let busy = worker.runtime.metrics().worker_total_busy_duration(0);
            (worker.connections.load(Ordering::Relaxed), busy)
        };
        let worker = self.iter().min_by_key(load).unwrap_or(&self.first);
        worker.connections.fetch_add(1, Ordering::Relaxed);
        Place(Arc::clone(worker))
    }

    /// Assigns a batch to the worker with the fewest; to the caller's own worker if no other has
    /// fewer.
    #[must_use]
    pub fn seat(&self) -> Seat {
        let own = self.own();
        let batches = |worker: &Arc<Worker>| worker.batches.load(Ordering::Relaxed);
        let least = self.iter().min_by_key(|worker| batches(worker)).unwrap_or(own);
        let worker = if batches(least) < batches(own) { least } else { own };
        worker.batches.fetch_add(1, Ordering::Relaxed);
        Seat { worker: Arc::clone(worker), is_own: Arc::ptr_eq(worker, own) }
    }

    /// The worker that runs the caller, or the first if none does.
    pub(super) fn own(&self) -> &Arc<Worker> {
        let own = Handle::try_current().ok().map(|handle| handle.id());
        let found = self.iter().find(|worker| Some(worker.runtime.id()) == own);
        found.unwrap_or(&self.first)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Worker>> {
        std::iter::once(&self.first).chain(&*self.others)
    }
}

impl Place {
    /// The runtime of the worker.
    #[must_use]
    pub fn runtime(&self) -> &Handle {
        &self.0.runtime
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Seat {
    /// The runtime in which to decide the batch; `None` if it is the caller's own.
    #[must_use]
    pub fn elsewhere(&self) -> Option<&Handle> {
        (!self.is_own).then_some(&self.worker.runtime)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.worker.batches.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::runtime::Builder;

    #[test]
    fn a_connection_gets_the_worker_with_the_fewest_and_is_recognized_there() {
        let runtimes = [(); 3].map(|()| Builder::new_current_thread().build().unwrap());
        let [first, second, third] = &runtimes;
        let others = [second.handle().clone(), third.handle().clone()];
        let workers = Workers::new(first.handle().clone(), others, &Clock::system());
        let counts = || {
            let count = |worker: &Arc<Worker>| worker.connections.load(Ordering::Relaxed);
            workers.iter().map(count).collect::<Vec<_>>()
        };
        let mut places: Vec<_> = (0..7).map(|_| workers.place()).collect();
        let mut sorted = counts();
        sorted.sort_unstable();
        assert_eq!(sorted, [2, 2, 3]);
        // Two connections that end on one worker leave room for the next two.
        let gone = places[0].runtime().id();
        places.retain(|place| place.runtime().id() != gone);
        let next = workers.place();
        assert_eq!(next.runtime().id(), gone);
        for runtime in &runtimes {
            let own = runtime.block_on(async { workers.own().runtime.id() });
            assert_eq!(own, runtime.handle().id());
        }
        assert_eq!(workers.own().runtime.id(), first.handle().id(), "outside of all");
        drop((places, next));
        assert_eq!(counts(), [0, 0, 0]);
    }

    #[test]
    fn batches_that_take_long_are_spread_over_all_workers() {
        let runtimes = [(); 2].map(|()| Builder::new_current_thread().build().unwrap());
        let [first, second] = &runtimes;
        let workers =
            Workers::new(first.handle().clone(), [second.handle().clone()], &Clock::system());
        let place = |seat: &Seat| seat.elsewhere().map(Handle::id);
        second.block_on(async {
            let (own, other) = (workers.seat(), workers.seat());
            assert_eq!(place(&own), None);
            assert_eq!(place(&other), Some(first.handle().id()));
            let third = workers.seat();
            assert_eq!(place(&third), None);
            drop((own, third));
            // If no worker has fewer, the batch stays and saves the hop.
            let _again = workers.seat();
            assert_eq!(place(&workers.seat()), None);
        });
        assert!(workers.iter().all(|worker| worker.batches.load(Ordering::Relaxed) == 0));
    }
}
