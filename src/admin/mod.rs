//! Floor 8: probes and metrics over HTTP, on a thread and a runtime of their own,
//! so that they answer while every worker is busy.

mod hosts;
mod readiness;

pub use readiness::Readiness;

use crate::config::AdminHosts;
use hosts::Host;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How many connections are served at once; probes and scrapers are few.
const CONNECTIONS: usize = 64;

/// Serves probes and metrics at `address` under `hosts`, from a thread that lives as long as
/// the process. Returns the address in fact, for port 0.
///
/// # Errors
/// If the operating system refuses the address or the thread.
pub fn start(
    address: SocketAddr,
    hosts: AdminHosts,
    readiness: Arc<Readiness>,
) -> std::io::Result<SocketAddr> {
    let socket = std::net::TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    let bound = socket.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let serve = move || {
        runtime.block_on(async move {
            match TcpListener::from_std(socket) {
                Ok(listener) => serve(&listener, &Arc::new(hosts), &readiness).await,
                Err(error) => tracing::error!(%error, "probes and metrics are not served"),
            }
        });
    };
    std::thread::Builder::new().name("admin".to_owned()).spawn(serve)?;
    Ok(bound)
}

async fn serve(listener: &TcpListener, hosts: &Arc<AdminHosts>, readiness: &Arc<Readiness>) {
    let mut open: VecDeque<JoinHandle<()>> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        open.retain(|one| !one.is_finished());
        // The oldest gives way: peers that hold all places must not keep a probe waiting,
        // which is answered within moments.
        if open.len() >= CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        let (hosts, readiness) = (Arc::clone(hosts), Arc::clone(readiness));
        open.push_back(tokio::spawn(async move {
            let answer = service_fn(move |request: Request<Incoming>| {
                let answer = match hosts::of(&request, &hosts) {
                    Host::Ours => respond(request.method(), request.uri(), &readiness),
                    Host::Foreign => reply(StatusCode::MISDIRECTED_REQUEST, TEXT, hosts::foreign()),
                    Host::Unclear => {
                        let what = "there must be one `Host`\n".to_owned();
                        reply(StatusCode::BAD_REQUEST, TEXT, what)
                    }
                };
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(5))
                .max_buf_size(16 * 1024)
                .serve_connection(TokioIo::new(stream), answer);
            tokio::time::timeout(Duration::from_secs(60), connection).await.ok();
        }));
        // A crowd that waits to be accepted takes turns with those who were.
        tokio::task::yield_now().await;
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

fn respond(method: &Method, uri: &Uri, readiness: &Readiness) -> Response<Full<Bytes>> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET is served\n".to_owned());
    }
    let probe = |fine: bool| {
        let status = if fine { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let word = if fine { "ok\n" } else { "not ready\n" };
        let verbose = uri.query().is_some_and(|query| query.split('&').any(|one| one == "verbose"));
        reply(status, TEXT, format!("{word}{}", readiness.describe(verbose)))
    };
    match uri.path() {
        // A process that answers is alive; keys have no part in it, because a
        // restart would not bring them.
        "/livez" => reply(StatusCode::OK, TEXT, "ok\n".to_owned()),
        "/readyz" => probe(readiness.is_ready()),
        "/startupz" => probe(readiness.has_started()),
        "/keys" => reply(StatusCode::OK, "application/json", readiness.keys().to_string()),
        "/metrics" => {
            let text = readiness.metrics();
            reply(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text)
        }
        _ => {
            let known = "known are /livez, /readyz, /startupz, /keys and /metrics\n".to_owned();
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
