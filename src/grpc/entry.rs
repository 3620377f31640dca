//! Refuses calls by what is known before their bodies are read.

use super::methods;
use super::status::{CallFault, code_name};
use crate::clock::Clock;
use crate::engine::Engine;
use futures_util::future::{Either, Ready, ready};
use http::{Request, Response};
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::Status;

/// Stands before the services.
#[derive(Clone, Debug)]
pub struct Entry<S> {
    inner: S,
    engine: Arc<Engine>,
    clock: Clock,
}

impl<S> Entry<S> {
    /// Before these services.
    pub fn new(inner: S, engine: Arc<Engine>, clock: Clock) -> Self {
        Self { inner, engine, clock }
    }

    /// Why a call is refused.
    fn refusal<B>(&self, request: &Request<B>) -> Option<CallFault> {
        let is_authorization = methods::is_authorization(request.uri().path());
        if is_authorization && self.engine.current.load().http().is_none() {
            let fault = CallFault::NotConfigured { setting: "ext_authz" };
            let mut call = self.engine.metrics.call("unary", "Check", &self.clock);
            call.end(code_name(fault.code()));
            return Some(fault);
        }
        None
    }
}

impl<S, B> tower::Service<Request<B>> for Entry<S>
where
    S: tower::Service<Request<B>, Response = Response<tonic::body::Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<Ready<Result<Self::Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.refusal(&request) {
            Some(fault) => Either::Left(ready(Ok(Status::from(fault).into_http()))),
            None => Either::Right(self.inner.call(request)),
        }
    }
}
