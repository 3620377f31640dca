//! The way of each call of a connection to the services and back: refused at once, or
//! metered and answered.

use super::authz;
use super::body::{Metered, MeteredLayer};
use super::lease::Lease;
use super::messages::Handover;
use super::method::Rpc;
use super::served::Served;
use super::shapes;
use super::stream;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::transport::{self, Origin};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tonic::body::Body;
use tower::ServiceExt as _;

/// What answers the calls that are let in.
pub trait Service:
    tower::Service<
        Request<Metered<Incoming>>,
        Response = Response<Body>,
        Future: Send,
        Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
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
            Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
        > + Clone
        + Send
        + Sync
        + 'static
{
}

/// A call that is let in, and what is kept with the answer if it stays open.
type Begun<B> = (Request<Metered<B>>, Option<Lease>);

/// Answers the calls of all connections.
#[derive(Clone, Debug)]
pub struct Door<S> {
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
}

impl<S: Service> transport::Door for Door<S> {
    type Front = Front<S>;

    fn open(&self, origin: Arc<Origin>) -> Front<S> {
        Front::new(self.clone(), origin)
    }
}

/// Answers the calls of one connection.
#[derive(Debug)]
pub struct Front<S> {
    service: S,
    metered: MeteredLayer,
    origin: Arc<Origin>,
    served: Served,
    patience: Duration,
}

impl<S: Service> transport::Front for Front<S> {
    type Body = Body;
    type Error = S::Error;

    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Body>, S::Error>> + Send + use<S> {
        self.call(request)
    }
}

impl<S> Front<S> {
    /// Answers calls of `origin`.
    pub fn new(door: Door<S>, origin: Arc<Origin>) -> Self {
        let Door { service, metered, engine, clock, patience } = door;
        Self { service, metered, origin, served: Served::new(engine, clock), patience }
    }

    /// Answers a call. If it stays open, what it holds is kept with the answer.
    ///
    /// # Errors
    /// Those of the service.
    pub fn call<B>(
        &self,
        request: Request<B>,
    ) -> impl Future<Output = Result<Response<Body>, S::Error>> + use<B, S>
    where
        B: http_body::Body<Data = Bytes, Error: Into<tonic::codegen::StdError>>,
        B: Send + Unpin + 'static,
        S: tower::Service<Request<Metered<B>>, Response = Response<Body>> + Clone,
    {
        let is_check = shapes::is_authorization(request.uri().path());
        let denied = move |answer| if is_check { authz::deny(answer) } else { answer };
        let begun = self.begin(request).map(|(request, lease)| {
            let answering = self.service.clone().oneshot(request);
            (answering, lease)
        });
        async move {
            let (answering, lease) = match begun {
                Ok(begun) => begun,
                Err(answer) => return Ok(denied(*answer)),
            };
            let mut answer = denied(stream::with_answers(answering.await?));
            if let Some(lease) = lease {
                // The fields are gone, and the answer may be silent for long.
                lease.settle();
                answer.extensions_mut().insert(lease);
            }
            Ok(answer)
        }
    }

    fn begin<B>(&self, request: Request<B>) -> Result<Begun<B>, Box<Response<Body>>>
    where
        B: http_body::Body<Data = Bytes, Error: Into<tonic::codegen::StdError>>,
        B: Send + Unpin + 'static,
    {
        if let Some(status) = refusal(&request) {
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = status;
            return Err(answer.into());
        }
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
        let lease = request.extensions().get::<Lease>().filter(|_| rpc.places > 0).cloned();
        Ok((request, lease))
    }
}

/// Refuses what is no call of gRPC: tonic looks at the path alone (gRPC over HTTP/2,
/// Request-Headers).
fn refusal<B>(request: &Request<B>) -> Option<StatusCode> {
    if request.method() != Method::POST {
        return Some(StatusCode::METHOD_NOT_ALLOWED);
    }
    let kind = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    match kind.and_then(|kind| kind.strip_prefix(b"application/grpc")) {
        Some([] | [b'+' | b';', ..]) => None,
        _ => Some(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    }
}
