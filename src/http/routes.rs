//! The table of handlers by path.

use super::refusal::Refusal;
use crate::transport::Origin;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use std::fmt;
use std::sync::Arc;

/// A handler for requests whose body was read completely.
#[derive(Clone)]
pub struct Handler(Arc<Answering>);

type Answering =
    dyn Fn(Request<Bytes>, Arc<Origin>) -> BoxFuture<'static, Response<Bytes>> + Send + Sync;

impl Handler {
    /// Creates a handler from `answer`, which also gets the caller.
    pub fn new<F>(answer: impl Fn(Request<Bytes>, Arc<Origin>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response<Bytes>> + Send + 'static,
    {
        Self(Arc::new(move |request, origin| Box::pin(answer(request, origin))))
    }

    pub(super) fn call(
        &self,
        request: Request<Bytes>,
        origin: Arc<Origin>,
    ) -> BoxFuture<'static, Response<Bytes>> {
        (self.0)(request, origin)
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Handler")
    }
}

/// The fallback for requests without a route; it sees only the request head.
pub type Fallback = fn(&Parts) -> Response<Bytes>;

/// The handler for a path and method.
#[derive(Clone, Debug)]
pub struct Route {
    /// The name in metrics.
    pub name: &'static str,
    /// The whole path without query, as written on the wire.
    pub path: String,
    /// The method; HEAD is handled like GET.
    pub method: Method,
    /// The required content type, in lower case and without parameters.
    pub content_type: Option<&'static str>,
    /// The largest body, in bytes.
    pub body_bytes: usize,
    /// The handler.
    pub handler: Handler,
}

/// The table of routes, and the fallback.
#[derive(Clone, Debug)]
pub struct Routes {
    routes: Vec<Route>,
    fallback: Option<(&'static str, Fallback)>,
}

/// The result of a look-up in the table.
pub(super) enum Found<'r> {
    Route(&'r Route),
    /// The name in metrics, and the fallback.
    Fallback(&'static str, Fallback),
}

impl Routes {
    /// A table without a fallback: other paths do not exist.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        Self { routes, fallback: None }
    }

    /// Adds a fallback for all other paths; `name` is for metrics.
    #[must_use]
    pub fn or_else(self, name: &'static str, fallback: Fallback) -> Self {
        Self { fallback: Some((name, fallback)), ..self }
    }

    pub(super) fn find(&self, head: &Parts) -> Result<Found<'_>, Refusal> {
        let path = head.uri.path();
        let mut here = self.routes.iter().filter(|route| route.path == path).peekable();
        if here.peek().is_none() {
            let (name, fallback) = self.fallback.ok_or(Refusal::NotFound)?;
            return Ok(Found::Fallback(name, fallback));
        }
        let route = here.clone().find(|route| route.takes(&head.method));
        let route = route.ok_or_else(|| {
            let methods: Vec<_> = here.map(|route| route.allow()).collect();
            Refusal::MethodNotAllowed { allow: methods.join(", ") }
        })?;
        match route.content_type {
            Some(expected) if !is_of(head, expected) => {
                Err(Refusal::UnsupportedMediaType { expected })
            }
            _ => Ok(Found::Route(route)),
        }
    }
}

impl Route {
    fn takes(&self, method: &Method) -> bool {
        self.method == *method || (self.method == Method::GET && *method == Method::HEAD)
    }

    fn allow(&self) -> &str {
        if self.method == Method::GET { "GET, HEAD" } else { self.method.as_str() }
    }
}

/// Returns true if the body has this content type, with any parameters (RFC 9110, section 8.3.1).
fn is_of(head: &Parts, expected: &str) -> bool {
    let mut fields = head.headers.get_all(CONTENT_TYPE).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else { return false };
    let kind = HeaderValue::as_bytes(field).split(|byte| *byte == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(expected.as_bytes())
}
