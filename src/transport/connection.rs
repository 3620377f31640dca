//! One connection: from its first byte through HTTP/2 to its end.

use super::authority::AuthorityRepair;
use super::caller;
use super::client_chain::Session;
use super::door::{Door, Front as _, Origin};
use super::listener::Stream;
use super::preface::{Begun, begun};
use super::reply::Replies;
use super::server::Server;
use super::tls::Tls;
use crate::config::Connection;
use crate::sched::{Leave, Resource};
use crate::telemetry::{ConnectionEnd, ShedCause};
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use jwtd_core::policy::Caller;
use std::hash::{BuildHasher as _, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

/// The longest time that requests may go on after the client's certificate ended, however long
/// `max_age_grace` is.
const CERTIFICATE_GRACE: Duration = Duration::from_secs(10);

impl<D: Door> Server<D> {
    /// Serves one connection, which holds this place. It ends when the client is done, or
    /// when `stop` is cancelled and the calls are done.
    pub(super) async fn converse(
        self,
        stream: Stream,
        place: Leave,
        stop: &CancellationToken,
    ) -> ConnectionEnd {
        match stream {
            Stream::Tcp(stream) => match self.in_time(begun(stream), stop).await {
                Ok(stream) => self.http2(stream, Caller::Unknown, place, stop).await,
                Err(end) => end,
            },
            // In a box, so that other connections do not hold the room that TLS needs.
            Stream::Tls(stream, tls) => Box::pin(self.converse_tls(stream, tls, place, stop)).await,
            Stream::Unix(stream) => {
                let caller = caller::of_unix(&stream);
                match self.in_time(begun(stream), stop).await {
                    Ok(stream) => {
                        let stream = stream.map(AuthorityRepair::new);
                        self.http2(stream, caller, place, stop).await
                    }
                    Err(end) => end,
                }
            }
        }
    }

    async fn converse_tls(
        self,
        stream: TcpStream,
        tls: Arc<Tls>,
        mut place: Leave,
        stop: &CancellationToken,
    ) -> ConnectionEnd {
        let (stream, caller, session) = match self.in_time(self.encrypt(stream, &tls), stop).await {
            Ok(begun) => begun,
            Err(end) => return end,
        };
        if !self.name(&mut place, &caller) {
            self.metrics.shed(ShedCause::Connections);
            return ConnectionEnd::Shed;
        }
        let uncertified = session.ended(self.clock.clone());
        let grace = self.settings.max_age_grace.min(CERTIFICATE_GRACE);
        let stop = stop.child_token();
        let mut serving = pin!(self.http2(stream, caller, place, &stop));
        tokio::select! {
            end = serving.as_mut() => return end,
            () = uncertified => stop.cancel(),
        }
        match timeout(grace, serving).await {
            Ok(_) => ConnectionEnd::Certificate,
            Err(_) => ConnectionEnd::Cut,
        }
    }

    /// From here on the connection counts for the peer that its certificate names; false if
    /// that has its share already.
    fn name(&self, place: &mut Leave, caller: &Caller) -> bool {
        let peer = caller::named(caller);
        peer.is_none_or(|peer| place.move_to(&self.admission.account(peer)))
    }

    async fn encrypt(
        &self,
        stream: TcpStream,
        tls: &Tls,
    ) -> Result<(Begun<TlsStream<TcpStream>>, Caller, Session), ConnectionEnd> {
        let counted = &self.metrics.connections;
        let refuse = |error: &dyn std::fmt::Display| {
            tracing::debug!(%error, "no encrypted connection");
            counted.tls_failed.inc();
            ConnectionEnd::Handshake
        };
        let (stream, session) = tls.accept(stream).await.map_err(|error| refuse(&error))?;
        let caller = caller::of_tls(&stream)
            .map_err(|_| refuse(&"the names of the certificate do not tell who it is"))?;
        counted.tls_ok.inc();
        Ok((begun(stream).await?, caller, session))
    }

    /// A peer that does not begin in time, or before the end, is let go.
    async fn in_time<T>(
        &self,
        beginning: impl Future<Output = Result<T, ConnectionEnd>>,
        stop: &CancellationToken,
    ) -> Result<T, ConnectionEnd> {
        tokio::select! {
            begun = timeout(self.settings.handshake_timeout, beginning) => {
                begun.unwrap_or(Err(ConnectionEnd::HandshakeTimeout))
            }
            () = stop.cancelled() => Err(ConnectionEnd::Drain),
        }
    }

    /// How much a client may send before it is read. What streams hold of it is not
    /// admitted yet, so that only a few connections have wide windows; all others have
    /// those of the RFC (RFC 9113, section 6.9.2).
    fn window(&self) -> u32 {
        /// The most connections with wide windows.
        const WIDE: usize = 16;

        let open = self.admission.taken(Resource::Connections);
        if open <= WIDE { 1024 * 1024 } else { 65_535 }
    }

    async fn http2<T>(
        self,
        stream: Begun<T>,
        caller: Caller,
        place: Leave,
        stop: &CancellationToken,
    ) -> ConnectionEnd
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let window = self.window();
        let Self { door, streams, settings, .. } = self;
        tracing::debug!(?caller, "a connection");
        let account = Arc::clone(place.account());
        let replies = Replies::new(Arc::clone(&account));
        let sent = replies.clone();
        let front = door.open(Arc::new(Origin { caller, account }));
        let service = service_fn(move |request: Request<Incoming>| {
            let (reply, answering) = (replies.begin(), front.answer(request));
            async move { answering.await.map(|answer| reply.follow(answer)) }
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            // Its maker panics before 1970 and after 9999.
            .auto_date_header(false)
            .max_concurrent_streams(streams)
            .max_header_list_size(settings.header_list_bytes)
            .max_frame_size(settings.frame_bytes)
            .max_pending_accept_reset_streams(settings.pending_resets)
            .max_local_error_reset_streams(settings.local_resets)
            .initial_stream_window_size(window)
            .initial_connection_window_size(window)
            .keep_alive_interval(settings.keepalive_interval)
            .keep_alive_timeout(settings.keepalive_timeout)
            .serve_connection(TokioIo::new(stream), service);
        // Held to the end of the connection.
        let _place = place;
        let mut connection = pin!(connection);
        let mut stalled = pin!(sent.stalled(settings.reply_timeout));
        let (ended, end) = tokio::select! {
            ended = connection.as_mut() => (ended, ConnectionEnd::Peer),
            () = stalled.as_mut() => return ConnectionEnd::ReplyTimeout,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                (connection.await, ConnectionEnd::Drain)
            }
            end = due(&settings, &sent) => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = timeout(settings.max_age_grace, connection) => match ended {
                        Ok(ended) => (ended, end),
                        Err(_) => return ConnectionEnd::Cut,
                    },
                    () = stalled => return ConnectionEnd::ReplyTimeout,
                }
            }
        };
        let Err(error) = ended else { return end };
        tracing::debug!(%error, "a connection ended");
        match end {
            ConnectionEnd::Peer if error.is_timeout() => ConnectionEnd::Keepalive,
            ConnectionEnd::Peer => ConnectionEnd::Protocol,
            // Clients that are told to end often just hang up.
            _ => end,
        }
    }
}

/// Resolves when a connection should end: it is old, or nobody has called for long.
async fn due(settings: &Connection, calls: &Replies) -> ConnectionEnd {
    tokio::select! {
        () = old(settings.max_age) => ConnectionEnd::Age,
        () = calls.idle(settings.idle_timeout) => ConnectionEnd::Idle,
    }
}

/// Comes to its end when a connection is old: after `age`, a fifth more or less, so that
/// those that began together do not end together.
async fn old(age: Option<Duration>) {
    let Some(age) = age else { return std::future::pending().await };
    let part = u32::try_from(RandomState::new().hash_one(0) % 400).unwrap_or_default();
    sleep(age.saturating_mul(800 + part) / 1000).await;
}
