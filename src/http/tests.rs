//! Tests of the table of handlers: dispatch, and the messages of refusals.

use super::door::Admitted;
use super::*;
use crate::clock::VirtualClock;
use crate::dispatch::{Admission, Amounts, Peer, Permit, Resource};
use crate::telemetry::Metrics;
use crate::transport::{Door as _, Origin};
use ::http::{Method, Request, Response, StatusCode, Version};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, Full, StreamBody};
use jwtd_core::jose::UnixTime;
use jwtd_core::policy::Caller;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The limit of bytes in flight: a request and 64 KiB.
const ROOM: usize = (4 << 10) + (64 << 10);

fn route(method: Method, path: &str, handler: Handler) -> Route {
    let (name, path) = ("test", path.to_owned());
    Route { name, path, method, content_type: None, body_bytes: 16, handler }
}

/// A handler that describes the request.
fn echo() -> Handler {
    Handler::new(async |request: Request<Bytes>, origin: Arc<Origin>| {
        let Origin { caller, account } = &*origin;
        let held = account.held(Resource::Bytes);
        let said = format!("{} {:?} {caller:?}", request.method(), request.body());
        assert!(held >= request.body().len(), "its bytes count while it is handled");
        Response::new(said.into())
    })
}

/// A handler that never responds.
fn silent() -> Handler {
    Handler::new(async |_, _| std::future::pending().await)
}

fn table() -> Routes {
    let token = Route {
        content_type: Some("application/x-www-form-urlencoded"),
        body_bytes: 200_000,
        ..route(Method::POST, "/token", echo())
    };
    Routes::new(vec![
        route(Method::GET, "/keys", echo()),
        route(Method::PUT, "/keys", echo()),
        token,
        route(Method::GET, "/silent", silent()),
    ])
}

/// Creates the front of a door to `routes`, with `patience` for all timeouts.
fn front(routes: Routes, patience: Duration) -> (Front, Arc<Metrics>, Arc<Admission>) {
    let admission = Admission::new(Amounts { bytes: ROOM, ..Amounts::default() });
    let origin = Origin { caller: Caller::Unknown, account: admission.account(Peer::Unknown) };
    let (metrics, clock) = (Arc::new(Metrics::new()), VirtualClock::at(UnixTime::from_seconds(0)));
    let bounds = Bounds { receive_timeout: patience, call_timeout: patience };
    let door = Door::new(routes, bounds, Arc::clone(&metrics), clock.clock());
    (door.open(Arc::new(origin)), metrics, admission)
}

type Said = (StatusCode, String);

async fn said(response: Response<Full<Bytes>>) -> Said {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.into()).unwrap())
}

fn request(method: Method, path: &str, body: &'static str) -> Request<Full<Bytes>> {
    Request::builder().method(method).uri(path).body(body.into()).unwrap()
}

#[tokio::test]
async fn a_request_finds_its_handler_by_path_and_method() {
    let (front, metrics, admission) = front(table(), SECOND);
    let get = async |method, path| said(front.call(request(method, path, "")).await).await;
    let found = async |method: Method, path| {
        let expected = format!("{method} b\"\" Unknown");
        assert_eq!(get(method, path).await, (StatusCode::OK, expected), "{path}");
    };
    found(Method::GET, "/keys").await;
    found(Method::PUT, "/keys?marker").await;
    for path in ["/", "/key", "/keys/", "//keys", "/Keys", "/%6beys", "/x/../keys", "/marker"] {
        let (status, what) = get(Method::GET, path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(!what.contains("marker"), "{what}");
    }
    let refused = front.call(request(Method::DELETE, "/keys", "")).await;
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(refused.headers()["allow"], "GET, HEAD, PUT");
    drop(refused);
    let metrics = metrics.render();
    for line in [
        "jwtd_http_requests_total{code=\"200\",handler=\"test\"} 2",
        "jwtd_http_requests_total{code=\"404\",handler=\"none\"} 8",
        "jwtd_http_requests_total{code=\"405\",handler=\"none\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    assert_eq!(admission.taken(Resource::Bytes), 0);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let (front, ..) = front(table(), SECOND);
    let answer = front.call(request(Method::HEAD, "/keys", "")).await;
    assert_eq!(answer.headers()["content-length"], "16");
    assert_eq!(said(answer).await, (StatusCode::OK, String::new()));
}

#[tokio::test]
async fn a_body_has_its_type_and_its_size() {
    let (front, metrics, admission) = front(table(), SECOND);
    let post = async |kinds: &[&str], body: Full<Bytes>| {
        let mut request = Request::post("/token");
        for kind in kinds {
            request = request.header("content-type", *kind);
        }
        front.call(request.body(body).unwrap()).await
    };
    let form = "application/x-www-form-urlencoded";
    for kind in [form, "Application/X-WWW-Form-Urlencoded; charset=utf-8"] {
        assert_eq!(post(&[kind], "a=b".into()).await.status(), StatusCode::OK, "{kind}");
    }
    for kinds in [&[][..], &["application/json"], &[""], &[form, form]] {
        let refused = post(kinds, "a=b".into()).await;
        assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kinds:?}");
    }
    // By the announced length, and by the received bytes.
    let put = |body| request(Method::PUT, "/keys", body);
    assert_eq!(front.call(put("sixteen letters.")).await.status(), StatusCode::OK);
    let (status, what) = said(front.call(put("seventeen letters")).await).await;
    assert_eq!(
        (status, &*what),
        (StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 16 bytes\n")
    );
    let pieces = ["sixteen ", "letters.", "."].map(|piece| Ok(Frame::data(Bytes::from(piece))));
    let body =
        StreamBody::new(futures_util::stream::iter(pieces.map(|one: Result<_, Infallible>| one)));
    let answer = front.call(Request::put("/keys").body(body).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    drop(answer);
    // More than may be in flight, though less than the handler's limit.
    let refused = post(&[form], vec![b'x'; 100_000].into()).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(metrics.render().contains("jwtd_shed_total{cause=\"bytes\"} 1"));
    drop(refused);
    assert_eq!(admission.taken(Resource::Bytes), 0);
}

#[tokio::test]
async fn nobody_waits_for_a_body_or_a_handler_without_end() {
    let (front, _, admission) = front(table(), Duration::ZERO);
    let begun = futures_util::stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from("a")))]);
    let body = StreamBody::new(begun.chain(futures_util::stream::pending()));
    let answer = said(front.call(Request::put("/keys").body(body).unwrap()).await).await;
    assert_eq!(answer.0, StatusCode::REQUEST_TIMEOUT);
    let broken = futures_util::stream::iter([Err::<Frame<Bytes>, _>("reset")]);
    let body = StreamBody::new(broken);
    let answer = said(front.call(Request::put("/keys").body(body).unwrap()).await).await;
    assert_eq!(answer.0, StatusCode::BAD_REQUEST);
    let answer = said(front.call(request(Method::GET, "/silent", "")).await).await;
    assert_eq!(answer.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(admission.taken(Resource::Bytes), 0);
}

/// Checks that bytes after an unread body are not parsed as a request (RFC 9112, section 9.3).
#[tokio::test]
async fn a_connection_of_http_1_goes_on_only_behind_a_body_that_was_read() {
    let (front, ..) = front(table(), SECOND);
    for (version, path, body, closes) in [
        (Version::HTTP_11, "/keys", "short", false),
        (Version::HTTP_11, "/keys", "longer than sixteen", true),
        (Version::HTTP_11, "/other", "short", true),
        (Version::HTTP_2, "/keys", "longer than sixteen", false),
    ] {
        let mut request = request(Method::PUT, path, body);
        *request.version_mut() = version;
        let answer = front.call(request).await;
        assert_eq!(answer.headers().contains_key("connection"), closes, "{path} {body}");
    }
}

#[tokio::test]
async fn every_answer_keeps_what_its_request_takes_until_it_is_sent() {
    let (front, _, admission) = front(table().or_else(not_grpc::NAME, not_grpc::answer), SECOND);
    for (method, path) in [(Method::GET, "/keys"), (Method::DELETE, "/keys"), (Method::GET, "/no")]
    {
        let mut answer = front.call(request(method, path, "")).await;
        assert_eq!(admission.taken(Resource::Bytes), 4 << 10, "{path}");
        assert!(answer.extensions_mut().remove::<Arc<Permit>>().is_none(), "not only encoded");
        drop(answer.extensions_mut().remove::<Admitted>());
        assert_eq!(admission.taken(Resource::Bytes), 0, "{path}");
    }
    // When the limit is reached, only clients that get a single response get an explanation.
    let all = admission.account(Peer::User(0)).charge(Resource::Bytes, 1 << 40);
    for (version, words) in [(Version::HTTP_11, true), (Version::HTTP_2, false)] {
        for path in ["/keys", "/no"] {
            let mut request = request(Method::GET, path, "");
            *request.version_mut() = version;
            let answer = front.call(request).await;
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(!answer.body().is_end_stream(), words, "{version:?} {path}");
        }
    }
    drop(all);
}

#[tokio::test]
async fn a_fallback_answers_what_no_route_takes() {
    let (front, ..) = front(table().or_else(not_grpc::NAME, not_grpc::answer), SECOND);
    let status = async |method, path, version| {
        let mut request = request(method, path, "");
        *request.version_mut() = version;
        front.call(request).await.status()
    };
    assert_eq!(status(Method::GET, "/keys", Version::HTTP_11).await, StatusCode::OK);
    let (one, two) = (Version::HTTP_11, Version::HTTP_2);
    assert_eq!(status(Method::GET, "/", one).await, StatusCode::HTTP_VERSION_NOT_SUPPORTED);
    assert_eq!(status(Method::GET, "/", two).await, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(status(Method::POST, "/", two).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    // A path of the table is not passed to the fallback.
    assert_eq!(status(Method::POST, "/keys", two).await, StatusCode::METHOD_NOT_ALLOWED);
}
