//! The way of each call of a connection to the services and back: refused at once, or
//! metered and answered. What is no call of gRPC is for another door.

use super::authz;
use super::body::{Metered, MeteredLayer};
use super::call_permits::CallPermits;
use super::messages::Handover;
use super::method::Rpc;
use super::served::Served;
use super::shapes;
use super::stream;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::transport::{self, Origin};
use bytes::Bytes;
use futures_util::future::{Either, TryFutureExt as _};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, Version};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tonic::body::Body;
use tower::ServiceExt as _;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// What answers the calls that are let in.
pub trait Service:
    tower::Service<
        Request<Metered<Incoming>>,
        Response = Response<Body>,
        Future: Send,
        Error: Into<AnyError> + Send,
    > + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Service for S where
    S: tower::Service<
            Request<Metered<Incoming>>,
            Response = Response<Body>,
            Future: Send,
            Error: Into<AnyError> + Send,
        > + Clone
        + Send
        + Sync
        + 'static
{
}

/// A call that is let in, and what is kept with its answer.
type Begun<B> = (Request<Metered<B>>, Option<CallPermits>);

/// Answers the requests of all connections: calls of gRPC itself, and others by `plain`.
#[derive(Clone, Debug)]
pub struct Door<S, P> {
    /// Answers the calls that are let in.
    pub service: S,
    /// Meters their bodies.
    pub metered: MeteredLayer,
    /// Knows which callers are served.
    pub engine: Arc<Engine>,
    /// The clock of what is counted.
    pub clock: Clock,
    /// How long each message may take to arrive.
    pub patience: Duration,
    /// Answers what is no call of gRPC.
    pub plain: P,
}

impl<S: Service, P: transport::Door> transport::Door for Door<S, P> {
    type Front = Front<S, P::Front>;

    fn open(&self, origin: Arc<Origin>) -> Self::Front {
        let Self { service, metered, engine, clock, patience, plain } = self.clone();
        let (plain, served) = (plain.open(Arc::clone(&origin)), Served::new(engine, clock));
        Front { service, metered, origin, served, patience, plain }
    }
}

/// Answers the requests of one connection.
#[derive(Debug)]
pub struct Front<S, P> {
    service: S,
    metered: MeteredLayer,
    origin: Arc<Origin>,
    served: Served,
    patience: Duration,
    plain: P,
}

impl<S: Service, P: transport::Front> transport::Front for Front<S, P> {
    type Body = Body;
    type Error = AnyError;

    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Body>, AnyError>> + Send + use<S, P> {
        if is_call(&request) {
            // No `async` around it, which would double its size.
            Either::Left(self.call(request).err_into())
        } else {
            let answering = self.plain.answer(request);
            let answering = answering.map_ok(|answer| answer.map(Body::new)).err_into();
            // In a box, so that calls do not hold the room that it needs.
            Either::Right(Box::pin(answering))
        }
    }
}

impl<S, P> Front<S, P> {
    /// Answers a call. What it holds is kept with the answer: a client may leave that where it is.
    ///
    /// # Errors
    /// Those of the service.
    pub fn call<B>(
        &self,
        request: Request<B>,
    ) -> impl Future<Output = Result<Response<Body>, S::Error>> + use<B, S, P>
    where
        B: http_body::Body<Data = Bytes, Error: Into<tonic::codegen::StdError>>,
        B: Send + Unpin + 'static,
        S: tower::Service<Request<Metered<B>>, Response = Response<Body>> + Clone,
    {
        let is_check = shapes::is_authorization(request.uri().path());
        let denied = move |answer| if is_check { authz::deny(answer) } else { answer };
        let begun = self.begin(request).map(|(request, permits)| {
            let answering = self.service.clone().oneshot(request);
            (answering, permits)
        });
        async move {
            let (answering, permits) = match begun {
                Ok(begun) => begun,
                Err(answer) => return Ok(denied(*answer)),
            };
            let mut answer = denied(stream::with_answers(answering.await?));
            if let Some(permits) = permits {
                permits.answered();
                answer.extensions_mut().insert(permits);
            }
            Ok(answer)
        }
    }

    fn begin<B>(&self, request: Request<B>) -> Result<Begun<B>, Box<Response<Body>>>
    where
        B: http_body::Body<Data = Bytes, Error: Into<tonic::codegen::StdError>>,
        B: Send + Unpin + 'static,
    {
        let path = request.uri().path();
        let rpc = Rpc::at(path);
        let served = self.served.check(&self.origin.caller, path, rpc);
        let metered =
            served.and_then(|()| self.metered.apply(request, rpc, &self.origin, self.patience));
        let mut request = metered.map_err(|status| Box::new(status.into_http()))?;
        if rpc.messages && !rpc.names {
            // Read by ourselves, and not by tonic.
            let body = Body::new(request.body_mut().hand_over());
            request.extensions_mut().insert(Handover::new(body));
        }
        let permits = request.extensions().get::<CallPermits>().cloned();
        Ok((request, permits))
    }
}

/// Whether this is a call of gRPC: tonic looks at the path alone (gRPC over HTTP/2,
/// Request-Headers).
fn is_call<B>(request: &Request<B>) -> bool {
    if request.method() != Method::POST {
        return false;
    }
    let kind = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let kind = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    matches!(kind, Some([] | [b'+' | b';', ..])) && request.version() == Version::HTTP_2
}
