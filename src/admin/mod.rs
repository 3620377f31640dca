//! Floor 8: probes and metrics over HTTP, on a thread and a runtime of their own,
//! so that they answer while every worker is busy.

use crate::engine::Engine;
use crate::keys::KeyState;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Whether the daemon can take calls.
#[derive(Debug)]
pub struct Readiness {
    engine: Arc<Engine>,
    /// For each issuer, by its place, whether its keys may be missing.
    optional: Vec<bool>,
    draining: AtomicBool,
}

impl Readiness {
    /// Ready as soon as every issuer that is not `optional` has keys.
    #[must_use]
    pub fn new(engine: Arc<Engine>, optional: Vec<bool>) -> Self {
        Self { engine, optional, draining: AtomicBool::new(false) }
    }

    /// From now on not ready, for good.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether calls can be taken.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed) && self.has_keys()
    }

    fn has_keys(&self) -> bool {
        let snapshot = self.engine.current.load();
        snapshot.issuers().iter().all(|(index, issuer)| {
            self.optional.get(index.get()).copied().unwrap_or(false)
                || matches!(issuer.keys(), KeyState::Held { .. })
        })
    }

    /// A line for each issuer.
    fn describe(&self) -> String {
        let mut text = String::new();
        for (_, issuer) in self.engine.current.load().issuers().iter() {
            let state = match issuer.keys() {
                KeyState::Held { set, .. } => format!("{} keys", set.keys().len()),
                KeyState::Unavailable => "no keys".to_owned(),
            };
            writeln!(text, "issuer {}: {state}", issuer.name()).ok();
        }
        text
    }
}

/// How many connections are served at once; probes and scrapers are few.
const CONNECTIONS: usize = 64;

/// Serves probes and metrics at `address`, from a thread that lives as long as the
/// process. Returns the address in fact, for port 0.
///
/// # Errors
/// If the operating system refuses the address or the thread.
pub fn start(address: SocketAddr, readiness: Arc<Readiness>) -> std::io::Result<SocketAddr> {
    let socket = std::net::TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    let bound = socket.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let serve = move || {
        runtime.block_on(async move {
            match TcpListener::from_std(socket) {
                Ok(listener) => serve(&listener, &readiness).await,
                Err(error) => tracing::error!(%error, "probes and metrics are not served"),
            }
        });
    };
    std::thread::Builder::new().name("admin".to_owned()).spawn(serve)?;
    Ok(bound)
}

async fn serve(listener: &TcpListener, readiness: &Arc<Readiness>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // Waiting for a place before accepting leaves the rest in the backlog.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let readiness = Arc::clone(readiness);
        tokio::spawn(async move {
            let answer = service_fn(move |request: Request<Incoming>| {
                let answer = respond(request.method(), request.uri().path(), &readiness);
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(5))
                .max_buf_size(16 * 1024)
                .serve_connection(TokioIo::new(stream), answer);
            tokio::time::timeout(Duration::from_secs(60), connection).await.ok();
            drop(place);
        });
    }
}

fn respond(method: &Method, path: &str, readiness: &Readiness) -> Response<Full<Bytes>> {
    const TEXT: &str = "text/plain; charset=utf-8";
    if !matches!(*method, Method::GET | Method::HEAD) {
        return reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET is served\n".to_owned());
    }
    let probe = |fine: bool| {
        let status = if fine { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let word = if fine { "ok\n" } else { "not ready\n" };
        reply(status, TEXT, format!("{word}{}", readiness.describe()))
    };
    match path {
        // A process that answers is alive; keys have no part in it, because a
        // restart would not bring them.
        "/livez" => reply(StatusCode::OK, TEXT, "ok\n".to_owned()),
        "/readyz" => probe(readiness.is_ready()),
        "/startupz" => probe(readiness.has_keys()),
        "/metrics" => {
            let text = readiness.engine.metrics.render();
            reply(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text)
        }
        _ => {
            let known = "known are /livez, /readyz, /startupz and /metrics\n".to_owned();
            reply(StatusCode::NOT_FOUND, TEXT, known)
        }
    }
}

fn reply(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let kind = http::HeaderValue::from_static(kind);
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    response
}
