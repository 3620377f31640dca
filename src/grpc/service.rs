//! The service of the contract: takes calls apart, has their tokens decided and
//! puts the answers together. No rule lives here.

use super::call_permits::CallPermits;
use super::door::Door;
use super::fit::Fit;
use super::messages::{Messages, stream_body};
use super::status::{CallFault, code_name};
use super::stream::{Answers, NoAnswers};
use crate::clock::Clock;
use crate::config::ServerLimits;
use crate::dispatch::Dispatcher;
use crate::pb::{self, verifier_service_server::VerifierService};
use crate::telemetry::{Call, CalledMethod};
use http::HeaderMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::{Extensions, Request, Response, Status, Streaming};

/// The service.
#[derive(Clone, Debug)]
pub struct Verifier(Arc<Door>);

impl Verifier {
    /// A service with these limits; each call has a deadline of ours (R80).
    #[must_use]
    pub fn new(dispatcher: Dispatcher, limits: &ServerLimits) -> Self {
        Self(Arc::new(Door::new(dispatcher, limits)))
    }

    /// What all calls share.
    pub(super) fn door(&self) -> &Door {
        &self.0
    }
}

/// When a call must be answered, from its `grpc-timeout` (gRPC over HTTP/2,
/// Timeout). A header that cannot be read is no deadline.
pub(super) fn deadline(headers: &HeaderMap, clock: &Clock) -> Option<Instant> {
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
    clock.monotonic().checked_add(unit.saturating_mul(number))
}

/// Who calls and what the call holds, as the connection noted it, which no longer counts it.
pub(super) fn permits(extensions: &Extensions) -> Result<&CallPermits, CallFault> {
    // Without it there is a bug: each connection notes it.
    let permits: &CallPermits = extensions.get().ok_or(CallFault::Internal)?;
    permits.count();
    Ok(permits)
}

/// Ends a call; what it answers holds a permit for its room until it is encoded.
pub(super) fn finish<T>(
    call: &mut Call,
    outcome: Result<Fit<T>, CallFault>,
) -> Result<Response<T>, Status> {
    match outcome {
        Ok(answer) => {
            call.end("OK");
            let (message, room) = answer.into_parts();
            let mut response = Response::new(message);
            if let Some(room) = room {
                response.extensions_mut().insert(Arc::new(room));
            }
            Ok(response)
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
        // The extensions also hold the permits of the call, up to its end.
        let (metadata, extensions, message) = request.into_parts();
        let headers = metadata.into_headers();
        let mut call = self.0.call(&CalledMethod::VERIFY, &headers);
        let pb::VerifyRequest { token, context, options } = message;
        let deadline = deadline(&headers, self.0.clock());
        let permits = permits(&extensions)?;
        let asked = (vec![token], Vec::from_iter(context), options);
        let outcome = self.0.decide(asked, deadline, permits, call.tally()).await;
        let verify = |verdicts: Vec<_>| pb::VerifyResponse { verdict: verdicts.into_iter().next() };
        finish(&mut call, outcome.map(|verdicts| verdicts.map(verify)))
    }

    async fn verify_batch(
        &self,
        request: Request<pb::VerifyBatchRequest>,
    ) -> Result<Response<pb::VerifyBatchResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let headers = metadata.into_headers();
        let mut call = self.0.call(&CalledMethod::VERIFY_BATCH, &headers);
        let pb::VerifyBatchRequest { tokens, contexts, options } = message;
        let deadline = deadline(&headers, self.0.clock());
        let permits = permits(&extensions)?;
        let asked = (tokens, contexts, options);
        let outcome = self.0.decide(asked, deadline, permits, call.tally()).await;
        let batch = |verdicts| pb::VerifyBatchResponse { verdicts };
        finish(&mut call, outcome.map(|verdicts| verdicts.map(batch)))
    }

    async fn explain(
        &self,
        request: Request<pb::ExplainRequest>,
    ) -> Result<Response<pb::ExplainResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let headers = metadata.into_headers();
        let mut call = self.0.call(&CalledMethod::EXPLAIN, &headers);
        let deadline = deadline(&headers, self.0.clock());
        let permits = permits(&extensions)?;
        let outcome = self.0.explain(message, deadline, permits, call.tally()).await;
        finish(&mut call, outcome)
    }

    type VerifyStreamStream = NoAnswers;

    async fn verify_stream(
        &self,
        request: Request<Streaming<pb::VerifyStreamRequest>>,
    ) -> Result<Response<NoAnswers>, Status> {
        let (metadata, extensions, _) = request.into_parts();
        let headers = metadata.into_headers();
        let call = self.0.call(&CalledMethod::VERIFY_STREAM, &headers);
        let deadline = deadline(&headers, self.0.clock());
        let permits = permits(&extensions)?.clone();
        let messages = stream_body(&extensions).map(Messages::new).ok_or(CallFault::Internal)?;
        let door = Arc::clone(&self.0);
        let answers = Answers::new(door, messages, permits, deadline, call);
        Ok(answers.hand_over())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;
    use jwtd_core::jose::UnixTime;

    #[test]
    fn a_timeout_is_read_in_every_unit() {
        let clock = VirtualClock::at(UnixTime::from_seconds(0)).clock();
        let left = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            deadline(&headers, &clock).map(|end| end.duration_since(clock.monotonic()))
        };
        for (text, span) in [
            ("1H", Duration::from_secs(3600)),
            ("2M", Duration::from_secs(120)),
            ("30S", Duration::from_secs(30)),
            ("30000m", Duration::from_secs(30)),
            ("30000000u", Duration::from_secs(30)),
            ("7n", Duration::from_nanos(7)),
            ("99999999H", Duration::from_secs(99_999_999 * 3600)),
        ] {
            assert_eq!(left(text), Some(span), "{text}");
        }
        for wrong in ["", "S", "1", "1x", "-1S", "999999999S", "1.5S"] {
            assert_eq!(left(wrong), None, "{wrong}");
        }
    }
}
