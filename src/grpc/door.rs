//! From a message to its verdicts: at once where nothing is left to wait for, and in a second
//! part where there is. What all calls of the contract share.

use super::call_permits::CallPermits;
use super::fit::Fit;
use super::status::CallFault;
use super::verdicts::{Unwritten, Writing};
use super::wire::{self, Telling};
use crate::clock::Clock;
use crate::config::ServerLimits;
use crate::dispatch::{Account, Begun, Dispatcher, Permit, Resource, Suspended, Undecided, caught};
use crate::engine::{Batch, Decision, Snapshot};
use crate::pb;
use crate::telemetry::{Call, CalledMethod, ShedCause, Tally};
use bytes::Bytes;
use http::HeaderMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::yield_now;

/// The tokens of a message, their contexts, and its options.
pub(super) type Asked = (Vec<Bytes>, Vec<pb::TokenContext>, Option<pb::VerifyOptions>);

/// What all calls share.
#[derive(Debug)]
pub(super) struct Door {
    dispatcher: Dispatcher,
    batch_tokens: usize,
}

/// What became of a message at once.
#[derive(Debug)]
pub(super) enum Step {
    /// It is answered.
    Done(Verdicts),
    /// The rest takes waiting.
    Open(Rest),
}

/// The verdicts of a message.
pub(super) type Verdicts = Fit<Vec<pb::Verdict>>;

/// The rest of a message.
#[derive(Debug)]
pub(super) enum Rest {
    /// Its tokens are not decided yet.
    Deciding(Suspended, Telling, Arc<Snapshot>),
    /// Its verdicts are not written yet.
    Writing(Writing, Option<Instant>),
}

impl Door {
    /// Lets so many tokens into one message.
    pub(super) fn new(dispatcher: Dispatcher, limits: &ServerLimits) -> Self {
        Self { dispatcher, batch_tokens: limits.batch_tokens }
    }

    /// The snapshot of now.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.dispatcher.engine().current.load()
    }

    /// The clock of deadlines and verdicts.
    pub(super) fn clock(&self) -> &Clock {
        self.dispatcher.clock()
    }

    /// Begins a call of `method`.
    pub(super) fn call(&self, method: &'static CalledMethod, headers: &HeaderMap) -> Call {
        let engine = self.dispatcher.engine();
        let call = engine.metrics.call(method, self.clock());
        call.traced(engine.traces.as_ref(), headers)
    }

    /// Answers one message.
    pub(super) async fn decide(
        &self,
        asked: Asked,
        deadline: Option<Instant>,
        permits: &CallPermits,
        tally: &Tally,
    ) -> Result<Verdicts, CallFault> {
        let now = self.clock().monotonic();
        match self.begin(self.snapshot(), asked, now, deadline, permits, tally)? {
            Step::Done(verdicts) => Ok(verdicts),
            Step::Open(rest) => self.end(rest, tally).await,
        }
    }

    /// Begins to answer a message that came `now`.
    pub(super) fn begin(
        &self,
        snapshot: Arc<Snapshot>,
        asked: Asked,
        now: Instant,
        deadline: Option<Instant>,
        permits: &CallPermits,
        tally: &Tally,
    ) -> Result<Step, CallFault> {
        let (tokens, contexts, options) = asked;
        let (most, account) = (self.batch_tokens, permits.account());
        let (batch, telling) =
            wire::batch(tokens, contexts, options, most, &snapshot, permits.caller())?;
        let decisions = match self.dispatcher.begin(&snapshot, batch, now, deadline, account)? {
            Begun::Decided(decisions) => decisions,
            Begun::Suspended(rest) => {
                return Ok(Step::Open(Rest::Deciding(rest, telling, snapshot)));
            }
        };
        let mut writing = self.write(decisions, telling, snapshot, account, tally)?;
        Ok(match caught(|| writing.advance())?? {
            false => Step::Done(writing.end()?),
            true => Step::Open(Rest::Writing(writing, deadline)),
        })
    }

    /// Ends what was begun.
    pub(super) async fn end(&self, rest: Rest, tally: &Tally) -> Result<Verdicts, CallFault> {
        let (mut writing, deadline) = match rest {
            Rest::Writing(writing, deadline) => (writing, deadline),
            Rest::Deciding(rest, telling, snapshot) => {
                let (deadline, account) = (rest.deadline(), Arc::clone(rest.account()));
                let decisions = self.dispatcher.finish(rest).await?;
                (self.write(decisions, telling, snapshot, &account, tally)?, deadline)
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
        tally: &Tally,
    ) -> Result<Writing, CallFault> {
        tally.add(decisions.iter().map(Decision::reason));
        Writing::begin(decisions, telling, snapshot, account).map_err(|unwritten| match unwritten {
            Unwritten::Fault(fault) => fault,
            Unwritten::NoRoom => self.shed(ShedCause::Bytes, account.limit(Resource::Bytes)),
        })
    }

    /// Decides a batch whose verdicts another writes.
    pub(super) async fn run(
        &self,
        snapshot: &Arc<Snapshot>,
        batch: Batch,
        deadline: Option<Instant>,
        permits: &CallPermits,
        tally: &Tally,
    ) -> Result<Vec<Decision>, CallFault> {
        let (now, account) = (self.clock().monotonic(), permits.account());
        let decisions = match self.dispatcher.begin(snapshot, batch, now, deadline, account)? {
            Begun::Decided(decisions) => decisions,
            Begun::Suspended(rest) => self.dispatcher.finish(rest).await?,
        };
        tally.add(decisions.iter().map(Decision::reason));
        Ok(decisions)
    }

    /// Decides one token as any other, and then tells each check of it.
    pub(super) async fn explain(
        &self,
        request: pb::ExplainRequest,
        deadline: Option<Instant>,
        permits: &CallPermits,
        tally: &Tally,
    ) -> Result<Fit<pb::ExplainResponse>, CallFault> {
        let pb::ExplainRequest { token, context, options } = request;
        let contexts = Vec::from_iter(context);
        let asked = (vec![token.clone()], contexts.clone(), options.clone());
        let (snapshot, now) = (self.snapshot(), self.clock().monotonic());
        let begun = self.begin(Arc::clone(&snapshot), asked, now, deadline, permits, tally)?;
        let verdicts = match begun {
            Step::Done(verdicts) => verdicts,
            Step::Open(rest) => self.end(rest, tally).await?,
        };
        let _permit = self.take_tokens(permits.account(), 1)?;
        let caller = permits.caller();
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

    fn take_tokens(&self, account: &Arc<Account>, count: usize) -> Result<Permit, CallFault> {
        let permit = account.take(Resource::Tokens, count);
        permit.ok_or_else(|| self.shed(ShedCause::Tokens, account.limit(Resource::Tokens)))
    }

    /// Counts a call that is refused because of a bound.
    fn shed(&self, cause: ShedCause, limit: usize) -> CallFault {
        self.dispatcher.engine().metrics.shed(cause);
        CallFault::Overloaded { cause, limit }
    }
}

impl From<Undecided> for CallFault {
    fn from(undecided: Undecided) -> Self {
        match undecided {
            Undecided::Internal => Self::Internal,
            Undecided::Late => Self::DeadlineExceeded,
            Undecided::Overloaded { cause, limit } => Self::Overloaded { cause, limit },
        }
    }
}
