//! What callers and the echo server have in common: the calls, and messages that were
//! encoded before.

use bytes::{BufMut as _, Bytes};
use tonic::Status;
use tonic::codec::{EncodeBuf, Encoder};

pub(crate) const BATCH: &str = "/jwtd.v1.VerifierService/VerifyBatch";
pub(crate) const STREAM: &str = "/jwtd.v1.VerifierService/VerifyStream";

/// Writes messages that are encoded already.
pub(crate) struct RawEncoder;

impl Encoder for RawEncoder {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, bytes: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&bytes);
        Ok(())
    }
}
