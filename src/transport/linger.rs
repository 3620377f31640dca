//! Closes a connection whose client may still be sending. If a socket is closed with unread bytes,
//! TCP resets the connection, and a reset can destroy the response before the client has read it
//! (RFC 9112, section 9.6). So the sending side is closed first, and incoming bytes are discarded
//! for a moment.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// The longest time for discarding bytes.
const LONGEST: Duration = Duration::from_secs(1);

/// The most discarded bytes.
const MOST: usize = 1 << 20;

/// A stream that lingers when it is shut down.
#[derive(Debug)]
pub(super) struct Linger<T> {
    stream: T,
    left: usize,
    /// Set when the sending side is closed.
    end: Option<Pin<Box<Sleep>>>,
}

impl<T> Linger<T> {
    pub(super) fn new(stream: T) -> Self {
        Self { stream, left: MOST, end: None }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Linger<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Linger<T> {
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
        let Self { stream, left, end } = &mut *self;
        if end.is_none() && ready!(Pin::new(&mut *stream).poll_shutdown(context)).is_err() {
            // The client is gone.
            return Poll::Ready(Ok(()));
        }
        let end = end.get_or_insert_with(|| Box::pin(sleep(LONGEST)));
        let mut piece = [0; 4096];
        while *left > 0 && end.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut piece);
            let read = ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer));
            let count = buffer.filled().len();
            if read.is_err() || count == 0 {
                break;
            }
            *left = left.saturating_sub(count);
        }
        Poll::Ready(Ok(()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn what_still_comes_is_thrown_away_up_to_a_bound() {
        let (mut client, server) = tokio::io::duplex(1024);
        let mut server = Linger::new(server);
        let closing = async {
            server.write_all(b"the answer").await.unwrap();
            server.shutdown().await.unwrap();
            server
        };
        // The client sends more than is discarded to a server that reads no more: the limit ends
        // it.
        let sending = async {
            let mut answer = Vec::new();
            client.write_all(&vec![7; MOST]).await.unwrap();
            client.read_to_end(&mut answer).await.unwrap();
            answer
        };
        let (server, answer) = tokio::join!(closing, sending);
        assert_eq!((&answer[..], server.left), (&b"the answer"[..], 0));
    }

    #[tokio::test]
    async fn a_client_that_is_done_is_not_waited_for() {
        let (client, server) = tokio::io::duplex(1024);
        drop(client);
        let mut server = Linger::new(server);
        server.shutdown().await.unwrap();
        assert_eq!(server.left, MOST);
    }
}
