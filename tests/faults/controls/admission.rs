//! Many requests that never complete.

use crate::client::{Calls as _, JWTD};
use crate::process::{ISS, local};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http_body_util::StreamBody;
use hyper::Request;
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jwtd_testkit::measured::Seen;
use std::convert::Infallible;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

pub(super) const NAME: &str = "64 requests of 3 MiB that never end, in_flight_bytes 16 MiB";
pub(super) const EXPECTED: &str = "at most 116 MiB of memory; the rest refused; well after";

const MIB: u64 = 1 << 20;

/// The memory limit under any load: the cache, 64 MiB by default; 16 MiB in flight; 32 MiB; and 64
/// KiB for each of 64 connections.
const MOST: u64 = (64 + 16 + 32 + 4) * MIB;

/// The pieces of a message that are sent; a few bytes of its 3 MiB are missing.
const PIECES: usize = 47;
const PIECE: usize = 64 << 10;

/// Starts the requests on a daemon with this limit.
pub(super) async fn unfinished(bound: &str) -> Result<Seen, String> {
    let limits = format!("limits: {{ in_flight_bytes: {bound}, connections: 64 }}\n");
    let (setup, signer) = local(&limits);
    let daemon = JWTD.measured(&setup).await?;
    let token = signer.token(ISS);
    daemon.until_good(&token).await?;
    let mut held = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let stream = TcpStream::connect(&daemon.tcp).await.map_err(|error| error.to_string())?;
        let handshake =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await.map_err(|error| error.to_string())?;
        held.spawn(async move {
            connection.await.ok();
        });
        for _ in 0..16 {
            let mut sender = sender.clone();
            held.spawn(async move {
                // Whatever the response is, the request stays open.
                let answer = sender.send_request(request()).await;
                std::future::pending::<()>().await;
                drop(answer);
            });
        }
    }
    let (mut most, begin) = (0, Instant::now());
    while begin.elapsed() < Duration::from_secs(3) {
        most = most.max(daemon.resident());
        sleep(Duration::from_millis(20)).await;
    }
    let refused = daemon.sum("jwtd_shed_total{", "cause=\"bytes\"").await?;
    held.shutdown().await;
    let after = timeout(Duration::from_secs(1), async {
        while daemon.until_good(&token).await.is_err() {}
    });
    after.await.map_err(|_| "no verdict within 1 s after".to_owned())?;
    let text = format!("{} MiB, {refused} refused", most / MIB);
    if most <= MOST && refused > 0 { Ok(text.into()) } else { Err(text) }
}

fn request()
-> Request<StreamBody<impl futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>>>> {
    // The prefix of a message of 3 MiB (gRPC over HTTP/2, Length-Prefixed-Message).
    let head = Bytes::from_static(b"\0\0\x30\0\0");
    let pieces = stream::iter(vec![Bytes::from(vec![0x0a; PIECE]); PIECES]);
    let frames = stream::iter([head]).chain(pieces).map(|piece| Ok(Frame::data(piece)));
    let request = Request::post("http://x/jwtd.v1.VerifierService/VerifyBatch")
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    request.body(StreamBody::new(frames.chain(stream::pending()))).unwrap()
}
