//! A plain hyper server on one thread: the cost of HTTP/2 and a gRPC call without a daemon. It
//! reads the body of each request to its end and responds with fixed bytes; it uses the daemon's
//! HTTP/2 settings.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use jwtd::config::Connection;
use std::convert::Infallible;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::net::{UnixListener, UnixStream};

pub(crate) fn serve(socket: &Path, reply: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let reply = std::fs::read(reply)?;
    // Not compressed, and the length (gRPC over HTTP/2, Length-Prefixed-Message).
    let mut message = BytesMut::with_capacity(5 + reply.len());
    message.put_u8(0);
    message.put_u32(u32::try_from(reply.len())?);
    message.put_slice(&reply);
    let message = message.freeze();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = UnixListener::bind(socket)?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(converse(stream, message.clone()));
        }
    })
}

async fn converse(stream: UnixStream, message: Bytes) -> hyper::Result<()> {
    const WINDOW: u32 = 1024 * 1024;

    let settings = Connection::default();
    let service = service_fn(move |request: Request<Incoming>| {
        let message = message.clone();
        async move {
            let mut body = request.into_body();
            while let Some(frame) = body.frame().await {
                frame?;
            }
            let mut answer = Response::new(Reply(Some(message), false));
            let kind = HeaderValue::from_static("application/grpc");
            answer.headers_mut().insert("content-type", kind);
            hyper::Result::Ok(answer)
        }
    });
    http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .max_concurrent_streams(128)
        .max_header_list_size(settings.header_list_bytes)
        .max_frame_size(settings.frame_bytes)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .keep_alive_interval(settings.keepalive_interval)
        .keep_alive_timeout(settings.keepalive_timeout)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

/// A message, and the trailers that report success.
struct Reply(Option<Bytes>, bool);

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(message) = self.0.take() {
            return Poll::Ready(Some(Ok(Frame::data(message))));
        }
        if std::mem::replace(&mut self.1, true) {
            return Poll::Ready(None);
        }
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.1
    }
}
