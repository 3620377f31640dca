//! Routes each request of a connection to the services: refuses it at once, or meters and handles
//! it. Requests that are not gRPC calls go to another door.

use super::answer::Answer;
use super::authz;
use super::body::MeteredLayer;
use super::calls::Calls;
use super::counting::Uncounted;
use super::method::{Method, Rpc, library};
use super::served::Served;
use super::service::Service;
use super::status::{CallFault, code_name};
use crate::clock::Clock;
use crate::engine::Engine;
use crate::transport::{self, Origin};
use bytes::Bytes;
use futures_util::future::{Either, FutureExt as _, TryFutureExt as _, ready};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tonic::Status;
use tonic::body::Body;
use tonic::metadata::MetadataValue;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Handles the requests of all connections: gRPC calls by the services, others by `plain`.
#[derive(Clone, Debug)]
pub struct Door<S, P> {
    /// Handles the admitted calls.
    pub service: S,
    /// Meters the bodies of calls.
    pub metered: MeteredLayer,
    /// Knows the callers that are served.
    pub engine: Arc<Engine>,
    /// The metrics of calls that are refused before their body is read.
    pub calls: Calls,
    /// The clock for metrics.
    pub clock: Clock,
    /// The time in which each message must arrive.
    pub patience: Duration,
    /// Handles requests that are not gRPC calls.
    pub plain: P,
}

impl<S: Service<Incoming>, P: transport::Door> transport::Door for Door<S, P> {
    type Front = Front<S, P::Front>;

    fn open(&self, origin: Arc<Origin>) -> Self::Front {
        let Self { service, metered, engine, calls, clock, patience, plain } = self.clone();
        let (plain, served) = (plain.open(Arc::clone(&origin)), Served::new(engine));
        Front { service, metered, origin, served, calls, clock, patience, plain }
    }
}

/// Handles the requests of one connection.
#[derive(Debug)]
pub struct Front<S, P> {
    service: S,
    metered: MeteredLayer,
    origin: Arc<Origin>,
    served: Served,
    calls: Calls,
    clock: Clock,
    patience: Duration,
    plain: P,
}

impl<S: Service<Incoming>, P: transport::Front> transport::Front for Front<S, P> {
    type Body = Answer;
    type Error = AnyError;

    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Answer>, AnyError>> + Send + use<S, P> {
        if is_call(&request) {
            // Not wrapped in an `async` block, which would double its size.
            Either::Left(self.call(request).map(Ok))
        } else {
            let http2 = request.version() == Version::HTTP_2;
            let answering = self.plain.answer(request);
            let answering = answering.map_ok(move |answer| {
                let answer = answer.map(|body| Body::new(body).into());
                if http2 { with_status(answer) } else { answer }
            });
            // Boxed, so that the futures of calls stay small.
            Either::Right(Box::pin(answering.err_into()))
        }
    }
}

impl<S, P> Front<S, P> {
    /// Handles a call. Its permits are kept with the response, because a client may delay reading
    /// it.
    pub fn call<B>(
        &self,
        request: Request<B>,
    ) -> impl Future<Output = Response<Answer>> + use<B, S, P>
    where
        B: http_body::Body<Data = Bytes, Error: Into<tonic::codegen::StdError>>,
        B: Send + Unpin + 'static,
        S: Service<B>,
    {
        let path = request.uri().path();
        let rpc = Rpc::at(path);
        let uncounted = rpc.method.is_none().then(|| self.uncounted(path));
        let checked = self.served.check(&self.origin.caller, rpc);
        // The libraries check the encoding themselves.
        let checked = match rpc.method {
            Some(_) => checked.and_then(|()| is_plain(request.headers())),
            None => checked,
        };
        let metered =
            checked.and_then(|()| self.metered.apply(request, rpc, &self.origin, self.patience));
        match metered {
            Ok(request) => {
                let permits = request.body().permits().clone();
                Either::Left(self.service.answer(rpc.method, request).map(|mut answer| {
                    permits.answered();
                    if let Some(uncounted) = uncounted {
                        answer = uncounted.answered(answer, permits.clone());
                    }
                    answer.body_mut().keep(permits);
                    answer
                }))
            }
            Err(status) => Either::Right(ready(self.refuse(rpc.method, uncounted, status))),
        }
    }

    fn uncounted(&self, path: &str) -> Uncounted {
        let (metrics, clock) = (Arc::clone(&self.metered.metrics), self.clock.clone());
        Uncounted { metrics, method: library(path), clock }
    }

    /// Refuses a call before any of its body is read.
    fn refuse(
        &self,
        method: Option<Method>,
        uncounted: Option<Uncounted>,
        status: Status,
    ) -> Response<Answer> {
        let code = code_name(status.code());
        match (method, uncounted) {
            (Some(method), _) => self.calls.of(method).begin(&self.clock).end(code),
            (None, Some(uncounted)) => uncounted.end(code),
            (None, None) => {}
        }
        let denied = match method {
            Some(Method::Check) => authz::deny(status),
            _ => Err(status),
        };
        denied.unwrap_or_else(Answer::error)
    }
}

/// Checks that the messages of a call are not compressed (gRPC over HTTP/2, Message-Encoding).
///
/// # Errors
/// If they are; the status lists the accepted encodings in `grpc-accept-encoding`.
fn is_plain(headers: &HeaderMap) -> Result<(), Status> {
    if headers.get("grpc-encoding").is_none_or(|coding| coding == "identity") {
        return Ok(());
    }
    let mut status = Status::from(CallFault::CompressionUnsupported);
    status.metadata_mut().insert("grpc-accept-encoding", MetadataValue::from_static("identity"));
    Err(status)
}

/// Adds a gRPC status to a response that refuses the content type, as grpc-go does: a client that
/// uses another encoding reads the status of the call.
fn with_status(mut answer: Response<Answer>) -> Response<Answer> {
    if answer.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        let status = Status::from(CallFault::ContentTypeUnsupported);
        status.add_header(answer.headers_mut()).ok();
    }
    answer
}

/// Returns true for a gRPC call, which needs the right method and content type; tonic checks only
/// the path (gRPC over HTTP/2, Request-Headers).
fn is_call<B>(request: &Request<B>) -> bool {
    if request.method() != http::Method::POST {
        return false;
    }
    let kind = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let kind = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    let known = matches!(kind, Some([] | [b'+' | b';', ..])) && kind != Some(b"+json");
    known && request.version() == Version::HTTP_2
}
