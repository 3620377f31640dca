//! Decides batches. A batch with only cache hits is decided at once ([`Dispatcher::begin`]); any
//! other is suspended and decided in slices that yield to other tasks ([`Dispatcher::finish`]).

use super::account::{Account, Permit};
use super::admission::Admission;
use super::backlog::Backlog;
use super::footprint::footprint;
use super::resource::Resource;
use super::turns::Turns;
use super::undecided::Undecided;
use super::workers::{Seat, Workers};
use crate::clock::Clock;
use crate::config::ServerLimits;
use crate::engine::{
    AuditEvent, Batch, Decision, Engine, Judging, Lookup, Moment, Slice, Snapshot,
};
use crate::permit;
use crate::shared_replay::SharedMemory;
use crate::sources::KeyWatches;
use crate::telemetry::{AuditLog, ShedCause};
use bytes::Bytes;
use futures_util::FutureExt as _;
use keys::Waiting;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::yield_now;

/// Decides batches within the process-wide limits and their deadlines.
#[derive(Debug)]
pub struct Dispatcher {
    engine: Arc<Engine>,
    watches: KeyWatches,
    workers: Workers,
    turns: Turns,
    backlog: Arc<Backlog>,
    call_timeout: Duration,
    queue_delay: Duration,
    shared_memory: Option<SharedMemory>,
    clock: Clock,
}

/// A batch after its first look-up.
#[derive(Debug)]
pub enum Begun {
    /// Everything is decided.
    Decided(Vec<Decision>),
    /// The rest is for [`Dispatcher::finish`].
    Suspended(Suspended),
}

/// A suspended batch with its permits. It waits at three points: between slices, for its
/// next turn; for keys that are being fetched, before the tokens that need them are read again; and for the shared memory of
/// presentations, after all is judged.
#[derive(Debug)]
pub struct Suspended {
    lookup: Box<Lookup>,
    deadline: Option<Instant>,
    _tokens: Permit,
    memory: Permit,
    _records: Option<permit::Permit<AuditLog<AuditEvent>>>,
}

/// The tokens that are looked up before yielding, or judged if rules are evaluated for them;
/// without rules, four times as many are judged. Either takes a fraction of 200 microseconds.
const STRIDE: usize = 64;

/// The lag beyond which a worker hands work to another: about ten times the cost of a round trip to
/// another worker.
const LATE: Duration = Duration::from_micros(500);

/// The approximate memory of a call and its headers, in bytes.
const CALL: usize = 8192;

impl Dispatcher {
    /// Creates a dispatcher that decides batches on `workers`. Each batch gets a deadline (R80),
    /// and checks are accepted as long as they would not wait longer than `queue_delay`.
    #[must_use]
    pub fn new(
        engine: Arc<Engine>,
        watches: KeyWatches,
        admission: Arc<Admission>,
        workers: Workers,
        limits: &ServerLimits,
        clock: Clock,
    ) -> Self {
        let ServerLimits { call_timeout, queue_delay, .. } = *limits;
        let backlog = Backlog::new(admission, workers.count(), queue_delay);
        let (own, taken) = (Arc::clone(&engine), Arc::clone(&backlog));
        let turns = Turns::new(own, workers.clone(), taken, clock.clone());
        let shared_memory = None;
        Self {
            engine,
            watches,
            workers,
            turns,
            backlog,
            call_timeout,
            queue_delay,
            shared_memory,
            clock,
        }
    }

    /// The same, for which what is presented must be new to a shared memory too.
    #[must_use]
    pub fn sharing(self, shared_memory: Option<SharedMemory>) -> Self {
        Self { shared_memory, ..self }
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The clock of deadlines and verdicts.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Assigns long work to a worker: a large batch always, and any batch while the current worker
    /// is late.
    #[must_use]
    pub fn seat(&self, suspended: &Suspended) -> Option<Seat> {
        let is_late = || self.workers.own().lag.at(self.clock.monotonic()) > LATE;
        (suspended.lookup.tokens() > STRIDE || is_late()).then(|| self.workers.seat())
    }

    /// Starts to decide every token of `batch`, which arrived at `now` from the peer with this
    /// account. A small batch with only cache hits is decided at once.
    ///
    /// # Errors
    /// If `deadline` has passed, or a limit is reached.
    pub fn begin(
        &self,
        snapshot: &Arc<Snapshot>,
        batch: Batch,
        now: Instant,
        deadline: Option<Instant>,
        account: &Arc<Account>,
    ) -> Result<Begun, Undecided> {
        let audit = self.engine.audit.as_ref();
        let records = audit.map(|audit| audit.take_room(&batch.tokens)).transpose();
        let records = records.map_err(|full| self.shed(ShedCause::Audit, full.limit))?.flatten();
        let deadline = deadline.into_iter().chain(now.checked_add(self.call_timeout)).min();
        if deadline.is_some_and(|deadline| now >= deadline) {
            return Err(Undecided::Late);
        }
        let tokens = batch.tokens.len();
        let bytes = batch.tokens.iter().map(Bytes::len).sum::<usize>();
        let memory = footprint(&batch);
        caught(|| {
            let mut lookup = Lookup::new(Arc::clone(snapshot), batch, now)?;
            // With rules, one token may take as long as other tasks may have to wait.
            let few = if has_rules(&lookup) { 1 } else { STRIDE };
            // The signature of a proof is work as that of a token is, and a one-time token may
            // have to wait for the shared memory.
            let may_wait = lookup.has_proofs() || lookup.served().profile.one_time;
            if tokens <= few && !may_wait {
                lookup.only_hits();
                lookup.advance(&self.engine, tokens);
                if !lookup.is_stopped() {
                    return self.decide_hits(lookup, now, deadline).map(Begun::Decided);
                }
                lookup.resume();
            }
            // Take the permits only now: a batch decided at once ends before anyone could observe
            // them.
            let full = |cause, resource| self.shed(cause, account.limit(resource));
            Ok(Begun::Suspended(Suspended {
                lookup: Box::new(lookup),
                deadline,
                _tokens: account
                    .take(Resource::Tokens, tokens)
                    .ok_or_else(|| full(ShedCause::Tokens, Resource::Tokens))?,
                memory: account
                    .take_more(Resource::Bytes, memory, bytes.saturating_add(CALL))
                    .ok_or_else(|| full(ShedCause::Bytes, Resource::Bytes))?,
                _records: records,
            }))
        })?
    }

    /// Decides a batch with only cache hits.
    fn decide_hits(
        &self,
        lookup: Lookup,
        now: Instant,
        deadline: Option<Instant>,
    ) -> Result<Vec<Decision>, Undecided> {
        let (tokens, (pending, _no_misses)) = (lookup.tokens(), lookup.end());
        let mut judging = Judging::new(pending, Moment { wall: self.clock.wall(), at: now });
        judging.advance(&self.engine, tokens);
        let took = self.clock.since(now);
        if deadline.is_some_and(|deadline| took >= deadline.saturating_duration_since(now)) {
            return Err(Undecided::Late);
        }
        self.engine.metrics.judged(tokens, took);
        self.record(judging.take_events());
        Ok(judging.decisions())
    }

    /// Decides a suspended batch. Dropping the future stops the work.
    ///
    /// # Errors
    /// If its deadline passes first, or too much work is queued to meet it.
    pub async fn finish(&self, suspended: Suspended) -> Result<Vec<Decision>, Undecided> {
        let deciding = AssertUnwindSafe(self.decide(suspended)).catch_unwind();
        deciding.await.unwrap_or(Err(Undecided::Internal))
    }

    async fn decide(&self, suspended: Suspended) -> Result<Vec<Decision>, Undecided> {
        let Suspended { lookup, deadline, ref memory, .. } = suspended;
        let (account, began) = (memory.account(), Arc::clone(lookup.snapshot()));
        let mut events = Vec::new();
        let first = self.pass(*lookup, account, deadline, true, &mut events);
        let (mut decisions, waiting) = first.await?;
        if let Some(Waiting { held, _permit }) = waiting {
            self.wait_for_keys(held.waits.into_values().flatten(), deadline).await;
            // Use the configuration under which the batch arrived: in another one, its profile may
            // have another index.
            let now = self.engine.current.load();
            let snapshot = if now.is_of_configuration_of(&began) { now } else { began };
            let lookup = Lookup::new(snapshot, held.batch, self.clock.monotonic())?;
            let second = self.pass(lookup, account, deadline, false, &mut events);
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

    /// Decides the tokens of a batch, except those whose key may arrive soon, if they `may_wait`
    /// for it.
    async fn pass(
        &self,
        mut lookup: Lookup,
        account: &Arc<Account>,
        deadline: Option<Instant>,
        may_wait: bool,
        events: &mut Vec<AuditEvent>,
    ) -> Result<(Vec<Decision>, Option<Waiting>), Undecided> {
        let (tokens, began) = (lookup.tokens(), lookup.at());
        self.in_time(deadline)?;
        // Check this before any work is done, because refusing must be cheap.
        let patience = deadline.map(|deadline| deadline.saturating_duration_since(began));
        let lag = &self.workers.own().lag;
        lag.measure(began);
        // A batch that waited for a key was accepted already.
        if may_wait && self.backlog.is_full(patience, lag.at(began)) {
            if lookup.has_proofs() {
                return Err(self.too_much_work());
            }
            lookup.only_hits();
        }
        while lookup.advance(&self.engine, STRIDE) {
            yield_now().await;
            self.in_time(deadline)?;
        }
        if lookup.is_stopped() {
            return Err(self.too_much_work());
        }
        let has_proofs = lookup.has_proofs();
        // Tokens with slow rules end their slice early themselves.
        let stride = if has_rules(&lookup) { STRIDE } else { STRIDE * 4 };
        let (mut pending, unread) = lookup.end();
        let mut waiting = None;
        if !unread.is_empty() {
            let slices = pending.to_read(unread);
            let cost = |slices: &[Slice]| slices.iter().map(Slice::cost).sum::<Duration>();
            let reading = cost(&slices);
            let read = self.turns.run(slices, account, began, deadline).await?;
            let slices = pending.take(read, &self.engine);
            waiting = if may_wait { self.hold(&mut pending, account) } else { None };
            if reading.saturating_add(cost(&slices)) > Slice::TARGET {
                yield_now().await;
                self.in_time(deadline)?;
            }
            let checked = self.turns.run(slices, account, began, deadline).await?;
            // Signatures that were checked are not checked again.
            let _none = pending.take(checked, &self.engine);
        }
        if has_proofs {
            self.prove_senders(&mut pending, account, began, deadline).await?;
        }
        let now = Moment { wall: self.clock.wall(), at: self.clock.monotonic() };
        let mut judging = Judging::new(pending, now);
        if self.shared_memory.is_some() {
            judging.share();
        }
        while judging.advance(&self.engine, stride) {
            yield_now().await;
            self.in_time(deadline)?;
        }
        self.share(&mut judging, now.wall, deadline).await?;
        self.in_time(deadline)?;
        self.engine.metrics.judged(tokens, self.clock.since(began));
        events.append(&mut judging.take_events());
        Ok((judging.decisions(), waiting))
    }

    fn in_time(&self, deadline: Option<Instant>) -> Result<(), Undecided> {
        match deadline {
            Some(deadline) if self.clock.monotonic() >= deadline => Err(Undecided::Late),
            _ => Ok(()),
        }
    }

    /// Writes to the audit log, if there is one.
    fn record(&self, events: Vec<AuditEvent>) {
        if let Some(audit) = self.engine.audit.as_ref().filter(|_| !events.is_empty()) {
            audit.log().push(events);
        }
    }

    fn too_much_work(&self) -> Undecided {
        let limit = usize::try_from(self.queue_delay.as_millis()).unwrap_or(usize::MAX);
        self.shed(ShedCause::Work, limit)
    }

    /// Counts a request that a limit refused.
    fn shed(&self, cause: ShedCause, limit: usize) -> Undecided {
        self.engine.metrics.shed(cause);
        Undecided::Overloaded { cause, limit }
    }
}

impl Suspended {
    /// The time by which the batch must be decided.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The account of the calling peer.
    #[must_use]
    pub fn account(&self) -> &Arc<Account> {
        self.memory.account()
    }
}

/// Returns true if rules are evaluated for the tokens.
fn has_rules(lookup: &Lookup) -> bool {
    lookup.served().policy.has_rules()
}

/// Runs `work` so that a panic fails only this one batch. Shared state is replaced as a whole, so a
/// panic cannot leave it half changed.
///
/// # Errors
/// If `work` panicked.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Undecided> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_panic| Undecided::Internal)
}

mod keys;
mod senders;
#[cfg(test)]
mod tests;
