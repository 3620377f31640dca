//! Messages encoded in advance, for the callers and the echo server.

use bytes::{BufMut as _, Bytes};
use tonic::Status;
use tonic::codec::{EncodeBuf, Encoder};

/// Writes messages that are already encoded.
pub(crate) struct RawEncoder;

impl Encoder for RawEncoder {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, bytes: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&bytes);
        Ok(())
    }
}
