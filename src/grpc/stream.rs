//! Calls on a stream. A message that can be answered at once is; of the others several are
//! worked on at a time and answered as they are done. While that many are in flight, no
//! further one is read.

use super::answer::{Answer, put};
use super::body::Metered;
use super::call_permits::CallPermits;
use super::door::{Door, Step, Verdicts};
use super::messages::Messages;
use super::status::{CallFault, code_name};
use super::unary::deadline;
use super::wire;
use crate::dispatch::Permit;
use crate::pb::{self, verify_stream_response::Result as Outcome};
use crate::telemetry::Call;
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, Stream as _};
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tonic::Status;
use tonic::codegen::StdError;

/// How many messages of one stream are worked on at once. Together with their
/// largest size this bounds what one stream can hold.
const IN_FLIGHT: usize = 32;

/// An answer, and a permit for its room until it is encoded.
type Answered = (pb::VerifyStreamResponse, Option<Permit>);

type Decided = Result<Verdicts, CallFault>;

/// The answers of one stream, as the body of a response. It is ours, because that of tonic
/// keeps the room of the largest answer up to the end of the stream.
pub(super) struct Answers {
    /// Nothing once the client has sent its last.
    messages: Option<Messages<tonic::body::Body>>,
    in_flight: FuturesUnordered<BoxFuture<'static, Answered>>,
    door: Arc<Door>,
    permits: CallPermits,
    deadline: Option<Instant>,
    call: Call,
    /// How the stream ended.
    end: Option<Status>,
    ended: bool,
}

/// Answers a call that sends messages.
pub(super) fn answer<B>(
    door: Arc<Door>,
    call: Call,
    request: Request<Metered<B>>,
) -> Response<Answer>
where
    B: Body<Data = Bytes, Error: Into<StdError>> + Send + Unpin + 'static,
{
    let deadline = deadline(request.headers(), call.started());
    let body = request.into_body();
    let permits = body.permits().clone();
    let messages = Some(Messages::new(tonic::body::Body::new(body)));
    let in_flight = FuturesUnordered::new();
    Answer::messages(Answers {
        messages,
        in_flight,
        door,
        permits,
        deadline,
        call,
        end: None,
        ended: false,
    })
}

impl Answers {
    /// Answers a message, or begins to.
    fn answer(&self, message: pb::VerifyStreamRequest) -> Option<Answered> {
        let held = self.permits.take_message();
        let id = message.id;
        match self.begin(message) {
            Ok(Step::Done(verdicts)) => Some(response(id, Ok(verdicts))),
            Err(fault) => Some(response(id, Err(fault))),
            Ok(Step::Open(rest)) => {
                let (door, tally) = (Arc::clone(&self.door), self.call.tally().clone());
                self.in_flight.push(Box::pin(async move {
                    let decided = door.end(rest, &tally).await;
                    drop(held);
                    response(id, decided)
                }));
                None
            }
        }
    }

    fn begin(&self, message: pb::VerifyStreamRequest) -> Result<Step, CallFault> {
        let pb::VerifyStreamRequest { id: _, tokens, contexts, options, timeout } = message;
        let now = self.door.clock().monotonic();
        let own = match timeout {
            None => None,
            Some(timeout) => now.checked_add(wire::timeout(timeout)?),
        };
        let deadline = own.into_iter().chain(self.deadline).min();
        let (asked, tally) = ((tokens, contexts, options), self.call.tally());
        self.door.begin(self.door.snapshot(), asked, now, deadline, &self.permits, tally)
    }

    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Answered, Status>>> {
        loop {
            // Before new ones: what can be answered at once must not hold up the others.
            if !self.in_flight.is_empty()
                && let Poll::Ready(Some(answer)) = Pin::new(&mut self.in_flight).poll_next(context)
            {
                return Poll::Ready(Some(Ok(answer)));
            }
            let Some(messages) = &mut self.messages else {
                return if self.in_flight.is_empty() { Poll::Ready(None) } else { Poll::Pending };
            };
            if self.in_flight.len() >= IN_FLIGHT {
                return Poll::Pending;
            }
            match messages.poll_next(context) {
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
                        return Poll::Ready(Some(Ok(answer)));
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

impl Body for Answers {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        /// So much goes out at once, if it is there at once.
        const PIECE: usize = 32 * 1024;

        if self.ended {
            return Poll::Ready(None);
        }
        let mut buffer = BytesMut::new();
        while self.end.is_none() && buffer.len() < PIECE {
            match self.poll_answer(context) {
                Poll::Pending if buffer.is_empty() => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(Some(Ok((answer, _room)))) => put(&answer, &mut buffer),
                Poll::Ready(Some(Err(status))) => self.end = Some(status),
                Poll::Ready(None) => self.end = Some(Status::ok("")),
            }
        }
        if !buffer.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(buffer.freeze()))));
        }
        self.ended = true;
        let status = self.end.take().unwrap_or_else(|| Status::ok(""));
        self.call.end(code_name(status.code()));
        let mut trailers = HeaderMap::new();
        let added = status.add_header(&mut trailers);
        Poll::Ready(Some(added.map(|()| Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answers").finish_non_exhaustive()
    }
}
