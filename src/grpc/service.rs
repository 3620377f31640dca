//! The service of the contract: takes calls apart, has their tokens decided and
//! puts the answers together. No rule lives here.

use super::body::Lease;
use super::status::{CallFault, code_name};
use super::stream::Answers;
use super::wire;
use crate::config::ServerLimits;
use crate::engine::{Batch, Decision, Snapshot};
use crate::pb::{self, verifier_service_server::VerifierService};
use crate::policy::Caller;
use crate::sched::{Admission, Scheduler, Undecided};
use crate::telemetry::{Call, NoRoom, ShedCause, Tally};
use crate::verify::Profile;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::HeaderMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::{Extensions, Request, Response, Status, Streaming};

/// The service.
#[derive(Clone, Debug)]
pub struct Verifier(Arc<Shared>);

/// The tokens of a message, how many contexts it has, and its options.
pub(super) type Asked = (Vec<Bytes>, usize, Option<pb::VerifyOptions>);

/// What all calls share.
#[derive(Debug)]
pub(super) struct Shared {
    scheduler: Scheduler,
    admission: Admission,
    batch_tokens: usize,
    call_timeout: Duration,
    queue_delay: Duration,
}

impl Verifier {
    /// A service with these limits; each call has a deadline of ours (R80).
    #[must_use]
    pub fn new(scheduler: Scheduler, admission: Admission, limits: &ServerLimits) -> Self {
        let ServerLimits { batch_tokens, call_timeout, queue_delay, .. } = *limits;
        Self(Arc::new(Shared { scheduler, admission, batch_tokens, call_timeout, queue_delay }))
    }

    /// The snapshot of now.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.0.scheduler.engine().current.load()
    }

    /// Decides a batch.
    pub(super) async fn run(
        &self,
        snapshot: &Arc<Snapshot>,
        batch: Batch,
        deadline: Option<Instant>,
        tally: &Tally,
    ) -> Result<Vec<Decision>, CallFault> {
        self.0.run(snapshot, batch, deadline, tally).await
    }

    pub(super) fn call(
        &self,
        kind: &'static str,
        method: &'static str,
        headers: &HeaderMap,
    ) -> Call {
        let engine = self.0.scheduler.engine();
        engine.metrics.call(kind, method).traced(engine.traces.as_ref(), headers)
    }
}

impl Shared {
    /// Decides the tokens of one message.
    pub(super) async fn decide(
        &self,
        asked: Asked,
        deadline: Option<Instant>,
        caller: &Caller,
        tally: &Tally,
    ) -> Result<Vec<pb::Verdict>, CallFault> {
        let snapshot = self.scheduler.engine().current.load();
        self.decide_under(&snapshot, asked, deadline, caller, tally).await
    }

    async fn decide_under(
        &self,
        snapshot: &Arc<Snapshot>,
        (tokens, contexts, options): Asked,
        deadline: Option<Instant>,
        caller: &Caller,
        tally: &Tally,
    ) -> Result<Vec<pb::Verdict>, CallFault> {
        let most = self.batch_tokens;
        let (batch, telling) = wire::batch(tokens, contexts, options, most, snapshot, caller)?;
        let decisions = self.run(snapshot, batch, deadline, tally).await?;
        wire::verdicts(&decisions, &telling, snapshot)
    }

    /// Decides a batch, within the bounds of all and before the deadline.
    async fn run(
        &self,
        snapshot: &Arc<Snapshot>,
        batch: Batch,
        deadline: Option<Instant>,
        tally: &Tally,
    ) -> Result<Vec<Decision>, CallFault> {
        let Some(_leave) = self.admission.tokens.take(batch.tokens.len()) else {
            let cause = ShedCause::Tokens;
            self.scheduler.engine().metrics.shed(cause);
            return Err(CallFault::Overloaded { cause, limit: self.admission.tokens.limit() });
        };
        let audit = self.scheduler.engine().audit.as_ref();
        let room = audit.map(|audit| audit.take_room(&batch.tokens)).transpose();
        let _room = room.map_err(|NoRoom { limit }| {
            let cause = ShedCause::Audit;
            self.scheduler.engine().metrics.shed(cause);
            CallFault::Overloaded { cause, limit }
        })?;
        let latest = Instant::now().checked_add(self.call_timeout);
        let deadline = deadline.into_iter().chain(latest).min();
        let deciding = self.scheduler.decide(Arc::clone(snapshot), batch, deadline);
        // A panic costs this one call: what others share is not left half changed, for it
        // is replaced whole.
        let decisions = AssertUnwindSafe(deciding)
            .catch_unwind()
            .await
            .map_err(|_panic| CallFault::Internal)?
            .map_err(|undecided| match undecided {
                Undecided::Late => CallFault::DeadlineExceeded,
                Undecided::Busy => {
                    let (cause, limit) = (ShedCause::Work, self.queue_delay);
                    self.scheduler.engine().metrics.shed(cause);
                    let limit = usize::try_from(limit.as_millis()).unwrap_or(usize::MAX);
                    CallFault::Overloaded { cause, limit }
                }
            })?;
        tally.add(decisions.iter().map(Decision::reason));
        Ok(decisions)
    }
}

impl Shared {
    /// Decides one token as any other, and then tells each check of it.
    async fn explain(
        &self,
        request: pb::ExplainRequest,
        deadline: Option<Instant>,
        caller: &Caller,
        tally: &Tally,
    ) -> Result<pb::ExplainResponse, CallFault> {
        let pb::ExplainRequest { token, context, options } = request;
        let contexts = usize::from(context.is_some());
        let snapshot = self.scheduler.engine().current.load();
        let asked = (vec![token.clone()], contexts, options.clone());
        let verdicts = self.decide_under(&snapshot, asked, deadline, caller, tally).await?;
        let Some(_leave) = self.admission.tokens.take(1) else {
            let (cause, limit) = (ShedCause::Tokens, self.admission.tokens.limit());
            self.scheduler.engine().metrics.shed(cause);
            return Err(CallFault::Overloaded { cause, limit });
        };
        let (batch, _) = wire::batch(vec![token], contexts, options, 1, &snapshot, caller)?;
        let checks = || wire::checks(&snapshot, &batch, self.scheduler.now());
        let checks =
            catch_unwind(AssertUnwindSafe(checks)).map_err(|_panic| CallFault::Internal)?;
        let profile = snapshot.profiles().get(batch.profile).map(Profile::name);
        Ok(pb::ExplainResponse {
            verdict: verdicts.into_iter().next(),
            profile: profile.unwrap_or_default().to_owned(),
            checks,
        })
    }
}

/// When a call must be answered, from its `grpc-timeout` (gRPC over HTTP/2,
/// Timeout). A header that cannot be read is no deadline.
pub(super) fn deadline(headers: &HeaderMap) -> Option<Instant> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u32 = number.parse().ok().filter(|_| number.len() <= 8)?;
    let unit = match unit {
        "H" => Duration::from_secs(3600),
        "M" => Duration::from_secs(60),
        "S" => Duration::from_secs(1),
        "m" => Duration::from_millis(1),
        "u" => Duration::from_micros(1),
        "n" => Duration::from_nanos(1),
        _ => return None,
    };
    Instant::now().checked_add(unit.saturating_mul(number))
}

/// Who calls, as the connection noted it.
pub(super) fn caller(extensions: &Extensions) -> &Caller {
    extensions.get().unwrap_or(&Caller::Unknown)
}

pub(super) fn finish<T>(
    call: &mut Call,
    outcome: Result<T, CallFault>,
) -> Result<Response<T>, Status> {
    match outcome {
        Ok(answer) => {
            call.end("OK");
            Ok(Response::new(answer))
        }
        Err(fault) => {
            call.end(code_name(fault.code()));
            Err(fault.into())
        }
    }
}

#[tonic::async_trait]
impl VerifierService for Verifier {
    async fn verify(
        &self,
        request: Request<pb::VerifyRequest>,
    ) -> Result<Response<pb::VerifyResponse>, Status> {
        // The extensions also hold leave for the bytes of the call, up to its end.
        let (metadata, extensions, message) = request.into_parts();
        let headers = metadata.into_headers();
        let mut call = self.call("unary", "Verify", &headers);
        let pb::VerifyRequest { token, context, options } = message;
        let contexts = usize::from(context.is_some());
        let deadline = deadline(&headers);
        let outcome = self
            .0
            .decide((vec![token], contexts, options), deadline, caller(&extensions), call.tally())
            .await;
        let answer =
            outcome.map(|verdicts| pb::VerifyResponse { verdict: verdicts.into_iter().next() });
        finish(&mut call, answer)
    }

    async fn verify_batch(
        &self,
        request: Request<pb::VerifyBatchRequest>,
    ) -> Result<Response<pb::VerifyBatchResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let headers = metadata.into_headers();
        let mut call = self.call("unary", "VerifyBatch", &headers);
        let pb::VerifyBatchRequest { tokens, contexts, options } = message;
        let deadline = deadline(&headers);
        let outcome = self
            .0
            .decide((tokens, contexts.len(), options), deadline, caller(&extensions), call.tally())
            .await;
        finish(&mut call, outcome.map(|verdicts| pb::VerifyBatchResponse { verdicts }))
    }

    async fn explain(
        &self,
        request: Request<pb::ExplainRequest>,
    ) -> Result<Response<pb::ExplainResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let headers = metadata.into_headers();
        let mut call = self.call("unary", "Explain", &headers);
        let deadline = deadline(&headers);
        let outcome = self.0.explain(message, deadline, caller(&extensions), call.tally()).await;
        finish(&mut call, outcome)
    }

    type VerifyStreamStream = Answers;

    async fn verify_stream(
        &self,
        request: Request<Streaming<pb::VerifyStreamRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let (metadata, extensions, messages) = request.into_parts();
        let headers = metadata.into_headers();
        let call = self.call("bidi_stream", "VerifyStream", &headers);
        let deadline = deadline(&headers);
        let lease = extensions.get::<Lease>().cloned();
        let caller = caller(&extensions).clone();
        let shared = Arc::clone(&self.0);
        Ok(Response::new(Answers::new(shared, messages, caller, lease, deadline, call)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_read_in_every_unit() {
        let left = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            deadline(&headers).map(|end| end.saturating_duration_since(Instant::now()))
        };
        let about = |text: &str, seconds: u64| {
            let left = left(text).unwrap();
            assert!(
                left <= Duration::from_secs(seconds) && left >= Duration::from_secs(seconds - 1)
            );
        };
        about("1H", 3600);
        about("2M", 120);
        about("30S", 30);
        about("30000m", 30);
        about("30000000u", 30);
        about("99999999H", 99_999_999 * 3600);
        for wrong in ["", "S", "1", "1x", "-1S", "999999999S", "1.5S"] {
            assert_eq!(left(wrong), None, "{wrong}");
        }
    }
}
