//! The traits of request handlers for connections.

use crate::dispatch::Account;
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use jwtd_core::policy::Caller;
use std::sync::Arc;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// The peer of a connection.
#[derive(Debug)]
pub struct Origin {
    /// The identity, from the operating system or the handshake.
    pub caller: Caller,
    /// The account that its requests are charged to.
    pub account: Arc<Account>,
}

/// Creates a [`Front`] for each connection.
pub trait Door: Clone + Send + Sync + 'static {
    /// The handler of one connection.
    type Front: Front;

    /// Opens a connection of `origin`.
    fn open(&self, origin: Arc<Origin>) -> Self::Front;
}

/// Handles the requests of one connection.
pub trait Front: Send + Sync + 'static {
    /// The body of a response.
    type Body: Body<Data = Bytes, Error: Into<AnyError>> + Send + Unpin + 'static;
    /// The error of a request without a response: its connection ends, or its stream is reset.
    type Error: Into<AnyError> + Send;

    /// Handles a request. The extensions of the response are kept until its body is sent.
    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Self::Body>, Self::Error>> + Send + use<Self>;
}
