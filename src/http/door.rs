//! Routes each plain HTTP request to its handler.

use super::body::{cost, read};
use super::refusal::Refusal;
use super::routes::{Found, Route, Routes};
use crate::clock::Clock;
use crate::dispatch::{Permit, Resource};
use crate::telemetry::{Metrics, ShedCause};
use crate::transport::{self, Origin};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, Version};
use http_body::Body;
use http_body_util::Full;
use hyper::body::Incoming;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// The timeouts of a request.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The timeout for receiving its body.
    pub receive_timeout: Duration,
    /// The timeout for its handler.
    pub call_timeout: Duration,
}

/// Handles the requests of all connections by a table of handlers.
#[derive(Clone, Debug)]
pub struct Door(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    routes: Routes,
    bounds: Bounds,
    metrics: Arc<Metrics>,
    clock: Clock,
}

impl Door {
    /// Creates a door for `routes`.
    #[must_use]
    pub fn new(routes: Routes, bounds: Bounds, metrics: Arc<Metrics>, clock: Clock) -> Self {
        Self(Arc::new(Shared { routes, bounds, metrics, clock }))
    }
}

impl transport::Door for Door {
    type Front = Front;

    fn open(&self, origin: Arc<Origin>) -> Front {
        Front { shared: Arc::clone(&self.0), origin }
    }
}

/// Handles the requests of one connection.
#[derive(Debug)]
pub struct Front {
    shared: Arc<Shared>,
    origin: Arc<Origin>,
}

impl transport::Front for Front {
    type Body = Full<Bytes>;
    type Error = Infallible;

    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send + use<> {
        let answering = self.call(request);
        async move { Ok(answering.await) }
    }
}

/// A response and its origin.
struct Answered {
    answer: Response<Bytes>,
    /// The name of the handler, for metrics.
    by: &'static str,
    /// True if the request body was read to its end.
    whole: bool,
}

/// The permit of a request, kept until its response is sent.
#[derive(Clone, Debug)]
pub(super) struct Admitted {
    _permit: Arc<Permit>,
}

impl Front {
    /// Handles a request.
    pub(super) fn call<B>(
        &self,
        request: Request<B>,
    ) -> impl Future<Output = Response<Full<Bytes>>> + use<B>
    where
        B: Body<Data = Bytes>,
    {
        let (shared, origin) = (Arc::clone(&self.shared), Arc::clone(&self.origin));
        async move {
            let (head, body) = request.into_parts();
            let (method, version) = (head.method.clone(), head.version);
            let Answered { mut answer, by, whole } = shared.answer(head, body, origin).await;
            shared.metrics.http_answered(by, answer.status());
            if version < Version::HTTP_2 && !whole {
                // The rest of an unread body on the connection must not be parsed as the next
                // request.
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                // Otherwise hyper adds `keep-alive` for HTTP/1.0 clients that asked for it.
                *answer.version_mut() = version;
            }
            if method == Method::HEAD {
                let length = std::mem::take(answer.body_mut()).len();
                answer.headers_mut().insert(CONTENT_LENGTH, length.into());
            }
            answer.map(Full::new)
        }
    }
}

impl Shared {
    async fn answer<B>(&self, head: Parts, body: B, origin: Arc<Origin>) -> Answered
    where
        B: Body<Data = Bytes>,
    {
        let by = |found: &Result<Found<'_>, Refusal>| match found {
            Ok(Found::Fallback(by, _)) => *by,
            Ok(Found::Route(route)) => route.name,
            Err(_) => "none",
        };
        let (found, version) = (self.routes.find(&head), head.version);
        let by = by(&found);
        // Every response needs a permit, because over HTTP/2 it may wait for its client.
        let permit = origin.account.take(Resource::Bytes, cost(&head.headers));
        let Some(mut permit) = permit else {
            self.metrics.shed(ShedCause::Bytes);
            let mut answer = Refusal::Overloaded.answer();
            if version >= Version::HTTP_2 {
                // Without a body the response cannot wait, and holds nothing.
                answer.body_mut().clear();
            }
            return Answered { answer, by, whole: false };
        };
        let handled = match found {
            Ok(Found::Fallback(_, fallback)) => Ok((fallback(&head), false)),
            Ok(Found::Route(route)) => {
                let handled = self.handle(route, head, body, origin, &mut permit).await;
                handled.map(|answer| (answer, true))
            }
            Err(refusal) => Err(refusal),
        };
        let (mut answer, whole) = handled.unwrap_or_else(|refusal| {
            if refusal == Refusal::Overloaded {
                self.metrics.shed(ShedCause::Bytes);
            }
            (refusal.answer(), false)
        });
        answer.extensions_mut().insert(Admitted { _permit: Arc::new(permit) });
        Answered { answer, by, whole }
    }

    async fn handle<B>(
        &self,
        route: &Route,
        head: Parts,
        body: B,
        origin: Arc<Origin>,
        permit: &mut Permit,
    ) -> Result<Response<Bytes>, Refusal>
    where
        B: Body<Data = Bytes>,
    {
        let reading = read(body, route.body_bytes, permit);
        let body = self.clock.timeout(self.bounds.receive_timeout, reading).await;
        let body = body.unwrap_or(Err(Refusal::BodyLate))?;
        let handling = route.handler.call(Request::from_parts(head, body), origin);
        let answer = self.clock.timeout(self.bounds.call_timeout, handling).await;
        answer.ok_or(Refusal::HandlerLate)
    }
}
