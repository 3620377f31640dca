//! Admits the bytes of a request while they are being received, and what reading it will take.
//! Refuses a message that is too large by its first five bytes, one that would take too much
//! once it is read, and one that does not come in time.
//!
//! Messages are handed on whole: tonic reserves the announced size of one with its first
//! byte, and a thousand that are announced at once would take far more than is admitted.

use super::methods;
use super::pieces::Pieces;
use super::status::CallFault;
use super::weight::Weight;
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
    /// If there is no such method, or no room for its fields.
    pub fn apply<B>(
        &self,
        request: Request<B>,
        patience: Duration,
    ) -> Result<Request<Metered<B>>, Status> {
        let (mut parts, body) = request.into_parts();
        let Some(method) = methods::method(parts.uri.path()) else {
            return Err(Status::unimplemented("there is no such method"));
        };
        let Some(leave) = self.bytes.take(cost(&parts.headers)) else {
            return Err(self.refuse().into());
        };
        let held = Held { leave, messages: VecDeque::new(), kept: 0 };
        let lease = Lease(Arc::new(Mutex::new(held)));
        parts.extensions.insert(lease.clone());
        let weight = Weight::new(method.request, 0);
        let prefix = Prefix { bytes: [0; PREFIX], filled: 0, left: 0, weight };
        let arrival = Arrival { patience, streaming: method.streaming, end: None };
        let (layer, pieces, ended) = (self.clone(), Pieces::default(), false);
        let request = method.request;
        let body = Metered { body, layer, request, lease, prefix, arrival, pieces, ended };
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

/// Leave for the bytes of one call that were received and not yet answered.
#[derive(Clone, Debug)]
pub(super) struct Lease(Arc<Mutex<Held>>);

#[derive(Debug)]
struct Held {
    leave: Leave,
    /// Those that were begun and not taken yet.
    messages: VecDeque<Message>,
    /// What the decoder keeps for the next message, up to the end of the stream.
    kept: usize,
}

#[derive(Clone, Copy, Debug)]
struct Message {
    size: usize,
    /// What was taken for reading it.
    decoded: usize,
}

impl Held {
    /// Takes what reading the last message will take; false if there is no room.
    fn weigh(&mut self, decoded: usize) -> bool {
        /// It is a part of what each call costs.
        const LITTLE: usize = 1024;

        let Some(message) = self.messages.back_mut().filter(|_| decoded > LITTLE) else {
            return true;
        };
        message.decoded = decoded;
        self.leave.grow(decoded)
    }
}

impl Lease {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leave for the bytes of the next message, to be held until it is answered; but for
    /// those of the largest so far, whose room the decoder does not give back.
    pub(super) fn take_message(&self) -> Option<Leave> {
        /// A smaller buffer is a part of what each call costs.
        const BUFFER: usize = 8192;

        let mut held = self.lock();
        let Message { size, decoded } = held.messages.pop_front()?;
        let kept = held.kept.max(size.saturating_sub(BUFFER));
        let more = kept - std::mem::replace(&mut held.kept, kept);
        Some(held.leave.split(size - more + decoded))
    }
}

/// A request body that is metered.
#[derive(Debug)]
pub struct Metered<B> {
    body: B,
    layer: MeteredLayer,
    /// The place of the request's shape.
    request: usize,
    lease: Lease,
    prefix: Prefix,
    arrival: Arrival,
    pieces: Pieces,
    /// Whether no more will come.
    ended: bool,
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

impl Arrival {
    /// A message has come: what follows on a stream has a time of its own.
    fn next_message(&mut self) {
        if self.streaming {
            self.end = None;
        }
    }
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
    /// What it weighs so far.
    weight: Weight,
}

impl<B> Metered<B> {
    /// Admits a piece; gives how much of it belongs to messages that are whole now.
    fn admit(&mut self, data: &Bytes) -> Result<usize, CallFault> {
        let mut held = self.lease.lock();
        if !held.leave.grow(data.len()) {
            return Err(self.layer.refuse());
        }
        let mut rest = &data[..];
        let mut whole = 0;
        while !rest.is_empty() {
            if self.prefix.left > 0 {
                let (now, later) = rest.split_at(self.prefix.left.min(rest.len()));
                self.prefix.weight.push(now)?;
                self.prefix.left -= now.len();
                rest = later;
                if self.prefix.left == 0 {
                    if !held.weigh(self.prefix.weight.decoded()) {
                        return Err(self.layer.refuse());
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
                let [_, a, b, c, d] = self.prefix.bytes;
                let count = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
                let limit = self.layer.message_bytes;
                if count > limit {
                    return Err(CallFault::MessageTooLarge { count, limit });
                }
                held.messages.push_back(Message { size: count.saturating_add(PREFIX), decoded: 0 });
                self.prefix.weight = Weight::new(self.request, count);
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
        loop {
            if let Some(piece) = self.pieces.pop() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            let frame = match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Pending => {
                    ready!(self.poll_late(context));
                    let late = Status::from(CallFault::DeadlineExceeded);
                    return Poll::Ready(Some(Err(Box::new(late))));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(Some(Ok(frame))) => Some(frame),
                Poll::Ready(None) => None,
            };
            // Trailers of a request say nothing.
            let Some(Ok(data)) = frame.map(Frame::into_data) else {
                // A message that is cut off is for the reader to refuse.
                self.ended = true;
                self.pieces.end();
                continue;
            };
            match self.admit(&data) {
                Ok(whole) => self.pieces.push(data, whole),
                Err(fault) => return Poll::Ready(Some(Err(Box::new(Status::from(fault))))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && (self.ended || self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        // What is held has left the body.
        if self.pieces.is_empty() { self.body.size_hint() } else { SizeHint::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::poll;
    use futures_util::stream::Stream;
    use http_body_util::{BodyExt as _, StreamBody};
    use std::convert::Infallible;
    use std::future::poll_fn;
    use tokio::sync::mpsc;

    /// Nothing is ever waited for so long.
    const FOREVER: Duration = Duration::from_secs(86_400);

    fn metered(pieces: Vec<Bytes>) -> Metered<impl Body<Data = Bytes, Error = Infallible> + Unpin> {
        let frames = pieces.into_iter().map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
        metered_as(futures_util::stream::iter(frames), FOREVER)
    }

    fn metered_as<S>(
        frames: S,
        patience: Duration,
    ) -> Metered<impl Body<Data = Bytes, Error = Infallible> + Unpin>
    where
        S: Stream<Item = Result<Frame<Bytes>, Infallible>> + Unpin,
    {
        let body = StreamBody::new(frames);
        let (bytes, metrics) = (Budget::new(1 << 20), Arc::new(Metrics::new()));
        let layer = MeteredLayer { bytes, message_bytes: 1 << 16, metrics };
        let method = "/jwtd.v1.VerifierService/VerifyStream";
        let request = Request::builder().uri(method).body(body).unwrap();
        layer.apply(request, patience).unwrap().into_body()
    }

    fn message(length: u16) -> Vec<u8> {
        let mut message = vec![0, 0, 0];
        message.extend(length.to_be_bytes());
        message.extend((0..length).map(|place| place.to_le_bytes()[0]));
        message
    }

    #[tokio::test]
    async fn bytes_arrive_unchanged_however_they_are_cut() {
        let all: Vec<u8> = [3, 0, 1, 10_000, 5].into_iter().flat_map(message).collect();
        // The last one is cut off.
        let all = &all[..all.len() - 2];
        for size in [1, 2, 3, 5, 7, 16, 4096, 9000, all.len()] {
            let body = metered(all.chunks(size).map(Bytes::copy_from_slice).collect());
            assert!(body.collect().await.unwrap().to_bytes() == all, "in pieces of {size}");
        }
    }

    #[tokio::test]
    async fn a_message_is_handed_on_when_it_is_whole() {
        let (first, second) = (message(20_000), message(3));
        let halves = [&first[..12_000], &[&first[12_000..], &second[..6]].concat(), &second[6..]];
        let mut body = metered(halves.into_iter().map(Bytes::copy_from_slice).collect());
        let mut sizes = Vec::new();
        while let Some(piece) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            sizes.push(piece.unwrap().into_data().unwrap().len());
            assert!(!body.is_end_stream());
        }
        assert_eq!(sizes, [8192, 3808, 8005, 6, 2]);
        assert!(body.is_end_stream());
    }

    async fn read_what_came(body: &mut (impl Body<Data = Bytes> + Unpin)) {
        while let Poll::Ready(frame) = poll!(body.frame()) {
            assert!(frame.is_some(), "the body has ended");
        }
    }

    #[tokio::test]
    async fn what_comes_with_the_end_of_a_message_has_a_time_of_its_own() {
        let (first, second) = (message(100), message(3));
        let (send, mut sent) = mpsc::unbounded_channel();
        let frames = futures_util::stream::poll_fn(move |context| sent.poll_recv(context));
        let send =
            |bytes: &[u8]| send.send(Ok(Frame::data(Bytes::copy_from_slice(bytes)))).unwrap();
        let mut body = metered_as(frames, FOREVER);
        assert!(poll!(body.frame()).is_pending());
        assert!(body.arrival.end.is_none(), "nothing has begun");
        send(&first[..50]);
        assert!(poll!(body.frame()).is_pending());
        assert!(body.arrival.end.is_some(), "the message must come to its end in time");
        send(&[&first[50..], &second[..2]].concat());
        assert!(poll!(body.frame()).is_ready());
        assert!(body.arrival.end.is_none(), "it has");
        read_what_came(&mut body).await;
        assert!(body.arrival.end.is_some(), "so must the next one");
        send(&second[2..]);
        read_what_came(&mut body).await;
        assert!(body.arrival.end.is_none());
    }

    #[tokio::test]
    async fn what_the_decoder_keeps_for_the_next_message_stays_taken() {
        let (large, small) = (message(50_000), message(100));
        let pieces = [&large, &large, &small].map(|one| Bytes::copy_from_slice(one));
        let body = metered(pieces.into());
        let lease = body.lease.clone();
        let before = lease.lock().leave.amount();
        body.collect().await.unwrap();
        let taken: Vec<_> =
            std::iter::from_fn(|| lease.take_message()).map(|leave| leave.amount()).collect();
        assert_eq!(taken, [8192, large.len(), small.len()]);
        assert_eq!(lease.lock().leave.amount(), before + large.len() - 8192);
    }
}
