//! Runs slices on the workers cooperatively: each is a short synchronous piece of work, and a lane
//! yields to other tasks between two of them.

use super::account::{Account, Permit};
use super::backlog::Backlog;
use super::resource::Resource;
use super::undecided::Undecided;
use super::workers::{Worker, Workers};
use crate::clock::Clock;
use crate::engine::{Engine, Outcome, Slice};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::{JoinSet, yield_now};

/// The slice runner: spreads the slices of a batch over the worker threads.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    engine: Arc<Engine>,
    workers: Workers,
    backlog: Arc<Backlog>,
    clock: Clock,
}

impl Turns {
    pub(super) fn new(
        engine: Arc<Engine>,
        workers: Workers,
        backlog: Arc<Backlog>,
        clock: Clock,
    ) -> Self {
        Self { engine, workers, backlog, clock }
    }

    /// Runs the slices of a batch that arrived at `began`, and returns their outcomes in any order.
    /// Dropping the future abandons the remaining slices.
    ///
    /// # Errors
    /// If `deadline` passes first.
    pub(super) async fn run(
        &self,
        mut slices: Vec<Slice>,
        account: &Arc<Account>,
        began: Instant,
        deadline: Option<Instant>,
    ) -> Result<Vec<Outcome>, Undecided> {
        if slices.is_empty() {
            return Ok(Vec::new());
        }
        let cost = slices.iter().map(Slice::cost).sum();
        let load = account.charge(Resource::Work, microseconds(cost));
        // A batch that fits one slice runs inline, because waiting for a turn would cost more than
        // it saves. Its timing is not recorded: the cost of one token covers only its check, and
        // not the overhead of a call.
        if cost <= Slice::TARGET {
            let run = |slice: Slice| slice.run(&self.engine, self.clock.wall(), began);
            let mut outcomes = slices.into_iter().map(run);
            let first = outcomes.next().unwrap_or_default();
            return Ok(outcomes.fold(first, |mut all, more| {
                all.extend(more);
                all
            }));
        }
        let lanes = self.workers.count().min(slices.len());
        // The most expensive are at the front; the lanes take from the back.
        slices.reverse();
        let shared = Arc::new(Lanes {
            slices: Mutex::new(slices),
            outcomes: Mutex::default(),
            load: Mutex::new(load),
        });
        // Dropping the set stops the lanes at their next turn.
        let mut helpers = JoinSet::new();
        let own = self.workers.own();
        let others = self.workers.iter().filter(|worker| !Arc::ptr_eq(worker, own));
        for worker in others.take(lanes.saturating_sub(1)) {
            let lane = Arc::clone(&shared).work(self.clone(), Arc::clone(worker), deadline);
            helpers.spawn_on(lane, &worker.runtime);
        }
        Arc::clone(&shared).work(self.clone(), Arc::clone(own), deadline).await?;
        while let Some(joined) = helpers.join_next().await {
            // A lane cannot panic: each slice is caught, and nothing else can fail. If one did, its
            // tokens would get INTERNAL.
            joined.unwrap_or(Ok(()))?;
        }
        Ok(std::mem::take(&mut *lock(&shared.outcomes)))
    }
}

/// The state that the lanes of one batch share; each worker runs at most one lane of a batch.
struct Lanes {
    slices: Mutex<Vec<Slice>>,
    outcomes: Mutex<Vec<Outcome>>,
    load: Mutex<Permit>,
}

impl Lanes {
    async fn work(
        self: Arc<Self>,
        turns: Turns,
        worker: Arc<Worker>,
        deadline: Option<Instant>,
    ) -> Result<(), Undecided> {
        loop {
            // A lane without work must not take a turn from others.
            if lock(&self.slices).is_empty() {
                return Ok(());
            }
            let turn = worker.turn.acquire().await;
            let Some(slice) = lock(&self.slices).pop() else {
                return Ok(());
            };
            if deadline.is_some_and(|deadline| turns.clock.monotonic() >= deadline) {
                return Err(Undecided::Late);
            }
            let (cost, is_check) = (slice.cost(), slice.is_check());
            let begin = turns.clock.monotonic();
            let outcomes = slice.run(&turns.engine, turns.clock.wall(), begin);
            if is_check {
                turns.backlog.learn(cost, turns.clock.since(begin));
            }
            lock(&self.load).shrink(microseconds(cost));
            lock(&self.outcomes).extend(outcomes);
            // Yield while holding the turn: otherwise the next lane would run at once, and the one
            // after it, and the runtime would not poll sockets for long.
            yield_now().await;
            drop(turn);
        }
    }
}

fn microseconds(span: Duration) -> usize {
    usize::try_from(span.as_micros()).unwrap_or(usize::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
