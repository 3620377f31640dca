//! Admits the bytes of a request while they are being received, and refuses a
//! message that is too large by its first five bytes, or does not come in time.

use super::status::CallFault;
use crate::sched::{Budget, Leave};
use crate::telemetry::{Metrics, ShedCause};
use bytes::{Buf as _, Bytes};
use http::{HeaderMap, Request};
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};
use tonic::Status;

/// What is needed to meter bodies.
#[derive(Clone, Debug)]
pub struct MeteredLayer {
    /// Where bytes are taken from.
    pub bytes: Arc<Budget>,
    /// The largest message.
    pub message_bytes: usize,
    /// Where refusals are counted.
    pub metrics: Arc<Metrics>,
}

impl MeteredLayer {
    /// Meters the body of `request`, each message of which may take so long to arrive;
    /// what it holds is found among the extensions.
    ///
    /// # Errors
    /// If there is no room for its fields.
    pub fn apply<B>(
        &self,
        request: Request<B>,
        patience: Duration,
    ) -> Result<Request<Metered<B>>, Status> {
        let (mut parts, body) = request.into_parts();
        let Some(leave) = self.bytes.take(cost(&parts.headers)) else {
            return Err(self.refuse().into());
        };
        let held = Held { leave, messages: VecDeque::new() };
        let lease = Lease(Arc::new(Mutex::new(held)));
        parts.extensions.insert(lease.clone());
        let path = parts.uri.path();
        let streaming = STREAMING.iter().any(|method| path.ends_with(method));
        let prefix = Prefix { bytes: [0; PREFIX], filled: 0, left: 0 };
        let arrival = Arrival { patience, streaming, end: None };
        let body = Metered { body, layer: self.clone(), lease, prefix, arrival };
        Ok(Request::from_parts(parts, body))
    }

    fn refuse(&self) -> CallFault {
        let cause = ShedCause::Bytes;
        self.metrics.shed(cause);
        CallFault::Overloaded { cause, limit: self.bytes.limit() }
    }
}

/// What an open call costs: its state, and its fields. One that takes a byte on the wire,
/// because it refers to another (RFC 7541, section 6.1), takes far more in memory
/// (CVE-2026-49975).
fn cost(fields: &HeaderMap) -> usize {
    /// Of the tasks and the stream.
    const CALL: usize = 4096;
    /// Of a place in the map.
    const FIELD: usize = 128;

    let each = fields.iter().map(|(name, value)| FIELD + name.as_str().len() + value.len());
    CALL + each.sum::<usize>()
}

/// Methods to which a client sends messages one by one, with pauses as long as it likes.
const STREAMING: [&str; 2] = ["/VerifyStream", "/ServerReflectionInfo"];

/// Leave for the bytes of one call that were received and not yet answered.
#[derive(Clone, Debug)]
pub(super) struct Lease(Arc<Mutex<Held>>);

#[derive(Debug)]
struct Held {
    leave: Leave,
    /// The sizes of the messages that were begun and not taken yet.
    messages: VecDeque<usize>,
}

impl Lease {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leave for the bytes of the next message, to be held until it is answered.
    pub(super) fn take_message(&self) -> Option<Leave> {
        let mut held = self.lock();
        let size = held.messages.pop_front()?;
        Some(held.leave.split(size))
    }
}

/// A request body that is metered.
#[derive(Debug)]
pub struct Metered<B> {
    body: B,
    layer: MeteredLayer,
    lease: Lease,
    prefix: Prefix,
    arrival: Arrival,
}

/// Until when what has begun must have arrived.
#[derive(Debug)]
struct Arrival {
    patience: Duration,
    /// Between messages there may be pauses, and no end is due.
    streaming: bool,
    /// It is set when there is something to wait for.
    end: Option<Pin<Box<Sleep>>>,
}

/// The flag and the length before each message (gRPC over HTTP/2,
/// Length-Prefixed-Message).
const PREFIX: usize = 5;

#[derive(Debug)]
struct Prefix {
    bytes: [u8; PREFIX],
    filled: usize,
    /// The bytes of the current message that are still to come.
    left: usize,
}

impl<B> Metered<B> {
    fn admit(&mut self, data: &Bytes) -> Result<(), CallFault> {
        let mut held = self.lease.lock();
        if !held.leave.grow(data.len()) {
            return Err(self.layer.refuse());
        }
        let mut rest = &data[..];
        while !rest.is_empty() {
            if self.prefix.left > 0 {
                let skipped = self.prefix.left.min(rest.len());
                rest.advance(skipped);
                self.prefix.left -= skipped;
                continue;
            }
            if let Some(slot) = self.prefix.bytes.get_mut(self.prefix.filled) {
                *slot = rest.get_u8();
                self.prefix.filled += 1;
            }
            if self.prefix.filled == PREFIX {
                let [_, a, b, c, d] = self.prefix.bytes;
                let count = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
                let limit = self.layer.message_bytes;
                if count > limit {
                    return Err(CallFault::MessageTooLarge { count, limit });
                }
                held.messages.push_back(count.saturating_add(PREFIX));
                self.prefix.filled = 0;
                self.prefix.left = count;
                if self.arrival.streaming {
                    // The time of the next message.
                    self.arrival.end = None;
                }
            }
        }
        Ok(())
    }
}

impl<B> Metered<B> {
    /// Ready when what is waited for comes too late.
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
        let frame = match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Pending => {
                ready!(self.poll_late(context));
                let late = Status::from(CallFault::DeadlineExceeded);
                return Poll::Ready(Some(Err(Box::new(late))));
            }
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(Some(Ok(frame))) => frame,
        };
        if let Some(data) = frame.data_ref()
            && let Err(fault) = self.admit(data)
        {
            return Poll::Ready(Some(Err(Box::new(Status::from(fault)))));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
