//! Writes messages into as much room as they need. How much a request may take is told
//! before it comes here: see `grpc/weight`.

use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

/// As [`ProstCodec`], with the room for a message taken at once.
#[derive(Debug)]
pub struct SizedCodec<T, U>(ProstCodec<T, U>);

/// What it writes with.
#[derive(Debug)]
pub struct SizedEncoder<T>(ProstEncoder<T>);

impl<T, U> Default for SizedCodec<T, U> {
    fn default() -> Self {
        Self(ProstCodec::default())
    }
}

impl<T, U> Codec for SizedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = SizedEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        SizedEncoder(self.0.encoder())
    }

    fn decoder(&mut self) -> Self::Decoder {
        self.0.decoder()
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
