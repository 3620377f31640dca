//! Detects the protocol of a connection from its first bytes. Until a peer sends them, it holds no
//! HTTP state.

use crate::telemetry::ConnectionEnd;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// The first bytes of every HTTP/2 connection (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The longest HTTP/1 method that is recognized. The longest one registered with IANA has 17
/// letters.
const METHOD: usize = 20;

/// A connection whose protocol is known.
#[derive(Debug)]
pub(super) enum Begun<T> {
    /// HTTP/1, recognized by a method. Its parser checks the rest of the request.
    Http1(Replayed<T>),
    /// HTTP/2, recognized by its preface.
    Http2(Replayed<T>),
}

/// Reads until the protocol is clear.
pub(super) async fn begun<T: AsyncRead + Unpin>(mut stream: T) -> Result<Begun<T>, ConnectionEnd> {
    let mut first = First { bytes: [0; PREFACE.len()], count: 0 };
    loop {
        match spoken(first.filled()) {
            Spoken::Unclear => {}
            Spoken::Http1 => return Ok(Begun::Http1(Replayed { stream, first, replayed: 0 })),
            Spoken::Http2 => return Ok(Begun::Http2(Replayed { stream, first, replayed: 0 })),
            Spoken::Neither => return Err(ConnectionEnd::NotHttp2),
        }
        let rest = first.bytes.get_mut(first.count..).unwrap_or_default();
        match stream.read(rest).await {
            Ok(0) | Err(_) => return Err(ConnectionEnd::Peer),
            Ok(count) => first.count = first.count.saturating_add(count),
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Spoken {
    Unclear,
    Http1,
    Http2,
    Neither,
}

/// The protocol according to the first bytes.
fn spoken(first: &[u8]) -> Spoken {
    if PREFACE.starts_with(first) {
        return if first.len() == PREFACE.len() { Spoken::Http2 } else { Spoken::Unclear };
    }
    let length = first.iter().position(|byte| *byte == b' ');
    let method = first.get(..length.unwrap_or(first.len())).unwrap_or_default();
    let plausible = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'-';
    match length {
        // `PRI` is reserved for HTTP/2 (RFC 9113, section 11.6).
        _ if method.len() > METHOD || !method.iter().all(plausible) || method == b"PRI" => {
            Spoken::Neither
        }
        Some(0) => Spoken::Neither,
        Some(_) => Spoken::Http1,
        None => Spoken::Unclear,
    }
}

#[derive(Clone, Copy, Debug)]
struct First {
    bytes: [u8; PREFACE.len()],
    count: usize,
}

impl First {
    fn filled(&self) -> &[u8] {
        self.bytes.get(..self.count).unwrap_or_default()
    }
}

/// A stream that returns its already read first bytes again.
#[derive(Debug)]
pub(super) struct Replayed<T> {
    stream: T,
    first: First,
    replayed: usize,
}

impl<T> Replayed<T> {
    pub(super) fn get_ref(&self) -> &T {
        &self.stream
    }

    pub(super) fn map<U>(self, wrap: impl FnOnce(T) -> U) -> Replayed<U> {
        Replayed { stream: wrap(self.stream), first: self.first, replayed: self.replayed }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Replayed<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = self.first.filled().get(self.replayed..).unwrap_or_default();
        if rest.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let now = rest.get(..rest.len().min(buffer.remaining())).unwrap_or_default();
        buffer.put_slice(now);
        let count = now.len();
        self.replayed += count;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Replayed<T> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_protocol() {
        for (first, expected) in [
            (&b""[..], Spoken::Unclear),
            (b"P", Spoken::Unclear),
            (b"PRI", Spoken::Unclear),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", Spoken::Unclear),
            (PREFACE, Spoken::Http2),
            (b"PRI / HTTP/1.1\r\n", Spoken::Neither),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rx", Spoken::Neither),
            (b"PO", Spoken::Unclear),
            (b"POST", Spoken::Unclear),
            (b"POST ", Spoken::Http1),
            (b"PRIX ", Spoken::Http1),
            (b"GET / HTTP/1.1\r\nHost: a", Spoken::Http1),
            (b"VERSION-CONTROL /", Spoken::Http1),
            (b"M-SEARCH * HTTP/1.1", Spoken::Http1),
            (b"AAAAAAAAAAAAAAAAAAAA", Spoken::Unclear),
            (b"AAAAAAAAAAAAAAAAAAAA ", Spoken::Http1),
            (b"AAAAAAAAAAAAAAAAAAAAA", Spoken::Neither),
            (b" ", Spoken::Neither),
            (b"\r\n", Spoken::Neither),
            (b"get / HTTP/1.1", Spoken::Neither),
            (b"GET\t/", Spoken::Neither),
            (b"SSH-2.0-OpenSSH_10.0\r\n", Spoken::Neither),
            (b"\x16\x03\x01", Spoken::Neither),
            (b"\0", Spoken::Neither),
        ] {
            assert_eq!(spoken(first), expected, "{}", first.escape_ascii());
        }
    }

    #[tokio::test]
    async fn what_was_read_is_handed_out_once_more() {
        let sent = [&PREFACE[..], b"and more"].concat();
        for size in 1..=sent.len() {
            let (mut client, server) = tokio::io::duplex(size);
            let expected = sent.clone();
            let sending = async move {
                tokio::io::AsyncWriteExt::write_all(&mut client, &expected).await.unwrap();
                drop(client);
            };
            let reading = async {
                let Ok(Begun::Http2(mut stream)) = begun(server).await else { panic!("HTTP/2") };
                let mut all = Vec::new();
                stream.read_to_end(&mut all).await.unwrap();
                all
            };
            let ((), all) = tokio::join!(sending, reading);
            assert_eq!(all, sent, "in pieces of {size}");
        }
    }

    #[tokio::test]
    async fn a_client_that_leaves_before_it_is_clear_is_no_fault() {
        for sent in [&b""[..], b"PRI * HT", b"GET"] {
            let ended = begun(sent).await;
            assert!(matches!(ended, Err(ConnectionEnd::Peer)), "{ended:?}");
        }
        assert!(matches!(begun(&b"nonsense"[..]).await, Err(ConnectionEnd::NotHttp2)));
    }
}
