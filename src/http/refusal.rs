//! The reasons for refusing a request without its handler's response.

use super::text::text;
use bytes::Bytes;
use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// The client disconnected, or sent malformed framing.
    BodyBroken,
    /// The body did not arrive in time.
    BodyLate,
    /// The body exceeds the handler's limit.
    BodyTooLarge { limit: usize },
    /// The handler did not respond in time.
    HandlerLate,
    /// The path has handlers, but not for this method.
    MethodNotAllowed { allow: String },
    /// No handler has this path.
    NotFound,
    /// The limit on bytes in flight is reached.
    Overloaded,
    /// The handler expects another content type.
    UnsupportedMediaType { expected: &'static str },
}

impl Refusal {
    pub(super) fn answer(self) -> Response<Bytes> {
        match self {
            Self::BodyBroken => text(StatusCode::BAD_REQUEST, "the body is incomplete\n"),
            Self::BodyLate => text(StatusCode::REQUEST_TIMEOUT, "the body took too long\n"),
            Self::BodyTooLarge { limit } => {
                let what = format!("the body is larger than {limit} bytes\n");
                text(StatusCode::PAYLOAD_TOO_LARGE, what)
            }
            Self::HandlerLate => retry("the handler took too long; fix: try again\n"),
            Self::MethodNotAllowed { allow } => {
                let what = format!("method not allowed; fix: use {allow}\n");
                let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, what);
                // Methods are tokens (RFC 9110, section 9.1).
                if let Ok(allow) = HeaderValue::try_from(allow) {
                    answer.headers_mut().insert(ALLOW, allow);
                }
                answer
            }
            Self::NotFound => text(StatusCode::NOT_FOUND, "nothing is served at this path\n"),
            Self::Overloaded => retry("too many bytes in flight; fix: try again\n"),
            Self::UnsupportedMediaType { expected } => {
                let what = format!("content type not supported; fix: send {expected}\n");
                text(StatusCode::UNSUPPORTED_MEDIA_TYPE, what)
            }
        }
    }
}

fn retry(what: &'static str) -> Response<Bytes> {
    let mut answer = text(StatusCode::SERVICE_UNAVAILABLE, what);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}
