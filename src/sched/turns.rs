//! Works a batch off in turns: short synchronous pieces, between which others
//! come to their right.

use super::backlog::{Backlog, Load};
use super::lag::Lag;
use crate::clock::{Clock, later};
use crate::engine::{
    Batch, Decision, Engine, Event, Finish, ForeignProfile, Held, Plan, Proof, Slice, Snapshot,
};
use crate::sources::{AttemptEnd, KeyWatches};
use std::cell::OnceCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinSet, yield_now};

use Undecided::{Busy, Late};

/// Works batches off.
#[derive(Clone, Debug)]
pub struct Scheduler {
    engine: Arc<Engine>,
    watches: KeyWatches,
    /// One turn for each worker thread. Slices wait here, first come first
    /// served, and not in the runtime's queue, where a lone token would stand
    /// behind all slices of a large batch.
    turns: Arc<Semaphore>,
    /// Bounds the batches that wait for keys; the others do without.
    waiters: Arc<Semaphore>,
    backlog: Arc<Backlog>,
    lag: Arc<Lag>,
    workers: usize,
    clock: Clock,
}

/// Why a batch is not decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Undecided {
    /// More checks wait than can be done in time.
    Busy,
    /// A bug: its profile is of another configuration.
    ForeignProfile,
    /// The deadline came before the end.
    Late,
}

impl From<ForeignProfile> for Undecided {
    fn from(ForeignProfile: ForeignProfile) -> Self {
        Self::ForeignProfile
    }
}

/// How many batches wait for keys at once.
const WAITERS: usize = 64;

/// How many tokens are looked up, read or judged before others get a turn: about
/// 200 microseconds if all of them must be read, a tenth of that if none.
const STRIDE: usize = 64;

impl Scheduler {
    /// Works batches off on `workers` threads. Signature checks are taken on as long as
    /// they have to wait no longer than `queue_delay`.
    #[must_use]
    pub fn new(
        engine: Arc<Engine>,
        watches: KeyWatches,
        workers: usize,
        queue_delay: Duration,
        clock: Clock,
    ) -> Self {
        let (turns, waiters) = (Semaphore::new(workers), Semaphore::new(WAITERS));
        let (turns, waiters) = (Arc::new(turns), Arc::new(waiters));
        let (backlog, lag) = (Backlog::new(workers, queue_delay), Lag::new(clock.clone()));
        Self { engine, watches, turns, waiters, backlog, lag, workers, clock }
    }

    /// What it works with.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The clock of deadlines and verdicts.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Begins to decide every token of `batch`, which came at `now`. If they are few and all
    /// remembered, it is done at once.
    ///
    /// # Errors
    /// If `deadline` has passed.
    pub fn begin(
        &self,
        snapshot: Arc<Snapshot>,
        batch: Batch,
        now: Instant,
        deadline: Option<Instant>,
    ) -> Result<Begun, Undecided> {
        if deadline.is_some_and(|deadline| now >= deadline) {
            return Err(Late);
        }
        let tokens = batch.tokens.len();
        let mut plan = Plan::new(snapshot, batch, now)?;
        // One token under rules may take as long as others may have to wait.
        let most = if has_rules(&plan) { 1 } else { STRIDE };
        if tokens > most {
            return Ok(Begun::Open(Opened { plan: plan.into(), at: now }));
        }
        plan.only_hits();
        plan.advance(&self.engine, tokens);
        if plan.is_stopped() {
            plan.resume();
            return Ok(Begun::Open(Opened { plan: plan.into(), at: now }));
        }
        let (pending, _no_checks) = plan.cut();
        let mut finish = Finish::new(pending, Vec::new(), self.clock.wall());
        finish.advance(&self.engine, tokens);
        let took = self.clock.since(now);
        if deadline.is_some_and(|deadline| took >= deadline.saturating_duration_since(now)) {
            return Err(Late);
        }
        self.engine.metrics.judged(tokens, took);
        self.record(finish.take_events());
        Ok(Begun::Decided(finish.decisions()))
    }

    /// Decides what was begun. Work stops when the future is dropped.
    ///
    /// # Errors
    /// If `deadline` comes first, or there is too much to do for that.
    pub async fn decide(
        &self,
        Opened { plan, at }: Opened,
        deadline: Option<Instant>,
    ) -> Result<Vec<Decision>, Undecided> {
        let began = Arc::clone(plan.snapshot());
        let mut events = Vec::new();
        let first = self.pass(*plan, at, deadline, true, &mut events);
        let (mut decisions, held) = first.await?;
        if let Some(Waiting { held, _place }) = held {
            for (_, end) in held.waits {
                // Half of the time that is left, so that some is left for the answer.
                let (until, now) = (end.until(), self.clock.monotonic());
                let half = |deadline: Instant| deadline.saturating_duration_since(now) / 2;
                let until =
                    deadline.map_or(until, |deadline| until.min(later(now, half(deadline))));
                self.clock.timeout_at(until, end.reached()).await;
            }
            // Of the configuration that the batch came under: in another one its profile
            // may stand in another place.
            let now = self.engine.current.load();
            let snapshot = if now.is_of_configuration_of(&began) { now } else { began };
            let at = self.clock.monotonic();
            let plan = Plan::new(snapshot, held.batch, at)?;
            let second = self.pass(plan, at, deadline, false, &mut events);
            let (late, _) = second.await?;
            for (place, decision) in held.places.into_iter().zip(late) {
                if let Some(slot) = decisions.get_mut(place) {
                    *slot = decision;
                }
            }
        }
        self.record(events);
        Ok(decisions)
    }

    /// Writes to the audit log, if there is one.
    fn record(&self, events: Vec<Event>) {
        if let Some(audit) = self.engine.audit.as_ref().filter(|_| !events.is_empty()) {
            audit.log().push(events);
        }
    }

    /// Decides a batch, but for tokens whose key may come soon if they `may_wait`.
    async fn pass(
        &self,
        mut plan: Plan,
        started: Instant,
        deadline: Option<Instant>,
        may_wait: bool,
        events: &mut Vec<Event>,
    ) -> Result<(Vec<Decision>, Option<Waiting>), Undecided> {
        let tokens = plan.batch().tokens.len();
        let in_time = || match deadline {
            Some(deadline) if self.clock.monotonic() >= deadline => Err(Late),
            _ => Ok(()),
        };
        in_time()?;
        // Before any work is done for it: to refuse must be cheap.
        let patience = deadline.map(|deadline| deadline.saturating_duration_since(started));
        self.lag.measure(started);
        if self.backlog.is_full(patience, self.lag.at(started)) {
            plan.only_hits();
        }
        while plan.advance(&self.engine, STRIDE) {
            yield_now().await;
            in_time()?;
        }
        if plan.is_stopped() {
            return Err(Busy);
        }
        // A token that may not wait is missed all the same.
        let place = OnceCell::new();
        let snapshot = Arc::clone(plan.snapshot());
        let held = plan.hold(&self.engine, |issuer, id| {
            let issuer = snapshot.issuers().get(issuer).filter(|_| may_wait)?;
            let end = self.watches.of(issuer)?.miss(id)?;
            let take = || Arc::clone(&self.waiters).try_acquire_owned().ok();
            place.get_or_init(take).is_some().then_some(end)
        });
        let place = place.into_inner().flatten();
        let held = held.zip(place).map(|(held, place)| Waiting { held, _place: place });
        // Those over which rules take long end a turn of themselves.
        let stride = if has_rules(&plan) { STRIDE } else { STRIDE * 4 };
        let (pending, slices) = plan.cut();
        let proofs = self.prove(slices, started, deadline).await?;
        let mut finish = Finish::new(pending, proofs, self.clock.wall());
        while finish.advance(&self.engine, stride) {
            yield_now().await;
            in_time()?;
        }
        self.engine.metrics.judged(tokens, self.clock.since(started));
        events.append(&mut finish.take_events());
        Ok((finish.decisions(), held))
    }

    async fn prove(
        &self,
        mut slices: Vec<Slice>,
        started: Instant,
        deadline: Option<Instant>,
    ) -> Result<Vec<Proof>, Undecided> {
        // What fits one slice is done on the spot: to wait for a turn would cost
        // more than it is worth.
        if slices.len() <= 1 {
            let Some(slice) = slices.pop() else { return Ok(Vec::new()) };
            // Others wait for it all the same. Its pace tells little: the cost of one token is
            // that of its check, and leaves out what a call takes beside.
            let _load = self.backlog.take(slice.cost());
            return Ok(slice.run(&self.engine, self.clock.wall(), started));
        }
        let lanes = self.workers.min(slices.len());
        let load = self.backlog.take(slices.iter().map(Slice::cost).sum());
        // The dearest are at the front; the lanes take from the back.
        slices.reverse();
        let shared = Arc::new(Lanes {
            slices: Mutex::new(slices),
            proofs: Mutex::default(),
            load: Mutex::new(load),
        });
        // Dropping the set stops the lanes at their next turn.
        let mut helpers = JoinSet::new();
        for _ in 1..lanes {
            let lane = Arc::clone(&shared).work(self.clone(), deadline);
            helpers.spawn(lane);
        }
        let own = Arc::clone(&shared).work(self.clone(), deadline).await;
        let mut outcome = own;
        while let Some(joined) = helpers.join_next().await {
            // A lane cannot panic: each check is caught, and nothing else can
            // fail. Were it to, its tokens are answered with INTERNAL.
            outcome = outcome.and_then(|()| joined.unwrap_or(Ok(())));
        }
        outcome?;
        Ok(std::mem::take(&mut *lock(&shared.proofs)))
    }
}

/// Whether rules are tried on the tokens.
fn has_rules(plan: &Plan) -> bool {
    plan.served().policy.has_rules()
}

/// A batch that was begun.
#[derive(Debug)]
pub enum Begun {
    /// Everything is decided.
    Decided(Vec<Decision>),
    /// There is more to do, for [`Scheduler::decide`].
    Open(Opened),
}

/// The rest of a batch that was begun.
#[derive(Debug)]
pub struct Opened {
    plan: Box<Plan>,
    /// When it came.
    at: Instant,
}

/// Tokens that wait for keys, and leave to do so.
struct Waiting {
    held: Held<AttemptEnd>,
    _place: OwnedSemaphorePermit,
}

/// What the lanes of one batch share.
struct Lanes {
    slices: Mutex<Vec<Slice>>,
    proofs: Mutex<Vec<Proof>>,
    load: Mutex<Load>,
}

impl Lanes {
    async fn work(
        self: Arc<Self>,
        scheduler: Scheduler,
        deadline: Option<Instant>,
    ) -> Result<(), Undecided> {
        loop {
            let turn = scheduler.turns.acquire().await;
            let Some(slice) = lock(&self.slices).pop() else {
                return Ok(());
            };
            if deadline.is_some_and(|deadline| scheduler.clock.monotonic() >= deadline) {
                return Err(Late);
            }
            let (cost, begin) = (slice.cost(), scheduler.clock.monotonic());
            let proofs = slice.run(&scheduler.engine, scheduler.clock.wall(), begin);
            scheduler.backlog.learn(cost, scheduler.clock.since(begin));
            lock(&self.load).shrink(cost);
            lock(&self.proofs).extend(proofs);
            // With the turn still in hand: else the next lane would run at once, and the one
            // after it, and nobody would look at the sockets for long.
            yield_now().await;
            drop(turn);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
