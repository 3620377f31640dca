//! Answers for people.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};

/// An answer of plain text. It holds nothing that the client wrote, and a browser must not take
/// it for something else.
#[must_use]
pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Bytes> {
    let mut answer = Response::new(text.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
