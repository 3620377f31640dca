//! The way of a message through admission and scheduler, whatever call it came with: at
//! once where nothing is left to wait for, and in a second part where there is.

use super::fit::Fit;
use super::lease::Lease;
use super::status::CallFault;
use super::verdicts::{Unwritten, Writing};
use super::wire::{self, Telling};
use crate::clock::Clock;
use crate::config::ServerLimits;
use crate::engine::{Batch, Decision, Event, Snapshot};
use crate::pb;
use crate::sched::{Account, Begun, Leave, Opened, Resource, Scheduler, Undecided};
use crate::telemetry::{Call, NoRoom, Room, ShedCause, Tally};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::HeaderMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::yield_now;

/// The tokens of a message, how many contexts it has, and its options.
pub(super) type Asked = (Vec<Bytes>, usize, Option<pb::VerifyOptions>);

/// What all calls share.
#[derive(Debug)]
pub(super) struct Shared {
    scheduler: Scheduler,
    batch_tokens: usize,
    call_timeout: Duration,
    queue_delay: Duration,
}

/// What became of something at once.
#[derive(Debug)]
pub(super) enum Step<D, O> {
    /// It is done.
    Done(D),
    /// The rest takes waiting.
    Open(O),
}

/// The verdicts of a message.
pub(super) type Verdicts = Fit<Vec<pb::Verdict>>;

/// The rest of a message.
#[derive(Debug)]
pub(super) enum Rest {
    /// Its tokens are not decided yet.
    Deciding(Work, Telling, Arc<Snapshot>),
    /// Its verdicts are not written yet.
    Writing(Writing, Option<Instant>),
}

/// The rest of a batch, and what it holds up to its end.
#[derive(Debug)]
pub(super) struct Work {
    opened: Opened,
    deadline: Option<Instant>,
    _leave: Leave,
    memory: Leave,
    _room: Option<Room<Event>>,
}

impl Shared {
    /// For calls within these limits; each has a deadline of ours (R80).
    pub(super) fn new(scheduler: Scheduler, limits: &ServerLimits) -> Self {
        let ServerLimits { batch_tokens, call_timeout, queue_delay, .. } = *limits;
        Self { scheduler, batch_tokens, call_timeout, queue_delay }
    }

    /// The snapshot of now.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.scheduler.engine().current.load()
    }

    /// The clock of deadlines and verdicts.
    pub(super) fn clock(&self) -> &Clock {
        self.scheduler.clock()
    }

    /// Begins a call of `method`; `kind` is as for the metrics.
    pub(super) fn call(
        &self,
        kind: &'static str,
        method: &'static str,
        headers: &HeaderMap,
    ) -> Call {
        let engine = self.scheduler.engine();
        let call = engine.metrics.call(kind, method, self.clock());
        call.traced(engine.traces.as_ref(), headers)
    }

    /// Decides the tokens of one message.
    pub(super) async fn decide(
        &self,
        asked: Asked,
        deadline: Option<Instant>,
        lease: &Lease,
        tally: &Tally,
    ) -> Result<Verdicts, CallFault> {
        let now = self.clock().monotonic();
        match self.begin(self.snapshot(), asked, now, deadline, lease, tally)? {
            Step::Done(verdicts) => Ok(verdicts),
            Step::Open(rest) => self.end(rest, tally).await,
        }
    }

    /// Begins to decide the tokens of one message that came `now`.
    pub(super) fn begin(
        &self,
        snapshot: Arc<Snapshot>,
        asked: Asked,
        now: Instant,
        deadline: Option<Instant>,
        lease: &Lease,
        tally: &Tally,
    ) -> Result<Step<Verdicts, Rest>, CallFault> {
        let (tokens, contexts, options) = asked;
        let most = self.batch_tokens;
        let (batch, telling) =
            wire::batch(tokens, contexts, options, most, &snapshot, lease.caller())?;
        let decisions = match self.start(&snapshot, batch, now, deadline, lease, tally)? {
            Step::Done(decisions) => decisions,
            Step::Open(work) => return Ok(Step::Open(Rest::Deciding(work, telling, snapshot))),
        };
        let mut writing = self.write(decisions, telling, snapshot, lease.account())?;
        Ok(match caught(|| writing.advance())?? {
            false => Step::Done(writing.end()?),
            true => Step::Open(Rest::Writing(writing, deadline)),
        })
    }

    /// Ends what was begun.
    pub(super) async fn end(&self, rest: Rest, tally: &Tally) -> Result<Verdicts, CallFault> {
        let (mut writing, deadline) = match rest {
            Rest::Writing(writing, deadline) => (writing, deadline),
            Rest::Deciding(work, telling, snapshot) => {
                let (deadline, account) = (work.deadline, Arc::clone(work.memory.account()));
                let decisions = self.finish(work, tally).await?;
                (self.write(decisions, telling, snapshot, &account)?, deadline)
            }
        };
        while caught(|| writing.advance())?? {
            yield_now().await;
            if deadline.is_some_and(|deadline| self.clock().monotonic() >= deadline) {
                return Err(CallFault::DeadlineExceeded);
            }
        }
        writing.end()
    }

    fn write(
        &self,
        decisions: Vec<Decision>,
        telling: Telling,
        snapshot: Arc<Snapshot>,
        account: &Arc<Account>,
    ) -> Result<Writing, CallFault> {
        Writing::begin(decisions, telling, snapshot, account).map_err(|unwritten| match unwritten {
            Unwritten::Fault(fault) => fault,
            Unwritten::NoRoom => self.shed(ShedCause::Bytes, account.limit(Resource::Bytes)),
        })
    }

    /// Decides a batch, within the bounds of all and before the deadline.
    pub(super) async fn run(
        &self,
        snapshot: &Arc<Snapshot>,
        batch: Batch,
        deadline: Option<Instant>,
        lease: &Lease,
        tally: &Tally,
    ) -> Result<Vec<Decision>, CallFault> {
        match self.start(snapshot, batch, self.clock().monotonic(), deadline, lease, tally)? {
            Step::Done(decisions) => Ok(decisions),
            Step::Open(work) => self.finish(work, tally).await,
        }
    }

    fn start(
        &self,
        snapshot: &Arc<Snapshot>,
        batch: Batch,
        now: Instant,
        deadline: Option<Instant>,
        lease: &Lease,
        tally: &Tally,
    ) -> Result<Step<Vec<Decision>, Work>, CallFault> {
        let audit = self.scheduler.engine().audit.as_ref();
        let room = audit.map(|audit| audit.take_room(&batch.tokens)).transpose();
        let room = room.map_err(|NoRoom { limit }| self.shed(ShedCause::Audit, limit))?.flatten();
        let latest = now.checked_add(self.call_timeout);
        let deadline = deadline.into_iter().chain(latest).min();
        let (account, count) = (lease.account(), batch.tokens.len());
        let own = batch.tokens.iter().map(Bytes::len).sum::<usize>();
        let memory = own.saturating_add(count.saturating_mul(TOKEN)).saturating_add(MESSAGE);
        let begin = || self.scheduler.begin(Arc::clone(snapshot), batch, now, deadline);
        Ok(match caught(begin)?.map_err(|undecided| self.undecided(undecided))? {
            Begun::Decided(decisions) => {
                tally.add(decisions.iter().map(Decision::reason));
                Step::Done(decisions)
            }
            Begun::Open(opened) => {
                // Only now: what is decided at once is done before anybody could look.
                let leave = self.take_tokens(account, count)?;
                let memory = account.take_more(Resource::Bytes, memory, own.saturating_add(CALL));
                let limit = account.limit(Resource::Bytes);
                let memory = memory.ok_or_else(|| self.shed(ShedCause::Bytes, limit))?;
                Step::Open(Work { opened, deadline, _leave: leave, memory, _room: room })
            }
        })
    }

    async fn finish(&self, work: Work, tally: &Tally) -> Result<Vec<Decision>, CallFault> {
        let Work { opened, deadline, _leave, memory: _memory, _room } = work;
        let deciding = self.scheduler.decide(opened, deadline);
        let decided = AssertUnwindSafe(deciding).catch_unwind().await;
        let decisions = decided
            .map_err(|_panic| CallFault::Internal)?
            .map_err(|undecided| self.undecided(undecided))?;
        tally.add(decisions.iter().map(Decision::reason));
        Ok(decisions)
    }

    /// Decides one token as any other, and then tells each check of it.
    pub(super) async fn explain(
        &self,
        request: pb::ExplainRequest,
        deadline: Option<Instant>,
        lease: &Lease,
        tally: &Tally,
    ) -> Result<Fit<pb::ExplainResponse>, CallFault> {
        let pb::ExplainRequest { token, context, options } = request;
        let contexts = usize::from(context.is_some());
        let asked = (vec![token.clone()], contexts, options.clone());
        let (snapshot, now) = (self.snapshot(), self.clock().monotonic());
        let begun = self.begin(Arc::clone(&snapshot), asked, now, deadline, lease, tally)?;
        let verdicts = match begun {
            Step::Done(verdicts) => verdicts,
            Step::Open(rest) => self.end(rest, tally).await?,
        };
        let _leave = self.take_tokens(lease.account(), 1)?;
        let caller = lease.caller();
        let (batch, _) = wire::batch(vec![token], contexts, options, 1, &snapshot, caller)?;
        let checks = caught(|| wire::checks(&snapshot, &batch, self.clock().wall()))?;
        let served = snapshot.configuration().profile(batch.profile);
        let (verdicts, _room) = verdicts.into_parts();
        Fit::measured(pb::ExplainResponse {
            verdict: verdicts.into_iter().next(),
            profile: served.map(|one| one.profile.name().to_owned()).unwrap_or_default(),
            checks,
        })
    }

    fn take_tokens(&self, account: &Arc<Account>, count: usize) -> Result<Leave, CallFault> {
        let tokens = Resource::Tokens;
        let leave = account.take(tokens, count);
        leave.ok_or_else(|| self.shed(ShedCause::Tokens, account.limit(tokens)))
    }

    fn undecided(&self, undecided: Undecided) -> CallFault {
        match undecided {
            Undecided::ForeignProfile => CallFault::Internal,
            Undecided::Late => CallFault::DeadlineExceeded,
            Undecided::Busy => {
                let limit = usize::try_from(self.queue_delay.as_millis()).unwrap_or(usize::MAX);
                self.shed(ShedCause::Work, limit)
            }
        }
    }

    /// Counts a call that is refused because of a bound.
    fn shed(&self, cause: ShedCause, limit: usize) -> CallFault {
        self.scheduler.engine().metrics.shed(cause);
        CallFault::Overloaded { cause, limit }
    }
}

/// A panic costs this one call: what others share is not left half changed, for it is replaced
/// whole.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, CallFault> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_panic| CallFault::Internal)
}

/// What a token takes while its signature is checked, beside about its own length for what
/// is decoded of it: where its parts are, its claims, its entry and its verdict.
const TOKEN: usize = 2560;

/// What a message takes beside its tokens while it waits: its plan and its task.
const MESSAGE: usize = 2048;

/// What the call and its fields take, about.
const CALL: usize = 8192;
