//! Probes, health, and shutdown: always before a hard deadline, whatever a peer does.

use crate::client::Calls as _;
use crate::support::{Daemon, start, token};
use jwtd::pb;
use jwtd_testkit::launcher::waiting::within;
use std::io::Write as _;
use std::net::TcpStream;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_health_and_metrics_answer() {
    let mut daemon = start(LONG_DRAIN);
    for path in ["/livez", "/readyz", "/startupz"] {
        assert!(daemon.get(path).starts_with("HTTP/1.1 200"), "{path}");
    }
    assert!(daemon.get("/readyz").contains("issuer corp: 1 keys"));
    assert!(daemon.get("/other").starts_with("HTTP/1.1 404"));
    let metrics = daemon.get("/metrics");
    for part in [
        "text/plain; version=0.0.4",
        "jwtd_build_info{version=",
        "jwtd_jwks_keys{issuer=\"corp\"} 1",
    ] {
        assert!(metrics.contains(part), "{part}");
    }
    let mut health = HealthClient::new(daemon.channel(true).await);
    let request = |service: &str| HealthCheckRequest { service: service.to_owned() };
    for service in ["", "jwtd.v1.VerifierService"] {
        let answer = health.check(request(service)).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving);
    }
    let mut watch = health.watch(request("")).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    daemon.terminate();
    let next = within("word of the end", watch.message()).await;
    assert_eq!(next.unwrap().unwrap().status(), ServingStatus::NotServing);
    let socket = daemon.socket();
    assert!(daemon.wait().success());
    assert!(!socket.exists());
    assert!(!daemon.log().contains(CUT), "{}", daemon.log());
}

/// A drain timeout that only a connection that is never closed reaches. The log then says that the
/// connection was cut off.
const LONG_DRAIN: &str = "drain_timeout: 60s\n";

/// Short enough for a test to wait until open connections are cut off.
const SHORT_DRAIN: &str = "drain_timeout: 1s\n";

/// Logged if connections remain at the end of `drain_timeout`.
const CUT: &str = "cut off at the end";

#[test]
fn t66_a_silent_peer_does_not_hold_the_end() {
    let daemon = start(LONG_DRAIN);
    let _silent = TcpStream::connect(&daemon.tcp).unwrap();
    daemon.wait_for("/metrics", "jwtd_connections 1");
    let log = daemon.stop();
    assert!(!log.contains(CUT), "{log}");
}

#[test]
fn t66_a_peer_that_ignores_goaway_is_cut_off() {
    let daemon = start(SHORT_DRAIN);
    let mut peer = TcpStream::connect(&daemon.tcp).unwrap();
    peer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    // An open request: HEADERS without END_STREAM.
    peer.write_all(b"\0\0\x03\x01\x04\0\0\0\x01\x83\x86\x84").unwrap();
    // Before that, the peer counts as one that has not begun, and shutdown does not wait for it.
    daemon.wait_for_log("a connection");
    let log = daemon.stop();
    assert!(log.contains(CUT), "{log}");
}

/// A stream to a daemon on which the test sends each message.
struct Stream {
    sender: tokio::sync::mpsc::Sender<pb::VerifyStreamRequest>,
    answers: tonic::Streaming<pb::VerifyStreamResponse>,
}

impl Stream {
    async fn open(daemon: &Daemon) -> Self {
        let (sender, messages) = tokio::sync::mpsc::channel(4);
        sender.send(message(1)).await.unwrap();
        let messages = futures_util::stream::unfold(messages, |mut messages| async move {
            messages.recv().await.map(|message| (message, messages))
        });
        let mut client = daemon.client().await;
        let mut answers = client.verify_stream(messages).await.unwrap().into_inner();
        assert_eq!(answers.message().await.unwrap().unwrap().id, 1);
        Self { sender, answers }
    }
}

fn message(id: u64) -> pb::VerifyStreamRequest {
    pb::VerifyStreamRequest { id, tokens: vec![token("").into()], ..Default::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t66_an_open_stream_goes_on_after_the_signal() {
    let mut daemon = start(LONG_DRAIN);
    let Stream { sender, mut answers } = Stream::open(&daemon).await;
    daemon.terminate();
    daemon.wait_for_log("draining");
    sender.send(message(2)).await.unwrap();
    let next = within("the second answer", answers.message()).await;
    assert_eq!(next.unwrap().unwrap().id, 2);
    // The daemon exits once the stream ends.
    drop((sender, answers));
    assert!(daemon.wait().success());
    assert!(!daemon.log().contains(CUT), "{}", daemon.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t66_an_open_stream_is_cut_off_at_the_deadline() {
    let daemon = start(SHORT_DRAIN);
    let _stream = Stream::open(&daemon).await;
    let log = daemon.stop();
    assert!(log.contains(CUT), "{log}");
}
