//! Decodes the messages of one call. Its buffer is released between messages: tonic's decoder keeps
//! the buffer of the largest message until the end of the stream.

use super::status::CallFault;
use bytes::{Buf as _, Bytes, BytesMut};
use http_body::Body;
use prost::Message;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tonic::Status;
use tonic::codegen::StdError;

/// The messages of one call.
#[derive(Debug)]
pub(super) struct Messages<B> {
    body: B,
    /// The received and undecoded bytes. Because pieces arrive as complete messages, it is empty
    /// while the call is idle.
    buffer: BytesMut,
}

impl<B> Messages<B>
where
    B: Body<Data = Bytes, Error: Into<StdError>> + Unpin,
{
    pub(super) fn new(body: B) -> Self {
        Self { body, buffer: BytesMut::new() }
    }

    /// Polls for the next message.
    pub(super) fn poll_next<M: Message + Default>(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<M, Status>>> {
        loop {
            match whole(&mut self.buffer) {
                Err(fault) => return Poll::Ready(Some(Err(fault.into()))),
                Ok(Some(message)) => {
                    let decoded = M::decode(message);
                    let decoded = decoded.map_err(|_| CallFault::MessageMalformed.into());
                    return Poll::Ready(Some(decoded));
                }
                Ok(None) => {}
            }
            if self.buffer.is_empty() {
                // Also releases the buffer.
                self.buffer = BytesMut::new();
            }
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        self.buffer.extend_from_slice(&piece);
                    }
                }
                Some(Err(error)) => {
                    return Poll::Ready(Some(Err(Status::from_error(error.into()))));
                }
                None if self.buffer.is_empty() => return Poll::Ready(None),
                None => {
                    return Poll::Ready(Some(Err(CallFault::MessageIncomplete.into())));
                }
            }
        }
    }

    /// Polls for the end of a call with one message, which is stored in `only`.
    pub(super) fn poll_only<M: Message + Default>(
        &mut self,
        context: &mut Context<'_>,
        only: &mut Option<M>,
    ) -> Poll<Result<(), Status>> {
        while let Some(message) = ready!(self.poll_next(context)) {
            if only.replace(message?).is_some() {
                return Poll::Ready(Err(CallFault::MessageMore.into()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Splits off the first message of the buffer, if it is complete (gRPC over HTTP/2,
/// Length-Prefixed-Message).
pub(super) fn whole(buffer: &mut BytesMut) -> Result<Option<Bytes>, CallFault> {
    /// The flag and the length field.
    const PREFIX: usize = 5;

    let Some(&[flag, a, b, c, d]) = buffer.first_chunk::<PREFIX>() else { return Ok(None) };
    if flag != 0 {
        return Err(CallFault::Compressed);
    }
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    let missing = length.saturating_add(PREFIX).saturating_sub(buffer.len());
    if missing > 0 {
        // Reserve no more than twice the received bytes: an announced length alone must not
        // allocate.
        buffer.reserve(missing.min(buffer.len()));
        return Ok(None);
    }
    buffer.advance(PREFIX);
    Ok(Some(buffer.split_to(length).freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_whole_and_only_if_they_are_not_compressed() {
        let all = [&[0, 0, 0, 0, 3][..], b"abc", &[0; 5], &[0, 0, 0, 0, 1], b"d"].concat();
        for size in 1..=all.len() {
            let (mut buffer, mut found) = (BytesMut::new(), Vec::new());
            for piece in all.chunks(size) {
                buffer.extend_from_slice(piece);
                while let Some(message) = whole(&mut buffer).unwrap() {
                    found.push(message);
                }
            }
            assert_eq!(found, [&b"abc"[..], b"", b"d"], "in pieces of {size}");
            assert!(buffer.is_empty());
        }
        for flag in [1, 2, 255] {
            assert!(whole(&mut BytesMut::from(&[flag, 0, 0, 0, 0][..])).is_err());
        }
        let mut long = BytesMut::from(&[0, 0, 0xff, 0xff, 0xff][..]);
        assert!(whole(&mut long).unwrap().is_none() && long.capacity() < 100);
    }
}
