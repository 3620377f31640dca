//! Every way in which a call can fail: its status carries `google.rpc.ErrorInfo` and is counted.

use crate::client::Calls as _;
use crate::support::{Daemon, ISSUERS, start_with};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use jwtd::pb::authz::CheckResponse;
use prost::Message as _;
use tonic::{Code, Status};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_types::StatusExt as _;

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// The served methods, their types, and true if a call may end without a message.
const METHODS: &[(&str, &str, bool)] = &[
    ("/jwtd.v1.VerifierService/Verify", "unary", false),
    ("/jwtd.v1.VerifierService/VerifyBatch", "unary", false),
    ("/jwtd.v1.VerifierService/Explain", "unary", false),
    ("/jwtd.v1.VerifierService/VerifyStream", "bidi_stream", true),
    (CHECK, "unary", false),
    ("/grpc.health.v1.Health/Check", "unary", false),
    ("/grpc.health.v1.Health/Watch", "server_stream", false),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "bidi_stream", true),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "bidi_stream", true),
];

/// A request and the expected status.
struct Way {
    name: &'static str,
    header: Option<(&'static str, &'static str)>,
    body: &'static [u8],
    code: Code,
    reason: &'static str,
}

const WAYS: &[Way] = &[
    Way {
        name: "gzip",
        header: Some(("grpc-encoding", "gzip")),
        body: b"\x01\0\0\0\x03\x1f\x8b\x08",
        code: Code::Unimplemented,
        reason: "COMPRESSION_UNSUPPORTED",
    },
    Way {
        name: "a coding that nobody knows",
        header: Some(("grpc-encoding", "x")),
        body: b"\x01\0\0\0\x01x",
        code: Code::Unimplemented,
        reason: "COMPRESSION_UNSUPPORTED",
    },
    Way {
        name: "compressed without a word",
        header: None,
        body: b"\x01\0\0\0\x03\x1f\x8b\x08",
        code: Code::InvalidArgument,
        reason: "MESSAGE_COMPRESSED",
    },
    Way {
        name: "no protobuf",
        header: None,
        body: b"\0\0\0\0\x05\xff\xff\xff\xff\xff",
        code: Code::InvalidArgument,
        reason: "MESSAGE_MALFORMED",
    },
    Way {
        name: "JSON",
        header: None,
        body: b"\0\0\0\0\x0d{\"token\":\"a\"}",
        code: Code::InvalidArgument,
        reason: "MESSAGE_MALFORMED",
    },
    Way {
        name: "a part of a message",
        header: None,
        body: b"\0\0\0\0\x09\x0a\x01",
        code: Code::InvalidArgument,
        reason: "MESSAGE_INCOMPLETE",
    },
    Way {
        name: "a part of a head",
        header: None,
        body: b"\0\0\0",
        code: Code::InvalidArgument,
        reason: "MESSAGE_INCOMPLETE",
    },
    Way {
        name: "nothing",
        header: None,
        body: b"",
        code: Code::InvalidArgument,
        reason: "MESSAGE_MISSING",
    },
    Way {
        name: "too large",
        header: None,
        body: b"\0\x06\0\0\0\x01",
        code: Code::ResourceExhausted,
        reason: "MESSAGE_TOO_LARGE",
    },
];

/// The response to a call.
struct Said {
    http: u16,
    status: Status,
    body: Bytes,
}

async fn call(
    daemon: &Daemon,
    path: &str,
    kind: &str,
    header: Option<(&str, &str)>,
    body: &'static [u8],
) -> Said {
    let stream = tokio::net::UnixStream::connect(daemon.socket()).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    let connection = tokio::spawn(connection);
    let mut request = Request::post(format!("http://x{path}")).header("content-type", kind);
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let body = Full::new(Bytes::from_static(body));
    let answer = client.send_request(request.body(body).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    let mut status = Status::from_header_map(&head.headers);
    let body = body.collect().await.unwrap();
    if let Some(trailers) = body.trailers() {
        status = status.or_else(|| Status::from_header_map(trailers));
    }
    connection.abort();
    let status = status.unwrap_or_else(|| panic!("{path}: no status: {:?}", head.headers));
    Said { http: head.status.as_u16(), status, body: body.to_bytes() }
}

fn handled(path: &str, kind: &str, code: Code) -> String {
    let (service, method) = path.trim_start_matches('/').rsplit_once('/').unwrap();
    format!(
        "grpc_server_handled_total{{grpc_code=\"{code:?}\",grpc_method=\"{method}\",\
         grpc_service=\"{service}\",grpc_type=\"{kind}\"}}"
    )
}

fn assert_explained(status: &Status, code: Code, reason: &str, what: &str) {
    assert_eq!(status.code(), code, "{what}: {status:?}");
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("{what}: {status:?}"));
    assert_eq!((&*info.reason, &*info.domain), (reason, "jwtd"), "{what}");
    assert!(info.metadata.contains_key("field"), "{what}: {info:?}");
    assert!(!status.message().is_empty(), "{what}");
}

#[tokio::test]
async fn each_way_to_fail_is_explained_and_counted_on_every_method() {
    let daemon = start_with(&format!("{ISSUERS}ext_authz: {{}}\n"));
    for &(path, kind, may_be_empty) in METHODS {
        for way in WAYS.iter().filter(|way| !way.body.is_empty() || !may_be_empty) {
            let what = format!("{path}, {}", way.name);
            let series = handled(path, kind, way.code);
            let before = daemon.metric(&series).unwrap_or_default();
            let said = call(&daemon, path, "application/grpc", way.header, way.body).await;
            if path == CHECK {
                // After an error, Envoy may be configured to let requests pass, so this must not be
                // an error.
                assert_eq!(said.status.code(), Code::Ok, "{what}: {:?}", said.status);
                let denial = CheckResponse::decode(said.body.slice(5..)).unwrap();
                let status = denial.status.unwrap();
                let (code, message) = (status.code.into(), status.message.clone());
                let status = Status::with_details(code, message, status.encode_to_vec().into());
                assert_explained(&status, way.code, way.reason, &what);
            } else {
                assert_explained(&said.status, way.code, way.reason, &what);
            }
            daemon.wait_for_count(&series, before + 1.0);
        }
    }
    let known = METHODS.iter().map(|(path, ..)| *path);
    for (path, reason) in [
        ("/jwtd.v1.VerifierService/Nothing", "METHOD_UNKNOWN"),
        ("/grpc.health.v1.Health/List", "METHOD_UNKNOWN"),
        ("/jwtd.v2.VerifierService/Verify", "SERVICE_UNKNOWN"),
        ("/nothing", "SERVICE_UNKNOWN"),
        ("/", "SERVICE_UNKNOWN"),
    ] {
        assert!(known.clone().all(|one| one != path));
        let said = call(&daemon, path, "application/grpc", None, b"\0\0\0\0\0").await;
        assert_explained(&said.status, Code::Unimplemented, reason, path);
    }
    daemon.wait_for_count(&handled("/unknown/unknown", "unknown", Code::Unimplemented), 5.0);
    for kind in ["application/json", "application/grpc+json", "application/grpc-web", "text/x"] {
        let path = METHODS[0].0;
        let said = call(&daemon, path, kind, None, b"{}").await;
        assert_eq!(said.http, 415, "{kind}");
        assert_explained(&said.status, Code::InvalidArgument, "CONTENT_TYPE_UNSUPPORTED", kind);
        assert!(said.body.starts_with(b"jwtd serves gRPC"), "{kind}");
    }
    daemon.wait_for("/metrics", "jwtd_http_requests_total{code=\"415\",handler=\"not_grpc\"} 4\n");
}

#[tokio::test]
async fn what_libraries_answer_is_explained_too() {
    let daemon = start_with(ISSUERS);
    let health = call(
        &daemon,
        "/grpc.health.v1.Health/Check",
        "application/grpc",
        None,
        b"\0\0\0\0\x06\x0a\x04none",
    );
    assert_explained(&health.await.status, Code::NotFound, "NOT_FOUND", "health");
    let late = call(
        &daemon,
        "/jwtd.v1.VerifierService/Verify",
        "application/grpc",
        Some(("grpc-timeout", "1n")),
        b"\0\0\0\0\x03\x0a\x01x",
    );
    assert_explained(&late.await.status, Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "late");
    let mut client = ServerReflectionClient::new(daemon.channel(true).await);
    let mut ask = async |symbol: &str| {
        let message_request = Some(MessageRequest::FileContainingSymbol(symbol.to_owned()));
        let request = ServerReflectionRequest { message_request, ..Default::default() };
        let asked = futures_util::stream::iter([request]);
        let mut answers = client.server_reflection_info(asked).await?.into_inner();
        Ok::<_, Status>(answers.message().await?.unwrap().message_response.unwrap())
    };
    for symbol in [
        "google.rpc.ErrorInfo",
        "google.rpc.RetryInfo",
        "google.rpc.BadRequest",
        "google.rpc.Status",
        "jwtd.v1.VerifierService",
        "grpc.health.v1.Health",
    ] {
        let found = ask(symbol).await.unwrap();
        assert!(matches!(found, MessageResponse::FileDescriptorResponse(_)), "{symbol}: {found:?}");
    }
    let missing = ask("google.rpc.Nothing").await.unwrap_err();
    assert_explained(&missing, Code::NotFound, "NOT_FOUND", "reflection");
    let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    daemon.wait_for_count(&handled(path, "bidi_stream", Code::NotFound), 1.0);
}
