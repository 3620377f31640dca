//! Handles streams. A message with only cache hits is answered at once; of the others, several are
//! decided concurrently and answered as they finish. While the limit is in flight, no further
//! message is read.

use super::answer::{Answer, put};
use super::body::Metered;
use super::call_permits::CallPermits;
use super::door::{Asked, Door, Step, Verdicts};
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

/// The most messages of one stream in progress at once. With their largest size, this bounds the
/// memory of one stream.
const IN_FLIGHT: usize = 32;

/// A response, and a permit for its memory until it is encoded.
type Answered = (pb::VerifyStreamResponse, Option<Permit>);

type Decided = Result<Verdicts, CallFault>;

/// The responses of one stream, as a response body. It replaces tonic's, which keeps the buffer of
/// the largest response until the end of the stream.
pub(super) struct Answers {
    /// `None` once the client has sent its last message.
    messages: Option<Messages<tonic::body::Body>>,
    in_flight: FuturesUnordered<BoxFuture<'static, Answered>>,
    door: Arc<Door>,
    permits: CallPermits,
    deadline: Option<Instant>,
    call: Call,
    /// The final status of the stream.
    end: Option<Status>,
    ended: bool,
}

/// Handles a call that sends a stream of messages.
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
    /// Responds to a message at once, or starts to decide it.
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
        let (is_rehearsal, tally) = (false, self.call.tally());
        let asked = Asked { tokens, contexts, options, is_rehearsal };
        self.door.begin(self.door.snapshot(), asked, now, deadline, &self.permits, tally)
    }

    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Answered, Status>>> {
        loop {
            // Finished messages go before new ones, so that messages answered at once do not delay
            // the others.
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
                    // The stream ends here, and the client reads no more.
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
        /// The most bytes to send in one frame, if they are available.
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
