//! Calls on a stream: several messages are worked on at once and answered as they
//! are done. While that many are in flight, no further one is read.

use super::body::Lease;
use super::service::Shared;
use super::status::{CallFault, code_name};
use super::wire;
use crate::pb::{self, verify_stream_response::Result as Outcome};
use crate::policy::Caller;
use crate::telemetry::{Call, Tally};
use futures_util::stream::{Stream, StreamExt as _};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tonic::{Status, Streaming};

/// How many messages of one stream are worked on at once. Together with their
/// largest size this bounds what one stream can hold.
const IN_FLIGHT: usize = 32;

type Answer = Result<pb::VerifyStreamResponse, Status>;

/// The answers of one stream.
pub struct Answers {
    answers: Pin<Box<dyn Stream<Item = Answer> + Send>>,
    call: Call,
}

impl Answers {
    pub(super) fn new(
        shared: Arc<Shared>,
        messages: Streaming<pb::VerifyStreamRequest>,
        caller: Caller,
        lease: Option<Lease>,
        deadline: Option<Instant>,
        call: Call,
    ) -> Self {
        let tally = call.tally().clone();
        let answers = messages.map(move |message| {
            let held = lease.as_ref().and_then(Lease::take_message);
            let (shared, caller, tally) = (Arc::clone(&shared), caller.clone(), tally.clone());
            async move {
                let message = message?;
                let id = message.id;
                let result = match answer(&shared, message, deadline, &caller, &tally).await {
                    Ok(verdicts) => Outcome::Verdicts(pb::Verdicts { verdicts }),
                    Err(fault) => Outcome::Error(fault.to_message()),
                };
                drop(held);
                Ok(pb::VerifyStreamResponse { id, result: Some(result) })
            }
        });
        Self { answers: Box::pin(answers.buffer_unordered(IN_FLIGHT)), call }
    }
}

async fn answer(
    shared: &Shared,
    message: pb::VerifyStreamRequest,
    deadline: Option<Instant>,
    caller: &Caller,
    tally: &Tally,
) -> Result<Vec<pb::Verdict>, CallFault> {
    let pb::VerifyStreamRequest { id: _, tokens, contexts, options, timeout } = message;
    let own = match timeout {
        None => None,
        Some(timeout) => Instant::now().checked_add(wire::timeout(timeout)?),
    };
    let deadline = own.into_iter().chain(deadline).min();
    shared.decide((tokens, contexts.len(), options), deadline, caller, tally).await
}

impl Stream for Answers {
    type Item = Answer;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Answer>> {
        let answer = self.answers.as_mut().poll_next(context);
        match &answer {
            Poll::Ready(None) => self.call.end("OK"),
            Poll::Ready(Some(Err(status))) => self.call.end(code_name(status.code())),
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        answer
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answers").finish_non_exhaustive()
    }
}
