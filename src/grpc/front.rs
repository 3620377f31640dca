//! The way of each call of a connection to the services and back: refused at once, or
//! metered and answered. What is no call of gRPC is for another door.

use super::authz;
use super::body::{Metered, MeteredLayer};
use super::call_permits::CallPermits;
use super::counting::Uncounted;
use super::messages::Handover;
use super::method::Rpc;
use super::served::Served;
use super::shapes;
use super::status::CallFault;
use super::stream;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::transport::{self, Origin};
use bytes::Bytes;
use futures_util::future::{Either, TryFutureExt as _};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tonic::Status;
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
        let (plain, served) = (plain.open(Arc::clone(&origin)), Served::new(engine));
        Front { service, metered, origin, served, clock, patience, plain }
    }
}

/// Answers the requests of one connection.
#[derive(Debug)]
pub struct Front<S, P> {
    service: S,
    metered: MeteredLayer,
    origin: Arc<Origin>,
    served: Served,
    clock: Clock,
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
            let http2 = request.version() == Version::HTTP_2;
            let answering = self.plain.answer(request);
            let answering = answering.map_ok(move |answer| {
                let answer = answer.map(Body::new);
                if http2 { with_status(answer) } else { answer }
            });
            let answering = answering.err_into();
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
        let path = request.uri().path();
        let (is_check, method) = (shapes::is_authorization(path), Rpc::counted(path));
        let denied = move |answer| if is_check { authz::deny(answer) } else { answer };
        let (metrics, clock) = (Arc::clone(&self.metered.metrics), self.clock.clone());
        let uncounted = Uncounted { metrics, method, clock };
        let begun = self.begin(request).map(|(request, permits)| {
            let answering = self.service.clone().oneshot(request);
            (answering, permits)
        });
        async move {
            let (answering, permits) = match begun {
                Ok(begun) => begun,
                Err(answer) => return Ok(denied(uncounted.answered(*answer, None))),
            };
            let mut answer = stream::with_answers(answering.await?);
            if let Some(permits) = permits {
                if !permits.is_counted() {
                    answer = uncounted.answered(answer, Some(&permits));
                }
                permits.answered();
                answer.extensions_mut().insert(permits);
            }
            Ok(denied(answer))
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

/// Says also in the way of gRPC that the type of the content is none of it, as grpc-go does: a
/// client that calls with another coding reads the status of the call.
fn with_status(mut answer: Response<Body>) -> Response<Body> {
    if answer.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        let status = Status::from(CallFault::ContentTypeUnsupported);
        status.add_header(answer.headers_mut()).ok();
    }
    answer
}

/// Whether this is a call of gRPC: tonic looks at the path alone (gRPC over HTTP/2,
/// Request-Headers).
fn is_call<B>(request: &Request<B>) -> bool {
    if request.method() != Method::POST {
        return false;
    }
    let kind = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let kind = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    let known = matches!(kind, Some([] | [b'+' | b';', ..])) && kind != Some(b"+json");
    known && request.version() == Version::HTTP_2
}
