//! Admits the bytes of a request while they are received, and the memory that decoding will take.
//! Refuses a message that is too large at its five-byte prefix, one that would take too much memory
//! when decoded, and one that arrives too slowly.
//!
//! Messages are passed on only when complete: tonic reserves the announced size with the first
//! byte, and a thousand announced messages would take far more than was admitted.

use super::call_permits::CallPermits;
use super::method::Rpc;
use super::reassembly::Reassembly;
use super::reflected::Reflected;
use super::shapes;
use super::status::CallFault;
use super::weight::Weight;
use crate::dispatch::Resource;
use crate::telemetry::{Metrics, ShedCause};
use crate::transport::Origin;
use bytes::{Buf as _, Bytes};
use http::{HeaderMap, Request};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};
use tonic::Status;

/// The parameters for metering bodies.
#[derive(Clone, Debug)]
pub struct MeteredLayer {
    /// The largest message, in bytes.
    pub message_bytes: usize,
    /// The metrics that count refusals.
    pub metrics: Arc<Metrics>,
}

/// The largest message of names, in bytes: the decoder keeps a buffer of this size for each call.
const BUFFER: usize = 8192;

impl MeteredLayer {
    /// Meters the body of `request` on the account of `origin`. Each message must arrive within the
    /// given time.
    ///
    /// # Errors
    /// If the method does not exist, or there is no room for the headers or for a long-lived call.
    pub(super) fn apply<B>(
        &self,
        request: Request<B>,
        rpc: Rpc,
        origin: &Arc<Origin>,
        patience: Duration,
    ) -> Result<Request<Metered<B>>, Status> {
        let (parts, body) = request.into_parts();
        let Some(shape) = shapes::request(parts.uri.path()) else {
            let service = shapes::is_service(parts.uri.path());
            return Err(CallFault::MethodUnknown { service }.into());
        };
        let account = &origin.account;
        let refused = |cause, resource| refuse(&self.metrics, cause, account.limit(resource));
        let bytes = account
            .take(Resource::Bytes, cost(&parts.headers))
            .ok_or_else(|| refused(ShedCause::Bytes, Resource::Bytes))?;
        let stream = (rpc.places > 0).then(|| {
            let place = account.take(Resource::Streams, rpc.places);
            place.ok_or_else(|| refused(ShedCause::Streams, Resource::Streams))
        });
        let permits = CallPermits::new(Arc::clone(origin), bytes, stream.transpose()?);
        let prefix = Prefix::of(shape);
        let arrival = Arrival { patience, streaming: rpc.messages, end: None };
        let (layer, pieces, names) = (self.clone(), Reassembly::default(), rpc.names);
        let reflected = (names && rpc.messages).then(Reflected::default);
        let body = Metered {
            body,
            layer,
            permits,
            prefix,
            arrival,
            pieces,
            names,
            reflected,
            begun: false,
            ended: false,
        };
        Ok(Request::from_parts(parts, body))
    }
}

fn refuse(metrics: &Metrics, cause: ShedCause, limit: usize) -> CallFault {
    metrics.shed(cause);
    CallFault::Overloaded { cause, limit }
}

/// The memory of an open call, in bytes: its state and its header fields. A field that takes one
/// byte on the wire, because it refers to an indexed one (RFC 7541, section 6.1), takes far more in
/// memory (CVE-2026-49975).
fn cost(fields: &HeaderMap) -> usize {
    /// The tasks and the stream.
    const CALL: usize = 4096;
    /// An entry of the map.
    const FIELD: usize = 128;

    let each = fields.iter().map(|(name, value)| FIELD + name.as_str().len() + value.len());
    CALL + each.sum::<usize>()
}

/// A metered request body.
#[derive(Debug)]
pub struct Metered<B> {
    body: B,
    layer: MeteredLayer,
    permits: CallPermits,
    prefix: Prefix,
    arrival: Arrival,
    pieces: Reassembly,
    /// True if its messages are short, and released as soon as they are read.
    names: bool,
    /// The validator of reflection requests.
    reflected: Option<Reflected>,
    /// True if a message has begun.
    begun: bool,
    /// True at the end of the body.
    ended: bool,
}

/// The deadline for a message that has begun.
#[derive(Debug)]
struct Arrival {
    patience: Duration,
    /// True for a stream, which may pause between messages without a deadline.
    streaming: bool,
    /// Set while bytes are expected.
    end: Option<Pin<Box<Sleep>>>,
}

impl Arrival {
    /// Resets the deadline after a message: the next message of a stream gets its own.
    fn next_message(&mut self) {
        if self.streaming {
            self.end = None;
        }
    }
}

/// The length of the flag and the length field before each message (gRPC over HTTP/2,
/// Length-Prefixed-Message).
const PREFIX: usize = 5;

#[derive(Debug)]
struct Prefix {
    bytes: [u8; PREFIX],
    filled: usize,
    /// The remaining bytes of the current message.
    left: usize,
    /// The index of the shape of all messages.
    request: usize,
    /// The weight of the current message until now.
    weight: Weight,
}

impl Prefix {
    fn of(request: usize) -> Self {
        Self { bytes: [0; PREFIX], filled: 0, left: 0, request, weight: Weight::new(request, 0) }
    }
}

impl<B> Metered<B> {
    /// The permits of the call, and the account that they are charged to.
    pub(super) fn permits(&self) -> &CallPermits {
        &self.permits
    }

    /// Admits a piece, and returns how many of its bytes belong to complete messages.
    fn admit(&mut self, data: &Bytes) -> Result<usize, CallFault> {
        let mut held = self.permits.lock();
        let full = || {
            let limit = self.permits.account().limit(Resource::Bytes);
            refuse(&self.layer.metrics, ShedCause::Bytes, limit)
        };
        if !held.bytes.grow(data.len()) {
            return Err(full());
        }
        let most = self.layer.message_bytes;
        let limit = if self.names { most.min(BUFFER) } else { most };
        let mut rest = &data[..];
        let mut whole = 0;
        while !rest.is_empty() {
            if self.prefix.left > 0 {
                let (now, later) = rest.split_at(self.prefix.left.min(rest.len()));
                self.prefix.weight.push(now)?;
                self.prefix.left -= now.len();
                rest = later;
                if self.prefix.left == 0 {
                    if !self.names && !held.weigh(self.prefix.weight.decoded()) {
                        return Err(full());
                    }
                    whole = data.len() - rest.len();
                    self.arrival.next_message();
                }
                continue;
            }
            if let Some(slot) = self.prefix.bytes.get_mut(self.prefix.filled) {
                *slot = rest.get_u8();
                self.prefix.filled += 1;
            }
            if self.prefix.filled == PREFIX {
                let [flag, a, b, c, d] = self.prefix.bytes;
                if flag != 0 {
                    return Err(CallFault::Compressed);
                }
                self.begun = true;
                let count = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
                if count > limit {
                    return Err(CallFault::MessageTooLarge { count, limit });
                }
                if !self.names {
                    held.messages.push_back(count.saturating_add(PREFIX));
                }
                self.prefix.weight = Weight::new(self.prefix.request, count);
                self.prefix.filled = 0;
                self.prefix.left = count;
                if count == 0 {
                    whole = data.len() - rest.len();
                    self.arrival.next_message();
                }
            }
        }
        Ok(whole)
    }

    /// Records and returns the error of the body; a library may not pass it on.
    fn fail(&self, fault: CallFault) -> Box<Status> {
        self.permits.lock().fault = Some(fault);
        Box::new(Status::from(fault))
    }

    /// Handles the end of the body. Refuses a truncated message, and a call without any.
    fn end(&mut self) -> Result<(), CallFault> {
        self.ended = true;
        self.pieces.end();
        self.may_end()
    }

    /// Checks that the call may end here.
    fn may_end(&self) -> Result<(), CallFault> {
        if self.prefix.filled > 0 || self.prefix.left > 0 {
            return Err(CallFault::MessageIncomplete);
        }
        if !self.begun && !self.arrival.streaming {
            return Err(CallFault::MessageMissing);
        }
        Ok(())
    }

    /// Becomes ready when the expected bytes are late.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Arrival { patience, streaming, end } = &mut self.arrival;
        if *streaming && self.prefix.filled == 0 && self.prefix.left == 0 {
            *end = None;
            return Poll::Pending;
        }
        end.get_or_insert_with(|| Box::pin(sleep(*patience))).as_mut().poll(context)
    }
}

impl<B> Body for Metered<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        loop {
            if let Some(piece) = self.pieces.pop() {
                if self.names {
                    self.permits.lock().bytes.shrink(piece.len());
                }
                let read = self.reflected.as_mut().map_or(Ok(()), |read| read.push(&piece));
                return Poll::Ready(Some(match read {
                    Ok(()) => Ok(Frame::data(piece)),
                    Err(fault) => Err(self.fail(fault)),
                }));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            let frame = match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Pending => {
                    ready!(self.poll_late(context));
                    return Poll::Ready(Some(Err(self.fail(CallFault::DeadlineExceeded))));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(Some(Ok(frame))) => Some(frame),
                Poll::Ready(None) => None,
            };
            // Request trailers carry no information.
            let admitted = match frame.map(Frame::into_data) {
                Some(Ok(data)) => self.admit(&data).map(|whole| self.pieces.push(data, whole)),
                Some(Err(_)) | None => self.end(),
            };
            if let Err(fault) = admitted {
                return Poll::Ready(Some(Err(self.fail(fault))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        // A faulty end is reported by a frame.
        let has_ended = self.body.is_end_stream() && self.may_end().is_ok();
        self.pieces.is_empty() && (self.ended || has_ended)
    }

    fn size_hint(&self) -> SizeHint {
        // The held bytes have already left the inner body.
        if self.pieces.is_empty() { self.body.size_hint() } else { SizeHint::default() }
    }
}

#[cfg(test)]
mod tests;
