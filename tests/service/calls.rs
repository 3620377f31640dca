//! Calls: batches, streams, invalid calls and limits.

use crate::client::Calls as _;
use crate::support::{ISSUERS, JWTD, KEY, claims, folder, start, token};
use bytes::Bytes;
use jwtd::pb::verify_stream_response::Result as Outcome;
use jwtd::pb::{self, verifier_service_client::VerifierServiceClient};
use jwtd_core::verify::Reason;
use tonic::Code;
use tonic_types::StatusExt as _;

fn batch(tokens: &[String]) -> pb::VerifyBatchRequest {
    let tokens = tokens.iter().map(|token| Bytes::copy_from_slice(token.as_bytes())).collect();
    pb::VerifyBatchRequest { tokens, contexts: Vec::new(), options: None }
}

fn reasons(verdicts: &[pb::Verdict]) -> Vec<Reason> {
    verdicts
        .iter()
        .map(|one| {
            let reason = Reason::from_number(one.reason.try_into().unwrap()).unwrap();
            assert_eq!(one.permit, reason == Reason::Ok);
            reason
        })
        .collect()
}

/// A thousand tokens with their reasons.
fn thousand() -> (Vec<String>, Vec<Reason>) {
    let make = |n: usize| match n % 5 {
        0 => (token(""), Reason::Ok),
        1 => (token(&format!(r#","jti":"{n}""#)), Reason::Ok),
        2 => (token(&format!(r#","jti":"{n}","nbf":4000000000"#)), Reason::NotYetValid),
        3 => (format!("{}x", token(r#","x":1"#)), Reason::SignatureBadBase64url),
        _ => ("x.y".to_owned(), Reason::TokenNotCompact),
    };
    (0..1000).map(make).unzip()
}

#[tokio::test]
async fn a_batch_is_answered_in_order_cold_and_warm_on_every_socket() {
    let daemon = start("");
    let (tokens, expected) = thousand();
    // The last two bits of these signatures may fill a character, so either reason can occur.
    for unix in [true, false, true] {
        let mut client = VerifierServiceClient::new(daemon.channel(unix).await);
        let answer = client.verify_batch(batch(&tokens)).await.unwrap().into_inner();
        let found = reasons(&answer.verdicts);
        for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let same = found == expected
                || *expected == Reason::SignatureBadBase64url && *found == Reason::SignatureInvalid;
            assert!(same, "{place}: {found}, not {expected}");
        }
    }
}

#[tokio::test]
async fn a_stream_answers_every_message_and_outlives_wrong_ones() {
    let daemon = start("");
    let message = |id: u64| {
        let tokens = match id % 3 {
            0 => vec![Bytes::from(token("")); 3],
            1 => vec![Bytes::from_static(b"x")],
            _ => Vec::new(),
        };
        pb::VerifyStreamRequest { id, tokens, ..Default::default() }
    };
    let messages = futures_util::stream::iter((0..100).map(message));
    let mut answers = daemon.client().await.verify_stream(messages).await.unwrap().into_inner();
    let mut seen = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        seen.push(answer.id);
        match (answer.id % 3, answer.result.unwrap()) {
            (0, Outcome::Verdicts(found)) => assert_eq!(reasons(&found.verdicts), [Reason::Ok; 3]),
            (1, Outcome::Verdicts(found)) => {
                assert_eq!(reasons(&found.verdicts), [Reason::TokenNotCompact]);
            }
            (2, Outcome::Error(error)) => assert_eq!(error.code, 3),
            other => panic!("{other:?}"),
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..100).collect::<Vec<_>>());
}

/// This holds for cache hits too: a late response is useless.
#[tokio::test]
async fn r80_a_message_without_time_is_late_cold_and_remembered() {
    let daemon = start("");
    let mut client = daemon.client().await;
    let one = token("");
    for round in ["cold", "remembered"] {
        let timeout = Some(prost_types::Duration { seconds: 0, nanos: 1 });
        let tokens = vec![Bytes::from(one.clone())];
        let message = pb::VerifyStreamRequest { id: 1, tokens, timeout, ..Default::default() };
        let messages = futures_util::stream::iter([message]);
        let mut answers = client.verify_stream(messages).await.unwrap().into_inner();
        match answers.message().await.unwrap().unwrap().result.unwrap() {
            Outcome::Error(error) => assert_eq!(error.code, 4, "{round}"),
            other => panic!("{round}: {other:?}"),
        }
        let answer = client.verify_batch(batch(std::slice::from_ref(&one))).await.unwrap();
        assert!(answer.into_inner().verdicts[0].permit);
    }
}

#[tokio::test]
async fn r80_wrong_calls_get_a_status_with_the_field_and_the_limit() {
    let daemon = start("limits: { batch_tokens: 5, message_bytes: 20KiB, in_flight_tokens: 4 }\n");
    let mut client = daemon.client().await;
    let good = token("");
    let options = |change: fn(&mut pb::VerifyOptions)| {
        let mut options = pb::VerifyOptions::default();
        change(&mut options);
        pb::VerifyBatchRequest { options: Some(options), ..batch(&["x".to_owned()]) }
    };
    let cases = [
        (batch(&[]), Code::InvalidArgument, "BATCH_EMPTY", "tokens", None),
        (
            batch(&vec!["x".into(); 6]),
            Code::InvalidArgument,
            "BATCH_TOO_LARGE",
            "tokens",
            Some("5"),
        ),
        (batch(&vec!["x".into(); 5]), Code::ResourceExhausted, "OVERLOADED", "tokens", Some("4")),
        (
            pb::VerifyBatchRequest {
                contexts: vec![pb::TokenContext::default(); 2],
                ..batch(&["x".to_owned()])
            },
            Code::InvalidArgument,
            "CONTEXTS_MISMATCH",
            "contexts",
            Some("1"),
        ),
        (
            options(|one| one.profile = "nope".into()),
            Code::InvalidArgument,
            "PROFILE_UNKNOWN",
            "options.profile",
            None,
        ),
        (options(|one| one.view = 9), Code::InvalidArgument, "VIEW_UNKNOWN", "options.view", None),
        (
            options(|one| one.audiences = vec![String::new(); 33]),
            Code::InvalidArgument,
            "FIELD_TOO_LONG",
            "options.audiences",
            Some("32"),
        ),
        (
            batch(&["x".repeat(21_000)]),
            Code::ResourceExhausted,
            "MESSAGE_TOO_LARGE",
            "message",
            Some("20480"),
        ),
    ];
    for (request, code, reason, field, limit) in cases {
        let status = client.verify_batch(request).await.unwrap_err();
        let info = status.get_details_error_info().unwrap();
        assert_eq!((status.code(), &*info.reason, &*info.domain), (code, reason, "jwtd"));
        assert_eq!(info.metadata["field"], field, "{reason}");
        // A response that asks for a retry says when.
        let wait = status.get_details_retry_info().and_then(|info| info.retry_delay);
        let wait = wait.map(|wait| (50..150).contains(&wait.as_millis()));
        assert_eq!(wait, (reason == "OVERLOADED").then_some(true), "{reason}");
        assert_eq!(info.metadata.get("limit").map(String::as_str), limit, "{reason}");
        let answer = client.verify_batch(batch(std::slice::from_ref(&good))).await.unwrap();
        assert!(answer.into_inner().verdicts[0].permit, "it keeps serving after {reason}");
    }
    assert!(daemon.get("/metrics").contains(r#"jwtd_shed_total{cause="tokens"} 1"#));
}

#[tokio::test]
async fn bytes_beyond_the_bound_are_refused_while_they_arrive() {
    let daemon = start("limits: { in_flight_bytes: 8KiB }\n");
    let mut client = daemon.client().await;
    let status = client.verify_batch(batch(&["x".repeat(9_000)])).await.unwrap_err();
    let info = status.get_details_error_info().unwrap();
    assert_eq!((status.code(), &*info.reason), (Code::ResourceExhausted, "OVERLOADED"));
    assert_eq!((&*info.metadata["field"], &*info.metadata["limit"]), ("bytes", "8192"));
    // The permits are returned.
    for _ in 0..3 {
        let answer = client.verify_batch(batch(&[token("")])).await.unwrap().into_inner();
        assert_eq!(reasons(&answer.verdicts), [Reason::Ok]);
    }
    // A response counts until it is sent, which may be a moment after the client has read it.
    let metrics = daemon.wait_for("/metrics", "jwtd_in_flight_bytes 0");
    assert!(metrics.contains(r#"jwtd_shed_total{cause="bytes"} 1"#), "{metrics}");
}

#[tokio::test]
async fn r80_a_call_without_a_deadline_has_ours() {
    // On one thread, four thousand signatures exceed the deadline on any machine.
    let config = format!("{ISSUERS}limits: {{ call_timeout: 10ms, batch_tokens: 4000 }}\n");
    let daemon = JWTD.with(&["--workers", "1"]).start(folder(), &config);
    let forged = |index: usize| {
        let token = token(&format!(r#","jti":"{index}""#));
        let (signed, _) = token.rsplit_once('.').unwrap();
        format!("{signed}.{}", "A".repeat(86))
    };
    let tokens: Vec<_> = (0..4000).map(forged).collect();
    let status = daemon.client().await.verify_batch(batch(&tokens)).await.unwrap_err();
    let info = status.get_details_error_info().unwrap();
    assert_eq!((status.code(), &*info.reason), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
}

/// Uses its own client, because tonic's gives up when the deadline expires.
#[tokio::test]
async fn r80_a_call_past_its_deadline_fails_whole() {
    use http_body_util::{BodyExt as _, Full};
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use prost::Message as _;

    let daemon = start("");
    let socket = tokio::net::UnixStream::connect(daemon.socket()).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
            .await
            .unwrap();
    tokio::spawn(connection);
    let message = batch(&[token("")]).encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let body = Bytes::from([&[0], &length[..], &message].concat());
    for (timeout, expected) in [("1n", "4"), ("1M", "0")] {
        let request = http::Request::post("http://localhost/jwtd.v1.VerifierService/VerifyBatch")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-timeout", timeout)
            .body(Full::new(body.clone()))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        let headers = response.headers().clone();
        let body = response.into_body().collect().await.unwrap();
        let status = headers.get("grpc-status").or_else(|| body.trailers()?.get("grpc-status"));
        assert_eq!(status.unwrap(), expected);
    }
}

#[tokio::test]
async fn r82_nothing_of_a_token_reaches_the_log() {
    let daemon = start("");
    let hostile = r#"\u001b[31m\r\n\u2028\"}{"#;
    let header = format!(r#"{{"alg":"EdDSA","kid":"secret-kid{hostile}"}}"#);
    let mut tokens = vec![token(&format!(r#","jti":"secret-jti{hostile}""#))];
    tokens.push(KEY.sign(&header, &claims("")));
    tokens.push(token("").replace("https", "secret"));
    tokens.push("secret.secret.secret".to_owned());
    daemon.client().await.verify_batch(batch(&tokens)).await.unwrap();
    let log = daemon.stop();
    assert!(log.lines().count() > 3, "{log}");
    for line in log.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect(line);
    }
    for part in tokens.iter().flat_map(|token| token.split('.')).chain(["secret", "alice"]) {
        assert!(!log.contains(part), "{part}");
    }
}
