//! Serves the requests of one connection over HTTP/1 or HTTP/2 until it ends.

use super::door::{Door, Front, Origin};
use super::frame_budget::{FrameBudget, GOAWAY};
use super::linger::Linger;
use super::preface::Replayed;
use super::reply::{Replies, Reply};
use super::server::Server;
use crate::config::Connection;
use crate::dispatch::{Permit, Resource};
use crate::telemetry::{ConnectionEnd, limited};
use futures_util::TryFutureExt as _;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use jwtd_core::policy::Caller;
use std::hash::{BuildHasher as _, RandomState};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The smallest buffer that hyper accepts for the head of an HTTP/1 request, in bytes.
const HEAD: usize = 8 << 10;

impl<D: Door> Server<D> {
    /// Serves an HTTP/1 connection to its end, with the limits of HTTP/2. Each head must arrive
    /// within the handshake timeout, which so limits the time between requests too.
    pub(super) async fn http1<T>(
        self,
        stream: Replayed<T>,
        caller: Caller,
        place: Permit,
        stop: &CancellationToken,
    ) -> ConnectionEnd
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let settings = self.settings;
        let origin = Arc::new(Origin { caller, account: Arc::clone(place.account()) });
        let replies = Replies::new(Arc::clone(&origin.account));
        let service = self.service(origin, replies.clone());
        let mut stream = Linger::new(stream);
        let head = usize::try_from(settings.header_list_bytes).unwrap_or(HEAD).max(HEAD);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // The `Date` writer of hyper panics before 1970 and after 9999.
            .auto_date_header(false)
            .header_read_timeout(settings.handshake_timeout)
            .max_buf_size(head)
            // A client may shut down its sending side after its request, and wait for the response.
            .half_close(true)
            .serve_connection(TokioIo::new(&mut stream), service);
        // Held until the connection ends.
        let _place = place;
        let shut_down = http1::Connection::graceful_shutdown;
        let (ended, end) = {
            let connection = pin!(connection);
            tokio::select! {
                led = lead(connection, shut_down, &settings, &replies, stop) => led,
                // hyper would wait for the rest of a partial head.
                () = unasked(&replies, stop) => return ConnectionEnd::Drain,
            }
        };
        if ended.is_ok() {
            // hyper leaves the connection open after `CONNECT` and an upgrade request.
            stream.shutdown().await.ok();
        }
        match ended {
            Ok(()) if end == ConnectionEnd::Peer => ConnectionEnd::Http1,
            Ok(()) => end,
            Err(error) => self.broken(&error, end, ConnectionEnd::HandshakeTimeout),
        }
    }

    /// Serves an HTTP/2 connection to its end.
    pub(super) async fn http2<T>(
        self,
        stream: Replayed<T>,
        caller: Caller,
        place: Permit,
        stop: &CancellationToken,
    ) -> ConnectionEnd
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (settings, window) = (self.settings, self.window());
        let peer = Arc::new(Origin { caller, account: Arc::clone(place.account()) });
        let replies = Replies::new(Arc::clone(&peer.account));
        let service = self.service(Arc::clone(&peer), replies.clone());
        let (frames, clock) = (settings.idle_frames, self.clock.clone());
        let mut stream = stream.map(|stream| FrameBudget::new(stream, frames, clock));
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            // The `Date` writer of hyper panics before 1970 and after 9999.
            .auto_date_header(false)
            .max_concurrent_streams(self.streams)
            .max_header_list_size(settings.header_list_bytes)
            .max_frame_size(settings.frame_bytes)
            .max_pending_accept_reset_streams(settings.pending_resets)
            .max_local_error_reset_streams(settings.local_resets)
            .initial_stream_window_size(window)
            .initial_connection_window_size(window)
            .keep_alive_interval(settings.keepalive_interval)
            .keep_alive_timeout(settings.keepalive_timeout)
            .serve_connection(TokioIo::new(&mut stream), service);
        // Held until the connection ends.
        let _place = place;
        let shut_down = http2::Connection::graceful_shutdown;
        let (ended, end) = {
            let connection = pin!(connection);
            lead(connection, shut_down, &settings, &replies, stop).await
        };
        match ended {
            _ if stream.get_ref().is_exhausted() => self.calm(stream, &peer).await,
            Ok(()) => end,
            Err(error) => self.broken(&error, end, ConnectionEnd::Keepalive),
        }
    }

    /// Tells a client that flooded the connection with frames why it ends.
    async fn calm<T>(&self, stream: Replayed<FrameBudget<T>>, peer: &Origin) -> ConnectionEnd
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let caller = &peer.caller;
        limited!(
            self.clock,
            WARN,
            ?caller,
            "closed: too many HTTP/2 frames without call or message"
        );
        let mut stream = Linger::new(stream);
        let telling = async {
            stream.write_all(GOAWAY).await?;
            stream.shutdown().await
        };
        // A peer that reads nothing will not read this either.
        timeout(Duration::from_secs(1), telling).await.ok();
        ConnectionEnd::Flood
    }

    /// Creates the service for the requests of a connection; `replies` tracks its responses.
    fn service(
        &self,
        origin: Arc<Origin>,
        replies: Replies,
    ) -> impl Service<
        Request<Incoming>,
        Response = Response<Reply<<D::Front as Front>::Body>>,
        Error = <D::Front as Front>::Error,
        Future: Send + 'static,
    > + use<D> {
        limited!(self.clock, DEBUG, caller = ?origin.caller, "a connection");
        let front = self.door.open(origin);
        service_fn(move |request: Request<Incoming>| {
            let reply = replies.begin();
            // Not wrapped in an `async` block, which would double the size of each call.
            front.answer(request).map_ok(|answer| reply.follow(answer))
        })
    }

    /// The end of a connection that broke; `silent` if its client missed a timeout.
    fn broken(
        &self,
        error: &hyper::Error,
        end: ConnectionEnd,
        silent: ConnectionEnd,
    ) -> ConnectionEnd {
        limited!(self.clock, DEBUG, %error, "a connection ended");
        match end {
            ConnectionEnd::Peer if error.is_timeout() => silent,
            ConnectionEnd::Peer => ConnectionEnd::Protocol,
            // Clients that are asked to disconnect often just close the connection.
            _ => end,
        }
    }

    /// The flow-control window: the bytes that a client may send before they are read. Bytes in a
    /// stream's window are not admitted yet, so only a few connections get wide windows; all others
    /// have those of the RFC (RFC 9113, section 6.9.2).
    fn window(&self) -> u32 {
        /// The most connections with wide windows.
        const WIDE: usize = 16;

        let open = self.admission.taken(Resource::Connections);
        if open <= WIDE { 1024 * 1024 } else { 65_535 }
    }
}

/// Drives a connection to its end: by its client, by shutdown, by its age, or by a timeout for
/// unread responses.
async fn lead<C: Future<Output = hyper::Result<()>>>(
    mut connection: Pin<&mut C>,
    shut_down: impl Fn(Pin<&mut C>),
    settings: &Connection,
    replies: &Replies,
    stop: &CancellationToken,
) -> (hyper::Result<()>, ConnectionEnd) {
    let mut stalled = pin!(replies.stalled(settings.reply_timeout));
    tokio::select! {
        ended = connection.as_mut() => (ended, ConnectionEnd::Peer),
        () = stalled.as_mut() => (Ok(()), ConnectionEnd::ReplyTimeout),
        () = stop.cancelled() => {
            shut_down(connection.as_mut());
            (connection.await, ConnectionEnd::Drain)
        }
        end = due(settings, replies) => {
            shut_down(connection.as_mut());
            tokio::select! {
                ended = timeout(settings.max_age_grace, connection) => match ended {
                    Ok(ended) => (ended, end),
                    Err(_) => (Ok(()), ConnectionEnd::Cut),
                },
                () = stalled => (Ok(()), ConnectionEnd::ReplyTimeout),
            }
        }
    }
}

/// Resolves at `stop` if no response is in progress then.
async fn unasked(replies: &Replies, stop: &CancellationToken) {
    stop.cancelled().await;
    if !replies.are_done() {
        std::future::pending().await
    }
}

/// Resolves when a connection should end: it is old, or has had no call for long.
async fn due(settings: &Connection, calls: &Replies) -> ConnectionEnd {
    tokio::select! {
        () = old(settings.max_age) => ConnectionEnd::Age,
        () = calls.idle(settings.idle_timeout) => ConnectionEnd::Idle,
    }
}

/// Resolves when a connection is old: after `age`, varied by up to a fifth, so that connections
/// that began together do not end together.
async fn old(age: Option<Duration>) {
    let Some(age) = age else { return std::future::pending().await };
    let part = u32::try_from(RandomState::new().hash_one(0) % 400).unwrap_or_default();
    sleep(age.saturating_mul(800 + part) / 1000).await;
}
