//! Tracks outgoing responses. Unread response bytes are admitted like received ones, and not kept
//! forever: flow control lets a client delay reading.

use super::idle::Calls;
use crate::dispatch::{Account, Permit, Resource};
use bytes::{Buf, Bytes};
use http::{Extensions, Response};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// The responses of one connection.
#[derive(Clone, Debug)]
pub(super) struct Replies(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    account: Arc<Account>,
    /// The number of elapsed fractions of the timeout.
    clock: AtomicU64,
    open: Mutex<Open>,
    calls: Calls,
}

/// A request, from its headers to the end of its response.
#[derive(Debug)]
pub(super) struct OpenCall(Arc<Shared>);

#[derive(Debug)]
struct Open {
    all: Vec<Weak<Progress>>,
    /// The number of entries at which finished ones are removed.
    enough: usize,
}

/// The progress of one response.
#[derive(Debug, Default)]
struct Progress {
    /// The number of pieces that were handed over and are not sent.
    waiting: AtomicUsize,
    /// The time at which the first of them was handed over, or the last one was sent.
    since: AtomicU64,
}

/// The number of checks per timeout.
const PARTS: u32 = 4;

impl Replies {
    pub(super) fn new(account: Arc<Account>) -> Self {
        let open = Mutex::new(Open { all: Vec::new(), enough: 64 });
        let (clock, calls) = (AtomicU64::new(0), Calls::default());
        Self(Arc::new(Shared { account, clock, open, calls }))
    }

    /// Records the start of a request.
    pub(super) fn begin(&self) -> OpenCall {
        self.0.calls.begin();
        OpenCall(Arc::clone(&self.0))
    }

    /// Resolves when there was no call for `span`.
    pub(super) async fn idle(&self, span: Option<Duration>) {
        self.0.calls.none_for(span).await;
    }

    /// Returns true if no request is open and no piece of a response waits to be sent.
    pub(super) fn are_done(&self) -> bool {
        let open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |one: Arc<Progress>| one.waiting.load(Ordering::Relaxed) > 0;
        self.0.calls.are_none() && !open.all.iter().filter_map(Weak::upgrade).any(waits)
    }

    /// Resolves when a piece of a response has waited for `patience`, or up to a quarter longer.
    pub(super) async fn stalled(&self, patience: Duration) {
        let mut ticks = tokio::time::interval(patience / PARTS);
        loop {
            ticks.tick().await;
            let now = self.0.clock.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            let waits = |one: &Progress| {
                let since = one.since.load(Ordering::Relaxed);
                one.waiting.load(Ordering::Relaxed) > 0
                    && now.saturating_sub(since) > u64::from(PARTS)
            };
            let open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
            if open.all.iter().filter_map(Weak::upgrade).any(|one| waits(&one)) {
                return;
            }
        }
    }
}

impl OpenCall {
    /// Tracks the body of the response until it is sent.
    pub(super) fn follow<B: Body>(self, answer: Response<B>) -> Response<Reply<B>> {
        let (mut parts, body) = answer.into_parts();
        let kept = std::mem::take(&mut parts.extensions);
        let progress = Arc::new(Progress::default());
        // A response without a body cannot wait.
        if !body.is_end_stream() {
            self.0.add(&progress);
        }
        Response::from_parts(parts, Reply { body, call: self, progress, _kept: kept })
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.0.calls.end();
    }
}

impl Shared {
    fn add(&self, progress: &Arc<Progress>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all.len() >= open.enough {
            open.all.retain(|one| one.strong_count() > 0);
            open.enough = open.all.len().saturating_mul(2).max(64);
        }
        open.all.push(Arc::downgrade(progress));
    }
}

/// The body of a response.
#[derive(Debug)]
pub(super) struct Reply<B> {
    body: B,
    call: OpenCall,
    progress: Arc<Progress>,
    /// The extensions of the response, kept alive as long as its body.
    _kept: Extensions,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Reply<B> {
    type Data = Piece;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(|data| self.piece(data)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Reply<B> {
    fn piece(&self, data: Bytes) -> Piece {
        let Self { call: OpenCall(shared), progress, .. } = self;
        if progress.waiting.fetch_add(1, Ordering::Relaxed) == 0 {
            progress.since.store(shared.clock.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        let permit = shared.account.charge(Resource::Bytes, data.len());
        let (shared, progress) = (Arc::clone(shared), Arc::clone(progress));
        Piece { data, shared, progress, _permit: permit }
    }
}

/// A piece of a response; dropping it means that it was sent.
#[derive(Debug)]
pub(super) struct Piece {
    data: Bytes,
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    _permit: Permit,
}

impl Drop for Piece {
    fn drop(&mut self) {
        let now = self.shared.clock.load(Ordering::Relaxed);
        self.progress.since.store(now, Ordering::Relaxed);
        self.progress.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.data.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.data.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.data.advance(count);
    }
}
