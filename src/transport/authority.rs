//! Repairs the `:authority` that some gRPC clients send over Unix sockets.
//!
//! C-core (Python, C++, Ruby, PHP), Java and Swift send the path of the socket, often
//! percent-encoded, which the `h2` crate refuses as an invalid authority. The offending characters
//! `%`, `/` and the space are replaced by valid ones, in place and at equal length, so that both
//! sides' header tables stay in step (RFC 7541, section 4.1). Nothing else changes. Forms that are
//! not recognized pass unchanged: a field name by its index in the dynamic table, which no client
//! uses for `:authority`, because that has an index in the static table. A field that is taken
//! whole from the dynamic table was repaired when it was added.

mod fields;
mod frames;
mod huffman;

use frames::Frames;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose incoming HTTP/2 frames are repaired. It must start after the connection preface.
#[derive(Debug)]
pub struct AuthorityRepair<S> {
    stream: S,
    frames: Frames,
}

impl<S> AuthorityRepair<S> {
    /// Repairs the incoming frames of `stream`.
    #[must_use]
    pub fn new(stream: S) -> Self {
        Self { stream, frames: Frames::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for AuthorityRepair<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let Self { stream, frames } = &mut *self;
        let outcome = Pin::new(stream).poll_read(context, buffer);
        if let Some(fresh) = buffer.filled_mut().get_mut(before..) {
            frames.repair(fresh);
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for AuthorityRepair<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
