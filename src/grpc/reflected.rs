//! Validates reflection requests before the library reads them: on a malformed one, the library
//! would end the call with status OK.

use super::messages::whole;
use super::status::CallFault;
use bytes::BytesMut;
use prost::Message as _;
use tonic_reflection::pb::v1::ServerReflectionRequest;

/// The requests of one call. Those of `v1alpha` have the same form.
#[derive(Debug, Default)]
pub(super) struct Reflected(BytesMut);

impl Reflected {
    /// Reads the received bytes of complete messages.
    ///
    /// # Errors
    /// If a message is not a valid request.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), CallFault> {
        self.0.extend_from_slice(piece);
        while let Some(message) = whole(&mut self.0)? {
            let read = ServerReflectionRequest::decode(message);
            read.map_err(|_| CallFault::MessageMalformed)?;
        }
        if self.0.is_empty() {
            // Keep no buffer between messages.
            self.0 = BytesMut::new();
        }
        Ok(())
    }
}
