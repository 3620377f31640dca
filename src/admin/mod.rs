//! Floor 8: serves probes and metrics over HTTP on its own thread and runtime, so that they respond
//! while every worker thread is busy.

mod hosts;
mod readiness;

pub use readiness::Readiness;

use crate::clock::Clock;
use crate::config::AdminHosts;
use crate::escape::escaped_lines;
use crate::telemetry::supervisor::{self, Duty};
use hosts::Host;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The most connections served at once; probes and scrapers are few.
const CONNECTIONS: usize = 64;

/// Serves probes and metrics at `address` under `hosts`, on a thread that lives as long as the
/// process. Returns the bound address, which differs from `address` for port 0.
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
    let listener = {
        let _inside = runtime.enter();
        TcpListener::from_std(socket)?
    };
    let hosts = Arc::new(hosts);
    let serve = move || runtime.block_on(serve(&listener, &hosts, &readiness));
    supervisor::thread(Duty::Admin, Clock::system(), serve)?;
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
        // Close the oldest connection: idle peers that hold all connections must not keep out a
        // probe, whose request takes only moments.
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
                // The `Date` writer of hyper panics before 1970 and after 9999.
                .auto_date_header(false)
                .header_read_timeout(Duration::from_secs(5))
                .max_buf_size(16 * 1024)
                .serve_connection(TokioIo::new(stream), answer);
            tokio::time::timeout(Duration::from_secs(60), connection).await.ok();
        }));
        // Yield, so that a flood of new connections does not starve the accepted ones.
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
        // A process that responds is alive. Missing keys do not count, because a restart would not
        // bring them.
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
    // Parts of the text may come from issuers.
    let shown = match escaped_lines(&text) {
        Cow::Owned(shown) => Some(shown),
        Cow::Borrowed(_) => None,
    };
    let mut response = Response::new(Full::new(Bytes::from(shown.unwrap_or(text))));
    *response.status_mut() = status;
    let kind = http::HeaderValue::from_static(kind);
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    response
}
