//! Non-gRPC traffic on the gRPC ports: HTTP/1, HTTP/2 without calls, and other protocols.

use crate::support::{Daemon, start};
use crate::tls::{self, Callers as _};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use jwtd_testkit::certificates::Authority;
use jwtd_testkit::launcher::waiting::Patient as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// A daemon that waits one second for slow peers.
const QUICK: &str = "connection: { handshake_timeout: 1s }\n";

fn connect(daemon: &Daemon) -> TcpStream {
    let socket = TcpStream::connect(&daemon.tcp).unwrap().patient();
    socket.set_nodelay(true).unwrap();
    socket
}

/// Everything received until the connection ends. A reset may follow if the daemon did not read
/// everything.
fn all(socket: &mut impl Read) -> String {
    let (mut heard, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = socket.read(&mut piece) {
        heard.extend_from_slice(&piece[..count]);
    }
    String::from_utf8(heard).unwrap()
}

/// The response to these bytes.
fn answer(daemon: &Daemon, sent: &[u8]) -> String {
    let mut socket = connect(daemon);
    // The daemon refuses the request while it is being sent.
    socket.write_all(sent).ok();
    all(&mut socket)
}

fn closed(cause: &str) -> String {
    format!("jwtd_connections_closed_total{{cause=\"{cause}\"}}")
}

fn answered(code: u16) -> String {
    format!("jwtd_http_requests_total{{code=\"{code}\",handler=\"not_grpc\"}}")
}

/// Checks that this is exactly one complete HTTP/1 response, that it closes the connection, and
/// that it explains how to make calls.
fn assert_in_words(answer: &str, version: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    assert!(head.starts_with(&format!("{version} 505 ")), "{head}");
    for field in [
        &format!("content-length: {}", body.len()),
        "content-type: text/plain; charset=utf-8",
        "connection: close",
        "x-content-type-options: nosniff",
    ] {
        assert!(head.lines().any(|line| line == field), "{field}\n{head}");
    }
    for word in ["gRPC", "HTTP/2", "application/grpc", "jwtd verify", "grpcurl", "`admin`"] {
        assert!(body.contains(word), "{word}\n{body}");
    }
    assert!((2..=5).contains(&body.lines().count()), "{body}");
    assert_eq!(answer.matches(" 505 ").count(), 1, "one answer\n{answer}");
}

#[test]
fn http_1_is_answered_in_words_and_closed() {
    let daemon = start("");
    let requests = [
        "GET / HTTP/1.1\r\nHost: marker.example\r\n\r\n",
        "GET /marker?marker HTTP/1.1\r\nHost: a\r\nx-marker: marker\r\nConnection: keep-alive\r\n\r\n",
        "POST /jwtd.v1.VerifierService/Verify HTTP/1.1\r\nHost: a\r\n\
         Content-Type: application/grpc\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        "BREW / HTTP/1.1\r\nHost: a\r\n\r\n",
        // Of two pipelined requests, the second is never read.
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /marker HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    for request in requests {
        let answer = answer(&daemon, request.as_bytes());
        assert_in_words(&answer, "HTTP/1.1");
        assert!(!answer.contains("marker"), "{answer}");
    }
    for keep in ["", "Connection: keep-alive\r\n"] {
        let request = format!("GET / HTTP/1.0\r\n{keep}\r\n");
        assert_in_words(&answer(&daemon, request.as_bytes()), "HTTP/1.0");
    }
    let head = answer(&daemon, b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    let (head, body) = head.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-length: ") && body.is_empty(), "{head}");
    let count = requests.len() as f64 + 3.0;
    daemon.wait_for_count(&closed("http1"), count);
    assert_eq!(daemon.metric(&answered(505)), Some(count));
    assert_eq!(daemon.metric("jwtd_in_flight_bytes"), Some(0.0));
    daemon.wait_for("/metrics", "jwtd_connections 0\n");
}

#[test]
fn the_answer_comes_whatever_the_client_still_sends_and_however() {
    let daemon = start("");
    // Half a megabyte that the daemon never reads.
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 524288\r\n\r\n";
    let large = [head.as_bytes(), &[b'x'; 512 << 10]].concat();
    assert_in_words(&answer(&daemon, &large), "HTTP/1.1");
    // Requests of clients that would prefer HTTP/2; no reset may discard the response.
    for begin in ["POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c", "CONNECT a:1 HTTP/1.1"]
    {
        let head = format!("{begin}\r\nHost: a\r\nContent-Length: 524288\r\n\r\n");
        let mut socket = connect(&daemon);
        socket.write_all(&[head.as_bytes(), &[b'x'; 512 << 10]].concat()).unwrap();
        let mut heard = String::new();
        socket.read_to_string(&mut heard).unwrap();
        assert_in_words(&heard, "HTTP/1.1");
    }
    // One byte per write.
    let mut socket = connect(&daemon);
    for byte in b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" {
        socket.write_all(&[*byte]).unwrap();
    }
    assert_in_words(&all(&mut socket), "HTTP/1.1");
    // The client closes its sending side after the request, as many tools do.
    let mut socket = connect(&daemon);
    socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    assert_in_words(&all(&mut socket), "HTTP/1.1");
    let mut socket = UnixStream::connect(daemon.socket()).unwrap().patient();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_in_words(&all(&mut socket), "HTTP/1.1");
    daemon.wait_for_count(&closed("http1"), 6.0);
}

#[test]
fn answers_that_nobody_takes_count_for_their_peer() {
    const ASKED: u8 = 100;

    let daemon = start("");
    let mut socket = connect(&daemon);
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    // SETTINGS with a window of zero, so that no response can be sent (RFC 9113, sections 6.5 and
    // 6.9).
    socket.write_all(&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]).unwrap();
    for number in 0..ASKED {
        // HEADERS with END_STREAM: GET, http, / (RFC 7541, appendix A).
        let frame = [0, 0, 3, 1, 5, 0, 0, 0, 2 * number + 1, 0x82, 0x86, 0x84];
        socket.write_all(&frame).unwrap();
    }
    daemon.wait_for_count(&answered(405), f64::from(ASKED));
    let held = daemon.metric("jwtd_in_flight_bytes").unwrap();
    assert!(held >= f64::from(ASKED) * 4096.0, "{held}");
    drop(socket);
    daemon.wait_for("/metrics", "jwtd_connections 0\n");
    daemon.wait_for("/metrics", "jwtd_in_flight_bytes 0\n");
}

#[test]
fn what_is_no_http_gets_no_answer() {
    let daemon = start("");
    let nonsense: [&[u8]; 8] = [
        b"\0\0\0\0",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_10.0\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r",
        &[b'A'; 4096],
    ];
    for bytes in nonsense {
        assert_eq!(answer(&daemon, bytes), "", "{}", bytes.escape_ascii());
    }
    daemon.wait_for_count(&closed("not_http2"), 8.0);
    // Bytes that look like HTTP at first.
    for bytes in
        ["GET /\r\n\r\n", "HELO there\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nx\r\n\r\n"]
    {
        let answer = answer(&daemon, bytes.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{bytes:?}: {answer}");
    }
    let metrics = daemon.wait_for("/metrics", "cause=\"protocol\"} 4");
    assert!(!metrics.contains("jwtd_http_requests_total{"), "{metrics}");
}

#[test]
fn a_head_is_bounded_in_size() {
    let daemon = start("");
    let long = "a".repeat(1 << 20);
    for request in [
        format!("GET / HTTP/1.1\r\nHost: a\r\nx: {long}\r\n\r\n"),
        format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(1000)),
        format!("GET {long}"),
    ] {
        let answer = answer(&daemon, request.as_bytes());
        // Data beyond the limit may make the connection reset before the response is read.
        let refused = ["HTTP/1.1 431 ", "HTTP/1.1 414 "].iter().any(|one| answer.starts_with(one));
        assert!(refused || answer.is_empty(), "{answer}");
    }
    daemon.wait_for_count(&closed("protocol"), 4.0);
    daemon.wait_for("/metrics", "jwtd_connections 0\n");
}

#[test]
fn who_is_slow_with_a_head_is_closed_and_holds_a_place_meanwhile() {
    let daemon = start(QUICK);
    let beginnings = ["G", "GET", "GET ", "GET / HTTP/1.1\r\nHost: a\r\nx:"];
    let mut slow: Vec<_> = beginnings
        .iter()
        .map(|beginning| {
            let mut socket = connect(&daemon);
            socket.write_all(beginning.as_bytes()).unwrap();
            socket
        })
        .collect();
    daemon.wait_for_count(&closed("handshake_timeout"), 4.0);
    for socket in &mut slow {
        assert_eq!(all(socket), "");
    }
    // HTTP/1 connections count toward the limit like those of HTTP/2.
    let daemon = start("connection: { handshake_timeout: 60s }\nlimits: { connections: 2 }\n");
    let mut held: Vec<_> = (0..2).map(|_| connect(&daemon)).collect();
    for socket in &mut held {
        socket.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    }
    daemon.wait_for("/metrics", "jwtd_connections 2\n");
    assert_eq!(answer(&daemon, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "");
    let shed = daemon.metric("jwtd_shed_total{cause=\"connections\"}");
    assert_eq!(shed, Some(1.0));
    for socket in &mut held {
        socket.write_all(b"\r\n").unwrap();
        assert_in_words(&all(socket), "HTTP/1.1");
    }
}

#[test]
fn half_a_head_does_not_hold_the_end() {
    // Longer than the test takes: only shutdown can close the connection.
    let mut daemon = start("connection: { handshake_timeout: 60s }\ndrain_timeout: 60s\n");
    let mut slow = connect(&daemon);
    slow.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    let mut undecided = connect(&daemon);
    undecided.write_all(b"GE").unwrap();
    daemon.wait_for("/metrics", "jwtd_connections 2\n");
    daemon.terminate();
    assert!(daemon.wait().success());
    assert!(!daemon.log().contains("cut off"), "{}", daemon.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_http_2_that_is_no_call_is_answered_in_words_and_calls_go_on() {
    let daemon = start("");
    let socket = tokio::net::TcpStream::connect(&daemon.tcp).await.unwrap();
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let verify = "/jwtd.v1.VerifierService/Verify";
    for (method, path, kind, code) in [
        (Method::GET, "/", "", 405),
        (Method::GET, verify, "application/grpc", 405),
        (Method::PUT, verify, "application/grpc", 405),
        (Method::HEAD, "/", "", 405),
        (Method::POST, "/", "", 415),
        (Method::POST, verify, "application/json", 415),
        (Method::POST, verify, "application/grpc-web", 415),
        // A gRPC call of an unknown method.
        (Method::POST, "/marker", "application/grpc", 200),
    ] {
        let uri = format!("http://marker.example{path}");
        let mut request = Request::builder().method(&method).uri(uri);
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        let what = format!("{method} {path} {kind}");
        assert_eq!(response.status(), code, "{what}");
        let allow = response.headers().get("allow").cloned();
        assert_eq!(allow.is_some_and(|allow| allow == "POST"), code == 405, "{what}");
        assert!(!response.headers().contains_key("connection"), "{what}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let in_words = body.windows(11).any(|part| part == b"jwtd verify");
        assert_eq!(in_words, code != 200 && method != Method::HEAD, "{what}");
        assert!(!body.windows(6).any(|part| part == b"marker"), "{what}");
    }
    assert_eq!(daemon.metric(&answered(405)), Some(4.0));
    assert_eq!(daemon.metric(&answered(415)), Some(3.0));
    assert_eq!(daemon.metric(&closed("http1")), Some(0.0));
}

/// A TLS connection that offers these protocols.
fn encrypted(daemon: &Daemon, offered: &[&[u8]]) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    let file = daemon.folder.path("ours.ca");
    roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = offered.iter().map(|one| one.to_vec()).collect();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(connection, tls::socket(daemon))
}

#[test]
fn over_tls_http_1_is_answered_and_http_2_is_preferred() {
    let ours = Authority::new();
    let daemon = tls::start(&ours, "", "");
    ours.write(&daemon.folder, "ours");
    for (offered, chosen) in [
        (&[][..], None),
        (&[&b"http/1.1"[..]], Some(&b"http/1.1"[..])),
        (&[b"http/1.1", b"h2"], Some(b"h2")),
    ] {
        let mut stream = encrypted(&daemon, offered);
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_in_words(&all(&mut stream), "HTTP/1.1");
        assert_eq!(stream.conn.alpn_protocol(), chosen);
    }
    // An unsupported protocol.
    let mut stream = encrypted(&daemon, &[b"http/1.0"]);
    assert!(stream.write_all(b"GET / HTTP/1.0\r\n\r\n").is_err() || all(&mut stream).is_empty());
}

#[test]
fn without_tls_a_port_with_tls_says_so_and_nothing_is_read() {
    let ours = Authority::new();
    let daemon = tls::start(&ours, "", "");
    for request in [
        &b"GET /marker HTTP/1.1\r\nHost: a\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &[&b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n"[..], &[b'x'; 99_999]]
            .concat(),
        b"G",
    ] {
        let mut socket = tls::socket(&daemon);
        socket.write_all(request).unwrap();
        let answer = all(&mut socket);
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(answer.contains("TLS") && answer.contains("fix: "), "{answer}");
        assert!(!answer.contains("marker"), "{answer}");
    }
    for other in [&b"\0"[..], b"get / HTTP/1.1\r\n\r\n"] {
        let mut socket = tls::socket(&daemon);
        socket.write_all(other).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        let mut heard = Vec::new();
        socket.read_to_end(&mut heard).ok();
        assert!(!heard.starts_with(b"HTTP"), "{}", heard.escape_ascii());
    }
    daemon.wait_for_count(&closed("handshake"), 6.0);
    assert_eq!(daemon.metric("jwtd_tls_handshakes_total{result=\"failed\"}"), Some(6.0));
}

#[test]
fn words_over_tls_are_for_clients_with_a_certificate_if_one_is_demanded() {
    let (ours, clients) = (Authority::new(), Authority::new());
    let folder = crate::support::folder();
    let extra = format!(", client_ca_file: {}", clients.write(&folder, "clients").display());
    let daemon = tls::start(&ours, &extra, "");
    ours.write(&daemon.folder, "ours");
    clients.issue_to(&folder, "client", "client.example");
    let mut stream = encrypted(&daemon, &[b"http/1.1"]);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").ok();
    assert_eq!(all(&mut stream), "");
    daemon.wait_for_count(&closed("handshake"), 1.0);
}
