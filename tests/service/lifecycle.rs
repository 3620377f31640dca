//! Probes, health, and the end: before a hard deadline, whatever a peer does.

use crate::support::{Daemon, token};
use jwtd::pb;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_health_and_metrics_answer() {
    let mut daemon = Daemon::start("");
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
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    let (status, took) = daemon.wait();
    assert!(status.success() && took < Duration::from_secs(1), "{took:?}");
    assert!(!daemon.socket().exists());
}

/// `drain_timeout` is one second.
const LATEST: Duration = Duration::from_secs(4);

#[test]
fn t66_a_silent_peer_does_not_hold_the_end() {
    let mut daemon = Daemon::start("");
    let _silent = TcpStream::connect(&daemon.tcp).unwrap();
    daemon.terminate();
    let (status, took) = daemon.wait();
    assert!(status.success() && took < LATEST, "{took:?}");
}

#[test]
fn t66_a_peer_that_ignores_goaway_is_cut_off() {
    let mut daemon = Daemon::start("");
    let mut peer = TcpStream::connect(&daemon.tcp).unwrap();
    peer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    // An open request: GET-like HEADERS without END_STREAM.
    peer.write_all(b"\0\0\x03\x01\x04\0\0\0\x01\x83\x86\x84").unwrap();
    while !daemon.get("/metrics").contains("jwtd_connections 1") {}
    daemon.terminate();
    let (status, took) = daemon.wait();
    assert!(status.success() && took < LATEST, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t66_an_open_stream_is_cut_off_at_the_deadline() {
    let mut daemon = Daemon::start("");
    let (sender, messages) = tokio::sync::mpsc::channel(4);
    let first =
        pb::VerifyStreamRequest { id: 1, tokens: vec![token("").into()], ..Default::default() };
    sender.send(first).await.unwrap();
    let messages = futures_util::stream::unfold(messages, |mut messages| async move {
        messages.recv().await.map(|message| (message, messages))
    });
    let mut client = daemon.client().await;
    let mut answers = client.verify_stream(messages).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().id, 1);
    daemon.terminate();
    // Until then it goes on.
    let second =
        pb::VerifyStreamRequest { id: 2, tokens: vec![token("").into()], ..Default::default() };
    sender.send(second).await.unwrap();
    assert_eq!(answers.message().await.unwrap().unwrap().id, 2);
    let (status, took) = daemon.wait();
    assert!(status.success() && took < LATEST, "{took:?}");
    assert!(daemon.log().contains("cut off"));
}
