//! Stream capacity: the share that silent peers can hold, and the rest that is left to others.

use crate::client::Calls as _;
use crate::support::{Daemon, start, start_with, token};
use hyper_util::rt::TokioIo;
use jwtd::pb::verifier_service_client::VerifierServiceClient;
use jwtd::pb::verify_stream_response::Result as Outcome;
use jwtd::pb::{self, VerifyBatchRequest, VerifyStreamRequest};
use jwtd_testkit::launcher::waiting::{Patient as _, until, within};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use tokio::net::TcpSocket;
use tokio::sync::mpsc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_types::StatusExt as _;

/// A connection from this source address, which makes it another peer.
async fn channel_from(daemon: &Daemon, address: &str) -> Channel {
    let (from, to) = (format!("{address}:0"), daemon.tcp.clone());
    let connector = tower::service_fn(move |_: http::Uri| {
        let (from, to): (SocketAddr, SocketAddr) = (from.parse().unwrap(), to.parse().unwrap());
        async move {
            let socket = TcpSocket::new_v4()?;
            socket.bind(from)?;
            Ok::<_, std::io::Error>(TokioIo::new(socket.connect(to).await?))
        }
    });
    let endpoint = Endpoint::from_static("http://x");
    endpoint.connect_with_connector(connector).await.unwrap()
}

/// A stream on which the test sends each message.
struct Stream {
    sender: mpsc::UnboundedSender<VerifyStreamRequest>,
    answers: Streaming<pb::VerifyStreamResponse>,
}

impl Stream {
    async fn open(channel: &Channel) -> Result<Self, Status> {
        let (sender, mut messages) = mpsc::unbounded_channel();
        let messages = futures_util::stream::poll_fn(move |context| messages.poll_recv(context));
        let answers = VerifierServiceClient::new(channel.clone()).verify_stream(messages).await?;
        Ok(Self { sender, answers: answers.into_inner() })
    }

    async fn ask(&mut self, tokens: usize) {
        let tokens = vec![token("").into_bytes().into(); tokens];
        let message = VerifyStreamRequest { id: 7, tokens, ..Default::default() };
        self.sender.send(message).unwrap();
        let answer = within("an answer", self.answers.message()).await.unwrap().unwrap();
        let Some(Outcome::Verdicts(found)) = answer.result else { panic!("{answer:?}") };
        assert!(found.verdicts.iter().all(|verdict| verdict.permit));
    }
}

async fn batch(channel: &Channel) -> Result<(), Status> {
    let tokens = vec![token("").into_bytes().into()];
    let request = VerifyBatchRequest { tokens, ..Default::default() };
    let answer = VerifierServiceClient::new(channel.clone()).verify_batch(request).await?;
    assert!(answer.into_inner().verdicts[0].permit);
    Ok(())
}

/// The exhausted resource that a refused call names.
fn exhausted(status: &Status) -> String {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    status.get_details_error_info().unwrap().metadata["field"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_stream_holds_no_bytes_and_goes_on() {
    let daemon = start("");
    let channel = daemon.channel(true).await;
    let mut streams = Vec::new();
    for _ in 0..50 {
        let mut stream = Stream::open(&channel).await.unwrap();
        // The memory of a large message and of its response is released too.
        stream.ask(300).await;
        streams.push(stream);
    }
    let request = HealthCheckRequest::default();
    let mut watch = HealthClient::new(channel.clone()).watch(request).await.unwrap().into_inner();
    let first: Option<HealthCheckResponse> = watch.message().await.unwrap();
    assert!(first.is_some());
    let (names, mut asked) = mpsc::unbounded_channel();
    let asked = futures_util::stream::poll_fn(move |context| asked.poll_recv(context));
    let mut client = ServerReflectionClient::new(channel.clone());
    let mut reflection = client.server_reflection_info(asked).await.unwrap().into_inner();
    for _ in 0..20 {
        let message_request = Some(MessageRequest::ListServices(String::new()));
        names.send(ServerReflectionRequest { host: String::new(), message_request }).unwrap();
        assert!(reflection.message().await.unwrap().is_some());
    }
    daemon.wait_for("/metrics", "jwtd_in_flight_bytes 0");
    assert_eq!(daemon.metric("jwtd_streams"), Some(50.0 + 2.0 + 4.0));
    for stream in &mut streams {
        stream.ask(1).await;
    }
    drop((streams, watch, names, reflection));
    daemon.wait_for("/metrics", "jwtd_streams 0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_with_all_streams_that_it_may_have_leaves_some_to_others() {
    let daemon = start("limits: { connections: 8 }\n");
    let limit = daemon.metric(r#"jwtd_limit{limit="streams"}"#).unwrap();
    let channel = channel_from(&daemon, "127.0.0.1").await;
    let mut streams = Vec::new();
    let refused = loop {
        match Stream::open(&channel).await {
            Ok(stream) => streams.push(stream),
            Err(status) => break status,
        }
    };
    assert_eq!(exhausted(&refused), "streams");
    assert!(daemon.get("/metrics").contains(r#"jwtd_shed_total{cause="streams"} 1"#));
    let left = limit - f64::from(u32::try_from(streams.len()).unwrap());
    assert_eq!(left, (limit / 8.0).floor(), "of {limit}");
    // Open streams continue, and so do unary calls.
    streams[0].ask(1).await;
    batch(&channel).await.unwrap();
    let other = channel_from(&daemon, "127.0.0.2").await;
    Stream::open(&other).await.unwrap().ask(1).await;
    drop(streams);
    daemon.wait_for("/metrics", "jwtd_streams 0");
    Stream::open(&channel).await.unwrap().ask(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_with_all_connections_that_it_may_have_leaves_some_to_others() {
    let daemon = start("limits: { connections: 16 }\nconnection: { handshake_timeout: 60s }\n");
    let held: Vec<_> = (0..14).map(|_| TcpStream::connect(&daemon.tcp).unwrap()).collect();
    daemon.wait_for("/metrics", "jwtd_connections 14");
    let mut more = TcpStream::connect(&daemon.tcp).unwrap().patient();
    assert_eq!(more.read(&mut [0; 1]).unwrap_or(0), 0, "an eighth is left to others");
    let other = channel_from(&daemon, "127.0.0.2").await;
    batch(&other).await.unwrap();
    // Peers on a Unix socket are identified by their user, not by the socket.
    batch(&daemon.channel(true).await).await.unwrap();
    drop(held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_with_all_bytes_that_it_may_have_leaves_some_to_others() {
    let daemon = start("limits: { in_flight_bytes: 256KiB }\n");
    let one = channel_from(&daemon, "127.0.0.1").await;
    // Messages that never complete.
    let mut peer = TcpStream::connect(&daemon.tcp).unwrap();
    peer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    for stream in (1..128_u8).step_by(2) {
        peer.write_all(&head(stream, b"/jwtd.v1.VerifierService/VerifyBatch")).unwrap();
    }
    daemon.wait_for_count(r#"jwtd_shed_total{cause="bytes"}"#, 1.0);
    assert_eq!(exhausted(&batch(&one).await.unwrap_err()), "bytes");
    batch(&channel_from(&daemon, "127.0.0.2").await).await.unwrap();
}

/// The header block of a call.
fn head(stream: u8, path: &[u8]) -> Vec<u8> {
    let length = |text: &[u8]| u8::try_from(text.len()).unwrap();
    let literal =
        |name: &[u8], value: &[u8]| [&[0, length(name)], name, &[length(value)], value].concat();
    let block = [
        &[0x83, 0x86][..],
        &literal(b":path", path),
        &literal(b":authority", b"x"),
        &literal(b"content-type", b"application/grpc"),
        &literal(b"te", b"trailers"),
    ]
    .concat();
    [&[0, 0, length(&block), 1, 4, 0, 0, 0, stream], &block[..]].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_a_call_is_told_to_end_and_one_with_a_stream_is_not() {
    let daemon = start("connection: { idle_timeout: 1s }\n");
    let (used, idle) = (daemon.channel(true).await, daemon.channel(false).await);
    // A call that meets the end of its connection fails, and the next one opens a new connection.
    let mut stream = until("a stream", async || Stream::open(&used).await.ok()).await;
    stream.ask(1).await;
    until("a call", async || batch(&idle).await.ok()).await;
    daemon.wait_for_count(r#"jwtd_connections_closed_total{cause="idle"}"#, 1.0);
    daemon.wait_for("/metrics", "jwtd_connections 1\n");
    stream.ask(1).await;
    assert_eq!(daemon.metric(r#"jwtd_connections_closed_total{cause="cut"}"#), Some(0.0));
    // A returning peer is served over a new connection.
    until("another call", async || batch(&idle).await.ok()).await;
    drop((stream, used));
}

const STRANGERS: &str = "\
issuers:
  corp: { issuer: https://i, audiences: [a], algorithms: [EdDSA], keys: { jwks_file: jwks.json } }
drain_delay: 0s
profiles:
  default: { issuers: [corp], callers: [{ user: 4242 }] }
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_no_profile_serves_is_refused_before_anything_is_read() {
    let daemon = start_with(STRANGERS);
    for unix in [true, false] {
        let channel = daemon.channel(unix).await;
        let mut health = HealthClient::new(channel.clone());
        assert!(health.check(HealthCheckRequest::default()).await.is_ok());
        let status = batch(&channel).await.unwrap_err();
        let info = status.get_details_error_info().unwrap();
        assert_eq!((status.code(), &*info.reason), (Code::PermissionDenied, "PROFILE_NOT_SERVED"));
        // Its first message has not arrived yet.
        let refused = within("a refusal", Stream::open(&channel)).await.err().unwrap();
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
    assert_eq!(daemon.metric("jwtd_in_flight_bytes"), Some(0.0));
    let counted = r#"grpc_server_handled_total{grpc_code="PermissionDenied",grpc_method="VerifyBatch",grpc_service="jwtd.v1.VerifierService",grpc_type="unary"}"#;
    assert_eq!(daemon.metric(counted), Some(2.0), "{}", daemon.get("/metrics"));
    // A reload takes effect at once, also on open connections.
    let channel = daemon.channel(true).await;
    assert!(batch(&channel).await.is_err());
    let file = daemon.folder.read("jwtd.yaml").replace(", callers: [{ user: 4242 }]", "");
    daemon.folder.replace("jwtd.yaml", file);
    daemon.hang_up();
    until(daemon.with_log("a reload".to_owned()), async || batch(&channel).await.ok()).await;
}
