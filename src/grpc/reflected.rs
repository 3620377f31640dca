//! Requests of reflection, read before its library reads them: at one that it cannot read, it ends
//! the call as if all were well.

use super::messages::whole;
use super::status::CallFault;
use bytes::BytesMut;
use prost::Message as _;
use tonic_reflection::pb::v1::ServerReflectionRequest;

/// The requests of one call. Those of `v1alpha` look the same.
#[derive(Debug, Default)]
pub(super) struct Reflected(BytesMut);

impl Reflected {
    /// Reads what was received of whole messages.
    ///
    /// # Errors
    /// At a message that is no request.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), CallFault> {
        self.0.extend_from_slice(piece);
        while let Some(message) = whole(&mut self.0)? {
            let read = ServerReflectionRequest::decode(message);
            read.map_err(|_| CallFault::MessageMalformed)?;
        }
        if self.0.is_empty() {
            // Nothing is kept between messages.
            self.0 = BytesMut::new();
        }
        Ok(())
    }
}
