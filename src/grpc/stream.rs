//! Calls on a stream. A message that can be answered at once is; of the others several are
//! worked on at a time and answered as they are done. While that many are in flight, no
//! further one is read.

use super::body::Lease;
use super::shared::{Rest, Shared, Step, Verdicts};
use super::status::{CallFault, code_name};
use super::wire;
use crate::pb::{self, verify_stream_response::Result as Outcome};
use crate::policy::Caller;
use crate::sched::Leave;
use crate::telemetry::Call;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, Stream, StreamExt as _};
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

type Decided = Result<Verdicts, CallFault>;

/// An answer, and leave for its room.
type Answered = (pb::VerifyStreamResponse, Option<Leave>);

/// The answers of one stream.
pub struct Answers {
    /// Nothing once the client has sent its last.
    messages: Option<Streaming<pb::VerifyStreamRequest>>,
    in_flight: FuturesUnordered<BoxFuture<'static, Answered>>,
    /// For the room of the last answer, which is encoded before the next one is asked for.
    room: Option<Leave>,
    shared: Arc<Shared>,
    caller: Caller,
    lease: Option<Lease>,
    deadline: Option<Instant>,
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
        let (messages, in_flight) = (Some(messages), FuturesUnordered::new());
        Self { messages, in_flight, room: None, shared, caller, lease, deadline, call }
    }

    /// Answers a message, or begins to.
    fn answer(&self, message: pb::VerifyStreamRequest) -> Option<Answered> {
        let held = self.lease.as_ref().and_then(Lease::take_message);
        let id = message.id;
        match self.begin(message) {
            Ok(Step::Done(verdicts)) => Some(response(id, Ok(verdicts))),
            Err(fault) => Some(response(id, Err(fault))),
            Ok(Step::Open(rest)) => {
                let (shared, tally) = (Arc::clone(&self.shared), self.call.tally().clone());
                self.in_flight.push(Box::pin(async move {
                    let decided = shared.end(rest, &tally).await;
                    drop(held);
                    response(id, decided)
                }));
                None
            }
        }
    }

    fn begin(&self, message: pb::VerifyStreamRequest) -> Result<Step<Verdicts, Rest>, CallFault> {
        let pb::VerifyStreamRequest { id: _, tokens, contexts, options, timeout } = message;
        let now = self.shared.clock().monotonic();
        let own = match timeout {
            None => None,
            Some(timeout) => now.checked_add(wire::timeout(timeout)?),
        };
        let deadline = own.into_iter().chain(self.deadline).min();
        let (asked, tally) = ((tokens, contexts.len(), options), self.call.tally());
        self.shared.begin(self.shared.snapshot(), asked, now, deadline, &self.caller, tally)
    }

    fn hand_over(&mut self, (answer, room): Answered) -> Poll<Option<Answer>> {
        self.room = room;
        Poll::Ready(Some(Ok(answer)))
    }

    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Option<Answer>> {
        loop {
            // Before new ones: what can be answered at once must not hold up the others.
            if !self.in_flight.is_empty()
                && let Poll::Ready(Some(answer)) = self.in_flight.poll_next_unpin(context)
            {
                return self.hand_over(answer);
            }
            let Some(messages) = &mut self.messages else {
                return if self.in_flight.is_empty() { Poll::Ready(None) } else { Poll::Pending };
            };
            if self.in_flight.len() >= IN_FLIGHT {
                return Poll::Pending;
            }
            match messages.poll_next_unpin(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => self.messages = None,
                Poll::Ready(Some(Err(status))) => {
                    // It is the end: nobody will read more.
                    self.messages = None;
                    self.in_flight.clear();
                    return Poll::Ready(Some(Err(status)));
                }
                Poll::Ready(Some(Ok(message))) => {
                    if let Some(answer) = self.answer(message) {
                        return self.hand_over(answer);
                    }
                }
            }
        }
    }
}

fn response(id: u64, decided: Decided) -> Answered {
    let (result, room) = match decided.map(Verdicts::into_parts) {
        Ok((verdicts, room)) => (Outcome::Verdicts(pb::Verdicts { verdicts }), room),
        Err(fault) => (Outcome::Error(fault.to_message()), None),
    };
    (pb::VerifyStreamResponse { id, result: Some(result) }, room)
}

impl Stream for Answers {
    type Item = Answer;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Answer>> {
        self.room = None;
        let answer = self.poll_answer(context);
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
