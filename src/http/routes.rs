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

/// Answers requests whose body was read whole.
#[derive(Clone)]
pub struct Handler(Arc<Answering>);

type Answering =
    dyn Fn(Request<Bytes>, Arc<Origin>) -> BoxFuture<'static, Response<Bytes>> + Send + Sync;

impl Handler {
    /// Answers by `answer`, which is told who asks.
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

/// Answers what no route takes, by its head alone.
pub type Fallback = fn(&Parts) -> Response<Bytes>;

/// What is served at a path by a method.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name in the metrics.
    pub name: &'static str,
    /// Its path, whole and without query, as it is written on the wire.
    pub path: String,
    /// Its method; HEAD is taken for GET.
    pub method: Method,
    /// The type that its body must have, in lower case and without parameters.
    pub content_type: Option<&'static str>,
    /// The largest body.
    pub body_bytes: usize,
    /// What answers.
    pub handler: Handler,
}

/// Routes, and what answers besides.
#[derive(Clone, Debug)]
pub struct Routes {
    routes: Vec<Route>,
    fallback: Option<(&'static str, Fallback)>,
}

/// What a request found in the table.
pub(super) enum Found<'r> {
    Route(&'r Route),
    /// And its name in the metrics.
    Fallback(&'static str, Fallback),
}

impl Routes {
    /// A table whose other paths do not exist.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        Self { routes, fallback: None }
    }

    /// The same, but `fallback` answers at all other paths; `name` is for the metrics.
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

/// Whether the body is of this type, whatever its parameters (RFC 9110, section 8.3.1).
fn is_of(head: &Parts, expected: &str) -> bool {
    let mut fields = head.headers.get_all(CONTENT_TYPE).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else { return false };
    let kind = HeaderValue::as_bytes(field).split(|byte| *byte == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(expected.as_bytes())
}
