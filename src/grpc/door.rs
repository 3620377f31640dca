//! Turns a message into verdicts: at once if nothing has to wait, else in a second part. Shared by
//! all calls of the contract.

use super::call_permits::CallPermits;
use super::calls::Calls;
use super::fit::Fit;
use super::method::Method;
use super::status::CallFault;
use super::unary::Unary;
use super::verdicts::{Unwritten, Writing};
use super::wire::{self, Telling};
use crate::clock::Clock;
use crate::config::ServerLimits;
use crate::dispatch::{
    Account, Begun, Dispatcher, Permit, Resource, Seat, Suspended, Undecided, caught,
};
use crate::engine::{Batch, Decision, Moment, Snapshot};
use crate::pb;
use crate::revocation::Ledger;
use crate::telemetry::{Call, ShedCause, Tally};
use bytes::Bytes;
use http::HeaderMap;
use jwtd_core::verify::RevocationSet;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::yield_now;
use tokio_util::task::AbortOnDropHandle;

/// The tokens of a message, their contexts, and its options.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) tokens: Vec<Bytes>,
    pub(super) contexts: Vec<pb::TokenContext>,
    pub(super) options: Option<pb::VerifyOptions>,
    /// True if this is a question about a use of the tokens, and not the use itself.
    pub(super) is_rehearsal: bool,
}

/// The state shared by all calls.
#[derive(Debug)]
pub(super) struct Door {
    dispatcher: Dispatcher,
    calls: Calls,
    batch_tokens: usize,
    pub(super) ledger: Option<Ledger>,
}

/// The state of a message after its first look-up.
#[derive(Debug)]
pub(super) enum Step {
    /// The message has its verdicts.
    Done(Verdicts),
    /// The rest has to wait.
    Open(Rest),
}

/// The verdicts of a message.
pub(super) type Verdicts = Fit<Vec<pb::Verdict>>;

/// The remaining work for a message.
#[derive(Debug)]
pub(super) enum Rest {
    /// Its tokens are not decided yet.
    Deciding(Suspended, Telling, Arc<Snapshot>),
    /// Its verdicts are not written yet.
    Writing(Writing, Option<Instant>),
}

impl Door {
    /// Creates the shared state; `limits` bounds the tokens of one message.
    pub(super) fn new(
        dispatcher: Dispatcher,
        limits: &ServerLimits,
        ledger: Option<Ledger>,
    ) -> Self {
        let calls = Calls::new(&dispatcher.engine().metrics);
        Self { dispatcher, calls, batch_tokens: limits.batch_tokens, ledger }
    }

    /// The current snapshot.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.dispatcher.engine().current.load()
    }

    /// The current set of revocations.
    pub(super) fn revoked(&self) -> Arc<RevocationSet> {
        self.dispatcher.engine().revocations.load_full()
    }

    /// The dispatcher.
    pub(super) fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    /// The clock of deadlines and verdicts.
    pub(super) fn clock(&self) -> &Clock {
        self.dispatcher.clock()
    }

    /// Starts counting a call.
    pub(super) fn call(&self, method: Method, headers: &HeaderMap) -> Call {
        let traces = self.dispatcher.engine().traces.as_ref();
        self.calls.of(method).begin(self.clock()).traced(traces, headers)
    }

    /// Handles a call with one token.
    pub(super) async fn verify(
        self: &Arc<Self>,
        request: pb::VerifyRequest,
        call: &Unary,
    ) -> Result<Fit<pb::VerifyResponse>, CallFault> {
        let pb::VerifyRequest { token, context, options } = request;
        let (tokens, contexts) = (vec![token], Vec::from_iter(context));
        let asked = Asked { tokens, contexts, options, is_rehearsal: false };
        let verdicts = self.decide(asked, call).await?;
        let verdict = |verdicts: Vec<_>| verdicts.into_iter().next();
        Ok(verdicts.map(|verdicts| pb::VerifyResponse { verdict: verdict(verdicts) }))
    }

    /// Handles a call with many tokens.
    pub(super) async fn verify_batch(
        self: &Arc<Self>,
        request: pb::VerifyBatchRequest,
        call: &Unary,
    ) -> Result<Fit<pb::VerifyBatchResponse>, CallFault> {
        let pb::VerifyBatchRequest { tokens, contexts, options } = request;
        let asked = Asked { tokens, contexts, options, is_rehearsal: false };
        let verdicts = self.decide(asked, call).await?;
        Ok(verdicts.map(|verdicts| pb::VerifyBatchResponse { verdicts }))
    }

    async fn decide(self: &Arc<Self>, asked: Asked, call: &Unary) -> Result<Verdicts, CallFault> {
        let Unary { permits, now, deadline, .. } = call;
        match self.begin(self.snapshot(), asked, *now, *deadline, permits, call.tally())? {
            Step::Done(verdicts) => Ok(verdicts),
            // Boxed, so that the futures of calls that end at once stay small.
            Step::Open(rest) => Box::pin(self.end(rest, call.tally())).await,
        }
    }

    /// Starts to decide a message that arrived at `now`.
    pub(super) fn begin(
        &self,
        snapshot: Arc<Snapshot>,
        asked: Asked,
        now: Instant,
        deadline: Option<Instant>,
        permits: &CallPermits,
        tally: &Tally,
    ) -> Result<Step, CallFault> {
        let Asked { tokens, contexts, options, is_rehearsal } = asked;
        let (most, account) = (self.batch_tokens, permits.account());
        let (mut batch, telling) =
            wire::batch(tokens, contexts, options, most, &snapshot, permits.caller())?;
        batch.is_rehearsal = is_rehearsal;
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

    /// Finishes a message that was begun: on another worker if the work is long and that worker has
    /// less to do.
    pub(super) async fn end(
        self: &Arc<Self>,
        rest: Rest,
        tally: &Tally,
    ) -> Result<Verdicts, CallFault> {
        let seat = match &rest {
            Rest::Deciding(suspended, ..) => self.dispatcher.seat(suspended),
            Rest::Writing(..) => None,
        };
        let Some(runtime) = seat.as_ref().and_then(Seat::elsewhere) else {
            return self.end_here(rest, tally).await;
        };
        let (door, tally) = (Arc::clone(self), tally.clone());
        let ending = runtime.spawn(async move { door.end_here(rest, &tally).await });
        // Canceling the call stops the work.
        let ended = AbortOnDropHandle::new(ending).await;
        ended.unwrap_or_else(|_| Err(Undecided::Internal.into()))
    }

    async fn end_here(&self, rest: Rest, tally: &Tally) -> Result<Verdicts, CallFault> {
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

    /// Decides a batch whose verdicts are written elsewhere.
    pub(super) async fn run(
        &self,
        snapshot: &Arc<Snapshot>,
        batch: Batch,
        deadline: Option<Instant>,
        call: &Unary,
    ) -> Result<Vec<Decision>, CallFault> {
        let account = call.permits.account();
        let begun = self.dispatcher.begin(snapshot, batch, call.now, deadline, account)?;
        let decisions = match begun {
            Begun::Decided(decisions) => decisions,
            Begun::Suspended(rest) => Box::pin(self.dispatcher.finish(rest)).await?,
        };
        call.tally().add(decisions.iter().map(Decision::reason));
        Ok(decisions)
    }

    /// Decides one token like any other, and then reports each check of it.
    pub(super) async fn explain(
        self: &Arc<Self>,
        request: pb::ExplainRequest,
        call: &Unary,
    ) -> Result<Fit<pb::ExplainResponse>, CallFault> {
        let pb::ExplainRequest { token, context, options } = request;
        let contexts = Vec::from_iter(context);
        let asked = Asked {
            tokens: vec![token.clone()],
            contexts: contexts.clone(),
            options: options.clone(),
            is_rehearsal: true,
        };
        let (snapshot, tally) = (self.snapshot(), call.tally());
        let Unary { permits, now, deadline, .. } = call;
        let begun = self.begin(Arc::clone(&snapshot), asked, *now, *deadline, permits, tally)?;
        let verdicts = match begun {
            Step::Done(verdicts) => verdicts,
            Step::Open(rest) => Box::pin(self.end(rest, tally)).await?,
        };
        let _permit = self.take_tokens(permits.account(), 1)?;
        let caller = permits.caller();
        let (batch, _) = wire::batch(vec![token], contexts, options, 1, &snapshot, caller)?;
        let revocations = self.dispatcher.engine().revocations.load();
        let now = Moment { wall: self.clock().wall(), at: self.clock().monotonic() };
        let senders = &self.dispatcher.engine().senders;
        let checks = caught(|| wire::checks(&snapshot, &revocations, senders, &batch, now))?;
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

    /// Counts a call that a limit refused.
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
