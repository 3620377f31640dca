//! Sets up connections: the handshake, the identity of the peer, and the protocol.

use super::authority::AuthorityRepair;
use super::caller;
use super::client_chain::Session;
use super::door::Door;
use super::listener::Stream;
use super::preface::{Begun, begun};
use super::server::Server;
use super::tls::Tls;
use super::unencrypted;
use crate::certificates::words;
use crate::dispatch::Permit;
use crate::telemetry::{ConnectionEnd, ShedCause, limited};
use jwtd_core::policy::Caller;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

/// The longest time that requests may continue after the client's certificate expired, even if
/// `max_age_grace` is longer.
const CERTIFICATE_GRACE: Duration = Duration::from_secs(10);

impl<D: Door> Server<D> {
    /// Serves one connection, which holds `place`. It ends when the client is done, or when `stop`
    /// is canceled and the calls are done.
    pub(super) async fn converse(
        self,
        stream: Stream,
        place: Permit,
        stop: &CancellationToken,
    ) -> ConnectionEnd {
        match stream {
            Stream::Tcp(stream) => match self.in_time(begun(stream), stop).await {
                Ok(begun) => self.serve_begun(begun, Caller::Unknown, place, stop).await,
                Err(end) => end,
            },
            // Boxed, so that other connections do not reserve the size that TLS needs.
            Stream::Tls(stream, tls) => Box::pin(self.converse_tls(stream, tls, place, stop)).await,
            Stream::Unix(stream) => {
                let caller = caller::of_unix(&stream);
                match self.in_time(begun(stream), stop).await {
                    Ok(Begun::Http2(stream)) => {
                        let stream = stream.map(AuthorityRepair::new);
                        self.http2(stream, caller, place, stop).await
                    }
                    Ok(begun) => self.serve_begun(begun, caller, place, stop).await,
                    Err(end) => end,
                }
            }
        }
    }

    async fn serve_begun<T>(
        self,
        begun: Begun<T>,
        caller: Caller,
        place: Permit,
        stop: &CancellationToken,
    ) -> ConnectionEnd
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match begun {
            // Boxed like TLS, because these connections are few.
            Begun::Http1(stream) => Box::pin(self.http1(stream, caller, place, stop)).await,
            Begun::Http2(stream) => self.http2(stream, caller, place, stop).await,
        }
    }

    async fn converse_tls(
        self,
        stream: TcpStream,
        tls: Arc<Tls>,
        mut place: Permit,
        stop: &CancellationToken,
    ) -> ConnectionEnd {
        let (begun, caller, session) = match self.in_time(self.encrypt(stream, &tls), stop).await {
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
        let mut serving = pin!(self.serve_begun(begun, caller, place, &stop));
        tokio::select! {
            end = serving.as_mut() => return end,
            () = uncertified => stop.cancel(),
        }
        match timeout(grace, serving).await {
            Ok(_) => ConnectionEnd::Certificate,
            Err(_) => ConnectionEnd::Cut,
        }
    }

    /// Charges the connection to the peer that its certificate names; returns false if that exceeds
    /// the peer's share.
    fn name(&self, place: &mut Permit, caller: &Caller) -> bool {
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
            limited!(self.clock, DEBUG, %error, "no encrypted connection");
            counted.tls_failed.inc();
            ConnectionEnd::Handshake
        };
        if unencrypted::is_http(&stream).await {
            unencrypted::answer(stream).await;
            return Err(refuse(&"an HTTP request without TLS"));
        }
        let (stream, session) =
            tls.accept(stream).await.map_err(|error| refuse(&words::of_io(&error)))?;
        let caller = caller::of_tls(&stream)
            .map_err(|_| refuse(&"the names in the certificate are ambiguous or cannot be read"))?;
        counted.tls_ok.inc();
        Ok((begun(stream).await?, caller, session))
    }

    /// Closes a connection that misses the handshake deadline or a shutdown.
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
}
