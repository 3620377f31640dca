//! Handlers on their own listener: one connection serves many requests, over HTTP/1.1 and HTTP/2,
//! and each handler receives the identity of the caller.

use crate::support::Folder;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use jwtd::clock::Clock;
use jwtd::config::{Connection, Listen, SocketMode};
use jwtd::dispatch::{Admission, Amounts, Resource, Workers};
use jwtd::http::{Bounds, Door, Handler, Route, Routes};
use jwtd::telemetry::Metrics;
use jwtd::transport::{Inherited, Listener, Origin, Server};
use jwtd_core::policy::Caller;
use jwtd_testkit::launcher::waiting::within;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const MINUTE: Duration = Duration::from_secs(60);

/// Responds with the process that asks, and with its request body.
fn route(method: Method, path: &str) -> Route {
    let handler = Handler::new(async |request: Request<Bytes>, origin: Arc<Origin>| {
        let Caller::Unix { process, .. } = &origin.caller else { panic!("no Unix peer") };
        let own = process.is_some_and(|id| u32::try_from(id) == Ok(std::process::id()));
        Response::new(format!("{own} {}", request.body().len()).into())
    });
    let path = path.to_owned();
    Route { name: "test", path, method, content_type: None, body_bytes: 1000, handler }
}

/// A listener with two handlers.
struct Served {
    metrics: Arc<Metrics>,
    admission: Arc<Admission>,
    stop: CancellationToken,
    serving: JoinHandle<usize>,
}

impl Served {
    /// Stops it, and waits until its connections have released everything: a client sees the end of
    /// a connection before the daemon has cleaned up.
    async fn end(self) -> (Arc<Metrics>, Arc<Admission>) {
        self.stop.cancel();
        let cut = within("the end of the listener", self.serving).await.unwrap();
        assert_eq!(cut, 0, "connections that were cut");
        (self.metrics, self.admission)
    }
}

fn serve(folder: &Folder) -> Served {
    let listen = Listen::Unix { path: folder.path("h.sock"), mode: SocketMode(0o600) };
    let listener = Listener::bind(&listen, &mut Inherited::default()).unwrap();
    let routes = Routes::new(vec![route(Method::POST, "/logout"), route(Method::GET, "/keys")]);
    let bounds = Bounds { receive_timeout: MINUTE, call_timeout: MINUTE };
    let (metrics, clock) = (Arc::new(Metrics::new()), Clock::system());
    let amounts =
        Amounts { bytes: 1 << 20, connections: 16, streams: 16, tokens: 16, ..Amounts::default() };
    let admission = Admission::new(amounts);
    let server = Server {
        door: Door::new(routes, bounds, Arc::clone(&metrics), clock.clone()),
        metrics: Arc::clone(&metrics),
        admission: Arc::clone(&admission),
        workers: Workers::new(Handle::current(), [], &clock),
        streams: 16,
        settings: Connection::default(),
        clock,
    };
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.serve(vec![listener], stop.clone(), MINUTE));
    Served { metrics, admission, stop, serving }
}

fn request(method: Method, path: &str, body: &[u8]) -> Request<Full<Bytes>> {
    let uri = format!("http://localhost{path}");
    let request = Request::builder().method(method).uri(uri).header("host", "localhost");
    request.body(Bytes::copy_from_slice(body).into()).unwrap()
}

async fn said(response: Response<Incoming>) -> (StatusCode, String) {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.into()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_of_http_1_serves_requests_until_one_is_refused() {
    let folder = Folder::new();
    let served = serve(&folder);
    let socket = UnixStream::connect(folder.path("h.sock")).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.unwrap();
    let connection = tokio::spawn(connection);
    for (method, path, body) in [
        (Method::POST, "/logout", &[b'x'; 1000][..]),
        (Method::GET, "/keys", b""),
        (Method::POST, "/logout", b""),
    ] {
        sender.ready().await.unwrap();
        let response = sender.send_request(request(method, path, body)).await.unwrap();
        assert_eq!(said(response).await, (StatusCode::OK, format!("true {}", body.len())));
    }
    sender.ready().await.unwrap();
    let refused = sender.send_request(request(Method::POST, "/logout", &[b'x'; 1001])).await;
    assert_eq!(said(refused.unwrap()).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    within("the end of the connection", connection).await.unwrap().unwrap();
    let (metrics, admission) = served.end().await;
    let metrics = metrics.render();
    for line in [
        "jwtd_http_requests_total{code=\"200\",handler=\"test\"} 3",
        "jwtd_http_requests_total{code=\"413\",handler=\"test\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    assert_eq!(admission.taken(Resource::Bytes), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_of_http_2_serves_requests_whatever_is_refused() {
    let folder = Folder::new();
    let served = serve(&folder);
    let socket = UnixStream::connect(folder.path("h.sock")).await.unwrap();
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(socket));
    let (mut sender, connection) = handshake.await.unwrap();
    let connection = tokio::spawn(connection);
    for (size, status) in [(1001, StatusCode::PAYLOAD_TOO_LARGE), (1000, StatusCode::OK)] {
        let request = request(Method::POST, "/logout", &vec![b'x'; size]);
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(said(response).await.0, status, "{size}");
    }
    // The connection ends when the daemon stops.
    let (_, admission) = served.end().await;
    within("the end of the connection", connection).await.unwrap().unwrap();
    assert_eq!(admission.taken(Resource::Bytes), 0);
}
