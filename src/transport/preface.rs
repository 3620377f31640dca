//! The first bytes of a connection. A peer that does not send them holds no state of
//! HTTP/2.

use crate::telemetry::ConnectionEnd;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// How a client begins every HTTP/2 connection (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Waits for the preface.
pub(super) async fn begun<T: AsyncRead + Unpin>(mut stream: T) -> Result<Begun<T>, ConnectionEnd> {
    let mut preface = [0; PREFACE.len()];
    match stream.read_exact(&mut preface).await {
        Ok(_) if preface == *PREFACE => Ok(Begun { stream, replayed: 0 }),
        Ok(_) => Err(ConnectionEnd::NotHttp2),
        Err(_) => Err(ConnectionEnd::Peer),
    }
}

/// A stream whose preface was read and is handed out once more.
#[derive(Debug)]
pub(super) struct Begun<T> {
    stream: T,
    replayed: usize,
}

impl<T> Begun<T> {
    pub(super) fn map<U>(self, wrap: impl FnOnce(T) -> U) -> Begun<U> {
        Begun { stream: wrap(self.stream), replayed: self.replayed }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Begun<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = PREFACE.get(self.replayed..).unwrap_or_default();
        if rest.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let now = rest.get(..rest.len().min(buffer.remaining())).unwrap_or_default();
        buffer.put_slice(now);
        self.replayed += now.len();
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Begun<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
