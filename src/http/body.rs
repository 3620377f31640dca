//! Reads the whole body of a request within limits.

use super::refusal::Refusal;
use crate::dispatch::Permit;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body;
use std::future::poll_fn;
use std::pin::pin;

/// Reads a body of at most `most` bytes, growing `permit` as they arrive.
pub(super) async fn read<B: Body<Data = Bytes>>(
    body: B,
    most: usize,
    permit: &mut Permit,
) -> Result<Bytes, Refusal> {
    let too_large = Refusal::BodyTooLarge { limit: most };
    if body.size_hint().lower() > u64::try_from(most).unwrap_or(u64::MAX) {
        return Err(too_large);
    }
    let (mut body, mut whole) = (pin!(body), BytesMut::new());
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        let frame = frame.map_err(|_| Refusal::BodyBroken)?;
        // Request trailers carry no information.
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > most.saturating_sub(whole.len()) {
            return Err(too_large);
        }
        if !permit.grow(data.len()) {
            return Err(Refusal::Overloaded);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// The memory of an open request, in bytes: its state and its header fields.
pub(super) fn cost(fields: &HeaderMap) -> usize {
    /// The task and the stream.
    const REQUEST: usize = 4096;
    /// An entry of the map.
    const FIELD: usize = 128;

    let each = fields.iter().map(|(name, value)| FIELD + name.as_str().len() + value.len());
    REQUEST + each.sum::<usize>()
}
