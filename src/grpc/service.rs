//! Dispatches calls of the contract and of Envoy directly to their handlers, and others to tonic's
//! router. Contains no rules.

use super::answer::Answer;
use super::authz;
use super::body::Metered;
use super::door::Door;
use super::method::Method;
use super::{revocation, stream, unary};
use crate::config::ServerLimits;
use crate::dispatch::Dispatcher;
use crate::revocation::Ledger;
use bytes::Bytes;
use futures_util::future::{Either, FutureExt as _, ready};
use http::{Request, Response};
use http_body::Body;
use std::sync::Arc;
use tonic::Status;
use tonic::codegen::StdError;
use tonic::service::Routes;
use tower::ServiceExt as _;

/// The handler of admitted calls.
pub trait Service<B>: Clone + Send + Sync + 'static {
    /// Handles a call; `method` is set if it is of the contract or of Envoy.
    fn answer(
        &self,
        method: Option<Method>,
        request: Request<Metered<B>>,
    ) -> impl Future<Output = Response<Answer>> + Send + use<Self, B>;
}

/// The services of the daemon.
#[derive(Clone, Debug)]
pub struct Services {
    door: Arc<Door>,
    others: Routes,
}

impl Services {
    /// Creates the services. With these limits, each call gets a deadline (R80). Revocation is on
    /// if there is a ledger. Calls neither of the contract nor of Envoy go to `others`.
    #[must_use]
    pub fn new(
        dispatcher: Dispatcher,
        limits: &ServerLimits,
        ledger: Option<Ledger>,
        others: Routes,
    ) -> Self {
        Self { door: Arc::new(Door::new(dispatcher, limits, ledger)), others }
    }
}

impl<B> Service<B> for Services
where
    B: Body<Data = Bytes, Error: Into<StdError>> + Send + Unpin + 'static,
{
    fn answer(
        &self,
        method: Option<Method>,
        request: Request<Metered<B>>,
    ) -> impl Future<Output = Response<Answer>> + Send + use<B> {
        let Some(method) = method else {
            let answering = self.others.clone().oneshot(request);
            return Either::Right(answering.map(|Ok(answer)| answer.map(Answer::from)).boxed());
        };
        let (door, clock) = (Arc::clone(&self.door), self.door.clock().clone());
        let call = door.call(method, request.headers());
        // Boxed and dropped with the response: a stream stays open, and must not reserve the size
        // of other calls.
        Either::Right(match method {
            Method::Verify => {
                let decide = async move |message, call: &_| door.verify(message, call).await;
                unary::answer(call, clock, request, decide).map(or_error).boxed()
            }
            Method::VerifyBatch => {
                let decide = async move |message, call: &_| door.verify_batch(message, call).await;
                unary::answer(call, clock, request, decide).map(or_error).boxed()
            }
            Method::Explain => {
                let decide = async move |message, call: &_| door.explain(message, call).await;
                unary::answer(call, clock, request, decide).map(or_error).boxed()
            }
            Method::Check => {
                let decide = async move |message, call: &_| door.check(message, call).await;
                let answering = unary::answer(call, clock, request, decide);
                answering.map(|answered| or_error(answered.or_else(authz::deny))).boxed()
            }
            Method::Revoke => {
                let decide = async move |message, call: &_| door.revoke(message, call).await;
                unary::answer(call, clock, request, decide).map(or_error).boxed()
            }
            Method::Undo => {
                let decide = async move |message, call: &_| door.undo(message, call).await;
                unary::answer(call, clock, request, decide).map(or_error).boxed()
            }
            Method::List => {
                let decide = async move |message, call: &_| door.list(message, call).await;
                unary::answer(call, clock, request, decide).map(or_error).boxed()
            }
            Method::Watch => revocation::watch(door, call, request).map(or_error).boxed(),
            Method::VerifyStream => {
                return Either::Left(ready(stream::answer(door, call, request)));
            }
        })
    }
}

fn or_error(answered: Result<Response<Answer>, Status>) -> Response<Answer> {
    answered.unwrap_or_else(Answer::error)
}
