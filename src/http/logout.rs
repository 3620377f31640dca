//! The handler of OpenID Connect Back-Channel Logout 1.0, section 2.5: the OpenID provider posts a
//! logout token in a form.

use super::routes::{Handler, Route};
use crate::revocation::feeds::{ReceiveFault, Receiver};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use jwtd_core::verify::security_event::EVENT_BYTES;
use serde_json::json;
use std::sync::Arc;

/// The name in metrics.
const NAME: &str = "logout";

/// The form field with the token; its length reduces the largest body.
const FIELD: &[u8] = b"logout_token";

/// The route of a receiver for logout tokens.
#[must_use]
pub fn route(receiver: Arc<Receiver>, path: &str) -> Route {
    let handler = Handler::new(move |request: Request<Bytes>, _| {
        let receiver = Arc::clone(&receiver);
        async move { answer(&receiver, request.body()).await }
    });
    Route {
        name: NAME,
        path: path.to_owned(),
        method: Method::POST,
        content_type: Some("application/x-www-form-urlencoded"),
        body_bytes: EVENT_BYTES,
        handler,
    }
}

async fn answer(receiver: &Receiver, form: &[u8]) -> Response<Bytes> {
    let Some(token) = value(form) else {
        let what = "the form must have one field `logout_token`";
        return refused(StatusCode::BAD_REQUEST, "invalid_request", what);
    };
    match receiver.receive(&token).await {
        Ok(_) => with_status(StatusCode::OK, Bytes::new()),
        Err(fault) if fault.is_transient() => {
            let error = "temporarily_unavailable";
            refused(StatusCode::SERVICE_UNAVAILABLE, error, &fault.to_string())
        }
        Err(ReceiveFault::NotPermitted(_)) => {
            let what = "the issuer may not log this subject out";
            refused(StatusCode::BAD_REQUEST, "invalid_request", what)
        }
        Err(fault) => refused(StatusCode::BAD_REQUEST, "invalid_request", &fault.to_string()),
    }
}

/// An error in the format of OAuth (section 2.8; RFC 6749, section 5.2).
fn refused(status: StatusCode, error: &str, description: &str) -> Response<Bytes> {
    let body = json!({"error": error, "error_description": description}).to_string();
    let mut answer = with_status(status, body.into());
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}

fn with_status(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    // Section 2.8.
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// The token in the form, if the field occurs exactly once (WHATWG URL, section 5.1).
fn value(form: &[u8]) -> Option<Vec<u8>> {
    let fields = form.split(|byte| *byte == b'&');
    let mut values = fields.filter_map(|field| {
        let (name, value) = field.split_at_checked(FIELD.len())?;
        (name == FIELD).then(|| value.strip_prefix(b"=")).flatten()
    });
    match (values.next(), values.next()) {
        (Some(one), None) => decoded(one),
        _ => None,
    }
}

/// Decodes a percent-encoded value.
fn decoded(value: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut plain = Vec::with_capacity(value.len());
    let mut bytes = value.iter();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (bytes.next().and_then(digit)?, bytes.next().and_then(digit)?);
                u8::try_from(high.saturating_mul(16).saturating_add(low)).ok()?
            }
            byte => *byte,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_the_one_field_of_its_name() {
        let text = |form: &str| value(form.as_bytes()).map(|one| String::from_utf8(one).unwrap());
        let found = |token: &str| Some(token.to_owned());
        assert_eq!(text("logout_token=a.b.c"), found("a.b.c"));
        assert_eq!(text("x=1&logout_token=a%2eb%2Ec&y"), found("a.b.c"));
        assert_eq!(text("logout_token=a+b"), found("a b"));
        assert_eq!(text("logout_token="), found(""));
        for bad in [
            "",
            "logout_token",
            "logout_tokens=a",
            "xlogout_token=a",
            "logout_token=a&logout_token=a",
            "logout_token=a%2",
            "logout_token=%zz",
        ] {
            assert_eq!(text(bad), None, "{bad}");
        }
    }
}
