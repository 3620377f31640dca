//! What answers the requests that come over connections.

use crate::dispatch::Account;
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use jwtd_core::policy::Caller;
use std::sync::Arc;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Who is at the other end of a connection.
#[derive(Debug)]
pub struct Origin {
    /// As the operating system or the handshake tells it.
    pub caller: Caller,
    /// The share that its requests are taken from.
    pub account: Arc<Account>,
}

/// Makes a [`Front`] for each connection.
pub trait Door: Clone + Send + Sync + 'static {
    /// Answers the requests of one connection.
    type Front: Front;

    /// Begins a connection of `origin`.
    fn open(&self, origin: Arc<Origin>) -> Self::Front;
}

/// Answers the requests of one connection.
pub trait Front: Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<AnyError>> + Send + Unpin + 'static;
    /// Why a request has no answer: its connection ends, or its stream is reset.
    type Error: Into<AnyError> + Send;

    /// Answers a request. What the answer has among its extensions is kept until its body is
    /// sent.
    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Self::Body>, Self::Error>> + Send + use<Self>;
}
