//! The handler of push-based delivery of security event tokens (RFC 8935): the transmitter posts
//! one token at a time.

use super::authorization::{Authorization, Authorized};
use super::routes::{Handler, Route};
use crate::revocation::feeds::{ReceiveFault, Receiver};
use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use jwtd_core::verify::security_event::EVENT_BYTES;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

/// The name in metrics.
const NAME: &str = "security_events";

/// The route of a receiver for security event tokens. With an authorization file, the transmitter
/// must send one of its tokens.
#[must_use]
pub fn route(receiver: Arc<Receiver>, path: &str, authorization: Option<PathBuf>) -> Route {
    let clock = receiver.handle().clock().clone();
    let authorization = authorization.map(|file| Arc::new(Authorization::new(file, clock)));
    let handler = Handler::new(move |request: Request<Bytes>, _| {
        let (receiver, authorization) = (Arc::clone(&receiver), authorization.clone());
        async move { answer(&receiver, authorization.as_deref(), &request).await }
    });
    Route {
        name: NAME,
        path: path.to_owned(),
        method: Method::POST,
        content_type: Some("application/secevent+jwt"),
        body_bytes: EVENT_BYTES,
        handler,
    }
}

async fn answer(
    receiver: &Receiver,
    authorization: Option<&Authorization>,
    request: &Request<Bytes>,
) -> Response<Bytes> {
    if let Some(authorization) = authorization {
        let mut fields = request.headers().get_all(AUTHORIZATION).iter();
        let field = fields.next().filter(|_| fields.next().is_none());
        match authorization.check(field).await {
            Authorized::Yes => {}
            Authorized::No => {
                receiver.refuse_sender();
                let what = "the transmitter is not authorized";
                let status = StatusCode::UNAUTHORIZED;
                let mut answer = refused(status, "authentication_failed", what);
                let bearer = HeaderValue::from_static("Bearer");
                answer.headers_mut().insert(WWW_AUTHENTICATE, bearer);
                return answer;
            }
            Authorized::Unknown(what) => {
                receiver.fail(&what);
                return unavailable();
            }
        }
    }
    match receiver.receive(request.body()).await {
        Ok(_) => with_status(StatusCode::ACCEPTED, Bytes::new()),
        Err(fault) if fault.is_transient() => unavailable(),
        Err(ReceiveFault::NotPermitted(_)) => {
            let what = "the transmitter may not revoke this subject";
            refused(StatusCode::BAD_REQUEST, "access_denied", what)
        }
        Err(fault) => refused(StatusCode::BAD_REQUEST, fault.err(), &fault.to_string()),
    }
}

/// An error (RFC 8935, section 2.3).
fn refused(status: StatusCode, err: &str, description: &str) -> Response<Bytes> {
    let body = json!({"err": err, "description": description}).to_string();
    let mut answer = with_status(status, body.into());
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static("en"));
    answer
}

/// An error that makes the transmitter keep the event and retry.
fn unavailable() -> Response<Bytes> {
    let mut answer = with_status(StatusCode::SERVICE_UNAVAILABLE, Bytes::new());
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

fn with_status(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
