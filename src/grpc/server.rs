//! Accepts connections, serves HTTP/2 on them, and drains them before a hard
//! deadline. tonic's own loop spins when descriptors run out, lifts the bound on
//! streams, and can hang on a silent peer for ever; this one does not.

use super::authority::AuthorityRepair;
use super::body::{Metered, MeteredLayer};
use super::listener::{Listener, Stream};
use crate::sched::Budget;
use crate::telemetry::ShedCause;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt as _};

/// What connections need.
#[derive(Clone, Debug)]
pub struct Server<S> {
    /// Answers requests.
    pub service: S,
    /// Meters their bodies.
    pub metered: MeteredLayer,
    /// The bound on connections.
    pub connections: Arc<Budget>,
    /// The bound on calls at once on a connection.
    pub streams: u32,
}

/// How a client begins every HTTP/2 connection (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long a client may take to begin.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait when the operating system has no more descriptors.
const BACK_OFF: Duration = Duration::from_millis(100);

impl<S> Server<S>
where
    S: Service<Request<Metered<Incoming>>, Response = Response<tonic::body::Body>>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    /// Accepts connections on all `listeners` until `stop`, then lets calls end;
    /// those that have not ended after `patience` are cut off. Returns how many
    /// connections were cut.
    pub async fn serve(
        self,
        listeners: Vec<Listener>,
        stop: CancellationToken,
        patience: Duration,
    ) -> usize {
        let tasks = TaskTracker::new();
        let cut = CancellationToken::new();
        let loops = listeners.into_iter().map(|listener| {
            let (server, stop, cut, tasks) =
                (self.clone(), stop.clone(), cut.clone(), tasks.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = server.accept(&listener, &stop, &cut, &tasks) => {}
                }
                // The listener is dropped here: its socket closes, its file goes.
            })
        });
        let loops: Vec<_> = loops.collect();
        for accepting in loops {
            accepting.await.ok();
        }
        tasks.close();
        if tokio::time::timeout(patience, tasks.wait()).await.is_ok() {
            return 0;
        }
        let left = tasks.len();
        cut.cancel();
        tasks.wait().await;
        left
    }

    async fn accept(
        &self,
        listener: &Listener,
        stop: &CancellationToken,
        cut: &CancellationToken,
        tasks: &TaskTracker,
    ) {
        let mut last_warning: Option<Instant> = None;
        loop {
            let stream = match listener.accept().await {
                Ok(stream) => stream,
                Err(error) if is_of_the_peer(&error) => continue,
                Err(error) => {
                    // One line in five seconds: the log must not make it worse.
                    if last_warning.is_none_or(|last| last.elapsed() > Duration::from_secs(5)) {
                        last_warning = Some(Instant::now());
                        tracing::warn!(listener = listener.endpoint(), %error, "cannot accept");
                    }
                    tokio::time::sleep(BACK_OFF).await;
                    continue;
                }
            };
            let Some(leave) = self.connections.take(1) else {
                self.metered.metrics.shed(ShedCause::Connections);
                continue;
            };
            let (server, stop, cut) = (self.clone(), stop.clone(), cut.clone());
            tasks.spawn(async move {
                let _leave = leave;
                tokio::select! {
                    () = cut.cancelled() => {}
                    () = server.converse(stream, &stop) => {}
                }
            });
        }
    }

    async fn converse(self, stream: Stream, stop: &CancellationToken) {
        match stream {
            Stream::Tcp(stream) => {
                if let Some(stream) = begun(stream, stop).await {
                    self.http2(stream, stop).await;
                }
            }
            Stream::Unix(stream) => {
                if let Some(stream) = begun(stream, stop).await {
                    self.http2(stream.map(AuthorityRepair::new), stop).await;
                }
            }
        }
    }

    async fn http2<T>(self, stream: Begun<T>, stop: &CancellationToken)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let streams = self.streams;
        let Self { service, metered, .. } = self;
        let service = service_fn(move |request| service.clone().oneshot(metered.apply(request)));
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(streams)
            .max_header_list_size(8 * 1024)
            .max_pending_accept_reset_streams(20)
            .max_local_error_reset_streams(256)
            .initial_stream_window_size(1024 * 1024)
            .initial_connection_window_size(1024 * 1024)
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(10))
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended");
        }
    }
}

/// Whether an error of `accept` speaks of one connection and not of ourselves.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
            | io::ErrorKind::PermissionDenied
    )
}

/// Waits for the preface. A peer that does not send it holds no HTTP/2 state, and
/// is let go after a while.
async fn begun<T: AsyncRead + Unpin>(mut stream: T, stop: &CancellationToken) -> Option<Begun<T>> {
    let mut preface = [0; PREFACE.len()];
    let read = tokio::time::timeout(PREFACE_TIMEOUT, stream.read_exact(&mut preface));
    let read = tokio::select! {
        read = read => read,
        () = stop.cancelled() => return None,
    };
    let fits = matches!(read, Ok(Ok(_))) && preface == *PREFACE;
    fits.then_some(Begun { stream, replayed: 0 })
}

/// A stream whose preface was read and is handed out once more.
#[derive(Debug)]
struct Begun<T> {
    stream: T,
    replayed: usize,
}

impl<T> Begun<T> {
    fn map<U>(self, wrap: impl FnOnce(T) -> U) -> Begun<U> {
        Begun { stream: wrap(self.stream), replayed: self.replayed }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Begun<T> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        let rest = PREFACE.get(self.replayed..).unwrap_or_default();
        if rest.is_empty() {
            return std::pin::Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let now = rest.get(..rest.len().min(buffer.remaining())).unwrap_or_default();
        buffer.put_slice(now);
        self.replayed += now.len();
        std::task::Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Begun<T> {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        std::pin::Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> std::task::Poll<io::Result<usize>> {
        std::pin::Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
