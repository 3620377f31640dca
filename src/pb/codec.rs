//! Reads messages, but none that would grow: an empty token takes two bytes on the wire
//! and sixteen times as many in memory. Writes them into as much room as they need.

use prost::Message;
use std::collections::HashMap;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};
use tonic_types::{ErrorDetails, StatusExt as _};

/// As [`ProstCodec`], with a bound on how many fields a message may have.
#[derive(Debug)]
pub struct BoundedCodec<T, U>(ProstCodec<T, U>);

/// What it writes with.
#[derive(Debug)]
pub struct SizedEncoder<T>(ProstEncoder<T>);

/// What it reads with.
#[derive(Debug)]
pub struct BoundedDecoder<U>(ProstDecoder<U>);

impl<T, U> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        Self(ProstCodec::default())
    }
}

impl<T, U> Codec for BoundedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = SizedEncoder<T>;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        SizedEncoder(self.0.encoder())
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder(self.0.decoder())
    }
}

impl<T: Message> Encoder for SizedEncoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, message: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        // Else it doubles time and again, and each time copies what is there.
        buffer.reserve(message.encoded_len());
        self.0.encode(message, buffer)
    }
}

impl<U: Message + Default> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        // A message lies in one piece.
        let message = bytes::Buf::chunk(buffer);
        let limit = FEW.max(message.len() / SMALL);
        if count(message, true, limit) > limit {
            return Err(refusal(limit));
        }
        self.0.decode(buffer)
    }
}

/// So many fields may be as small as they like.
const FEW: usize = 4096;

/// Bytes that fields of a larger message have at least, on average.
const SMALL: usize = 16;

fn refusal(limit: usize) -> Status {
    let metadata = [("field", "tokens".to_owned()), ("limit", limit.to_string())];
    let metadata: HashMap<_, _> =
        metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let details = ErrorDetails::with_error_info("BATCH_TOO_LARGE", "jwtd", metadata);
    let message = format!("the message has more than {limit} fields; send smaller batches");
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// How many fields a message has, those of the messages in it included, or more than
/// `limit`. What is no message is counted as far as it is one: prost refuses it.
fn count(mut message: &[u8], outer: bool, limit: usize) -> usize {
    /// The lowest number of a field that holds a message with fields, in all requests.
    const OPTIONS: u64 = 3;

    let mut fields = 0_usize;
    while fields <= limit
        && let Some(tag) = varint(&mut message)
    {
        fields = fields.saturating_add(1);
        // The kinds of the coding: varint, eight bytes, a length, four bytes; begin and
        // end of a group have nothing behind them.
        let skipped = match tag & 7 {
            0 => varint(&mut message).map(|_| 0),
            1 => Some(8),
            2 => varint(&mut message).and_then(|length| usize::try_from(length).ok()),
            5 => Some(4),
            _ => Some(0),
        };
        let Some((inner, rest)) = skipped.and_then(|size| message.split_at_checked(size)) else {
            break;
        };
        if outer && tag >> 3 >= OPTIONS {
            fields = fields.saturating_add(count(inner, false, limit));
        }
        message = rest;
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in 0..10 {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 127) << (shift * 7);
        if first & 128 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::{VerifyBatchRequest, VerifyOptions};

    #[test]
    fn fields_are_counted_where_messages_hold_them() {
        let tokens = vec![bytes::Bytes::from_static(b"a.b.c"); 300];
        let scopes = vec![String::new(); 70];
        let options = VerifyOptions { scopes, profile: "p".to_owned(), ..Default::default() };
        let mut request = VerifyBatchRequest { tokens, ..Default::default() };
        request.options = Some(options);
        let message = request.encode_to_vec();
        assert_eq!(count(&message, true, usize::MAX), 300 + 1 + 71);
        assert_eq!(count(&message, true, 100), 101);
        for length in 0..message.len() {
            let part = message.get(..length).unwrap_or_default();
            assert!(count(part, true, usize::MAX) <= 372);
        }
        assert_eq!(count(&[0xff; 20], true, 9), 0);
        assert_eq!(count(&[0x0b; 20], true, 9), 10);
    }
}
