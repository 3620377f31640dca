//! Decides batches. A batch with only cache hits is decided at once ([`Dispatcher::begin`]); any
//! other is suspended and decided in slices that yield to other tasks ([`Dispatcher::finish`]).

use super::account::{Account, Permit};
use super::admission::Admission;
use super::backlog::Backlog;
use super::resource::Resource;
use super::turns::Turns;
use super::undecided::Undecided;
use super::workers::{Seat, Workers};
use crate::clock::{Clock, later};
use crate::config::ServerLimits;
use crate::engine::{
    AuditEvent, Batch, Decision, Engine, Held, Judging, Lookup, Moment, Pending, Slice, Snapshot,
};
use crate::permit;
use crate::sources::{AttemptEnd, KeyWatches};
use crate::telemetry::{AuditLog, ShedCause};
use bytes::Bytes;
use futures_util::FutureExt as _;
use jwtd_core::keys::KeyState;
use std::cell::OnceCell;
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

/// A suspended batch with its permits. It waits at two points: between slices, for its next turn;
/// and for keys that are being fetched, before the tokens that need them are read again.
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

/// The memory of a token while its signature is checked, in bytes, in addition to about its own
/// length for decoded parts: positions of its parts, claims, cache entry and verdict.
const TOKEN: usize = 2560;

/// The memory of a suspended message in addition to its tokens, in bytes: its look-up and its task.
const MESSAGE: usize = 2048;

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
        Self { engine, watches, workers, turns, backlog, call_timeout, queue_delay, clock }
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
        caught(|| {
            let mut lookup = Lookup::new(Arc::clone(snapshot), batch, now)?;
            // With rules, one token may take as long as other tasks may have to wait.
            let few = if has_rules(&lookup) { 1 } else { STRIDE };
            if tokens <= few {
                lookup.only_hits();
                lookup.advance(&self.engine, tokens);
                if !lookup.is_stopped() {
                    return self.decide_hits(lookup, now, deadline).map(Begun::Decided);
                }
                lookup.resume();
            }
            // Take the permits only now: a batch decided at once ends before anyone could observe
            // them.
            let memory = bytes.saturating_add(tokens.saturating_mul(TOKEN)).saturating_add(MESSAGE);
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
            lookup.only_hits();
        }
        while lookup.advance(&self.engine, STRIDE) {
            yield_now().await;
            self.in_time(deadline)?;
        }
        if lookup.is_stopped() {
            let limit = usize::try_from(self.queue_delay.as_millis()).unwrap_or(usize::MAX);
            return Err(self.shed(ShedCause::Work, limit));
        }
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
        let now = Moment { wall: self.clock.wall(), at: self.clock.monotonic() };
        let mut judging = Judging::new(pending, now);
        while judging.advance(&self.engine, stride) {
            yield_now().await;
            self.in_time(deadline)?;
        }
        self.in_time(deadline)?;
        self.engine.metrics.judged(tokens, self.clock.since(began));
        events.append(&mut judging.take_events());
        Ok((judging.decisions(), waiting))
    }

    /// Reports missing keys, and removes the tokens that may wait for them, or whose key has
    /// arrived since their batch did.
    fn hold(&self, pending: &mut Pending, account: &Arc<Account>) -> Option<Waiting> {
        let (permit, seen) = (OnceCell::new(), Arc::clone(pending.snapshot()));
        let now = self.engine.current.load();
        let has_other_keys = |index| {
            let keys = |snapshot: &Snapshot| match snapshot.issuers().get(index)?.keys() {
                KeyState::Held { set, .. } => Some(*set.fingerprint()),
                KeyState::Unavailable => None,
            };
            now.is_of_configuration_of(&seen) && keys(&now) != keys(&seen)
        };
        let held = pending.hold(|issuer, key| {
            if has_other_keys(key.issuer()) {
                return Some(None);
            }
            let end = self.watches.of(issuer)?.miss(self.engine.cache.hash_key(key))?;
            let take = || account.take(Resource::KeyWaits, 1);
            permit.get_or_init(take).is_some().then_some(Some(end))
        })?;
        Some(Waiting { held, _permit: permit.into_inner().flatten() })
    }

    /// Waits for the ends of key fetches, at most for half of the remaining time, so that some is
    /// left for the response.
    async fn wait_for_keys(
        &self,
        ends: impl IntoIterator<Item = AttemptEnd>,
        deadline: Option<Instant>,
    ) {
        let now = self.clock.monotonic();
        let half = |deadline: Instant| later(now, deadline.saturating_duration_since(now) / 2);
        let half = deadline.map(half);
        for end in ends {
            let until = half.into_iter().fold(end.until(), Instant::min);
            self.clock.timeout_at(until, end.reached()).await;
        }
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

/// The tokens that wait for keys, with the end of the fetch of each issuer unless its keys have
/// arrived already; and a permit to wait.
struct Waiting {
    held: Held<Option<AttemptEnd>>,
    _permit: Option<Permit>,
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

#[cfg(test)]
mod tests;
