//! Admits the bytes of a request while they are being received, and refuses a
//! message that is too large by its first five bytes.

use super::status::CallFault;
use crate::sched::{Budget, Leave};
use crate::telemetry::{Metrics, ShedCause};
use bytes::{Buf as _, Bytes};
use http::Request;
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
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
    /// Meters the body of `request`; what it holds is found among the extensions.
    pub fn apply<B>(&self, request: Request<B>) -> Request<Metered<B>> {
        let lease = Lease(Arc::default());
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(lease.clone());
        let prefix = Prefix { bytes: [0; PREFIX], filled: 0, left: 0 };
        Request::from_parts(parts, Metered { body, layer: self.clone(), lease, prefix })
    }
}

/// Leave for the bytes of one call that were received and not yet answered.
#[derive(Clone, Debug)]
pub(super) struct Lease(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    leave: Option<Leave>,
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
        held.leave.as_mut().map(|leave| leave.split(size))
    }
}

/// A request body that is metered.
#[derive(Debug)]
pub struct Metered<B> {
    body: B,
    layer: MeteredLayer,
    lease: Lease,
    prefix: Prefix,
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
        let taken = match &mut held.leave {
            Some(leave) => leave.grow(data.len()),
            none => {
                *none = self.layer.bytes.take(data.len());
                none.is_some()
            }
        };
        if !taken {
            let cause = ShedCause::Bytes;
            self.layer.metrics.shed(cause);
            return Err(CallFault::Overloaded { cause, limit: self.layer.bytes.limit() });
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
            }
        }
        Ok(())
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
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            Some(Ok(frame)) => frame,
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
