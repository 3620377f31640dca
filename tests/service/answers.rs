//! The size of responses, and the caller's text in them.

use crate::client::Calls as _;
use crate::support::{ISSUERS, start, start_with, token};
use bytes::Bytes;
use jwtd::pb::authz::authorization_client::AuthorizationClient;
use jwtd::pb::authz::{CheckRequest, CheckResponse};
use jwtd::pb::{self, View};
use prost::Message;
use std::collections::HashMap;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const LIMIT: usize = 4 * 1024 * 1024;

/// A text that no response may contain.
const CANARY: &str = "canary-of-the-caller";

/// All options, each filled with `text`; a new field must be added here.
fn options(text: &str, times: usize, view: View) -> pb::VerifyOptions {
    let list = |part: &str| (0..times).map(|n| format!("{text}-{part}-{n}")).collect::<Vec<_>>();
    pb::VerifyOptions {
        profile: String::new(),
        view: view.into(),
        audiences: list("audience").into_iter().chain(["a".to_owned()]).collect(),
        scopes: list("scope"),
        attributes: list("attribute").into_iter().map(|name| (name.clone(), name)).collect(),
        claims: list("claim"),
    }
}

fn batch(tokens: &[&str], options: pb::VerifyOptions) -> pb::VerifyBatchRequest {
    let tokens = tokens.iter().map(|token| Bytes::copy_from_slice(token.as_bytes())).collect();
    pb::VerifyBatchRequest { tokens, contexts: Vec::new(), options: Some(options) }
}

/// The response, or the status with its details, as encoded on the wire.
fn bytes<T: Message>(answer: Result<tonic::Response<T>, Status>) -> Vec<u8> {
    match answer {
        Ok(answer) => answer.into_inner().encode_to_vec(),
        Err(status) => [status.message().as_bytes(), status.details()].concat(),
    }
}

fn holds_canary(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes())
}

/// Sends the same options to every method that has them; only `Explain` may repeat the request.
async fn ask_all(daemon: &crate::support::Daemon, token: &str, options: pb::VerifyOptions) {
    let mut client = daemon.client().await;
    let token = Bytes::copy_from_slice(token.as_bytes());
    let one = pb::VerifyRequest { token: token.clone(), context: None, options: Some(options) };
    let options = one.options.clone();
    let tokens = vec![token.clone(); 100];
    let many = pb::VerifyBatchRequest {
        tokens: tokens.clone(),
        contexts: Vec::new(),
        options: options.clone(),
    };
    let message = pb::VerifyStreamRequest {
        id: 77,
        tokens,
        contexts: Vec::new(),
        options: options.clone(),
        timeout: None,
    };
    let explained = pb::ExplainRequest { token, context: None, options };
    let mut answers = vec![bytes(client.verify(one).await), bytes(client.verify_batch(many).await)];
    let streamed = client.verify_stream(futures_util::stream::iter([message])).await.unwrap();
    let answer = streamed.into_inner().message().await.unwrap().unwrap();
    assert_eq!(answer.id, 77);
    answers.push(answer.encode_to_vec());
    for answer in answers {
        assert!(!holds_canary(&answer), "{}", String::from_utf8_lossy(&answer));
    }
    assert!(bytes(client.explain(explained).await).len() < 64 * 1024);
}

#[tokio::test]
async fn no_text_of_the_caller_comes_back_to_it() {
    let daemon = start("");
    for view in [View::Verdict, View::Summary, View::Claims] {
        for token in [&*token(""), CANARY, &format!("{CANARY}.{CANARY}.{CANARY}")] {
            ask_all(&daemon, token, options(CANARY, 3, view)).await;
            let mut named = options(CANARY, 3, view);
            named.profile = CANARY.to_owned();
            ask_all(&daemon, token, named).await;
            // One fault at a time, so that each is reported.
            for part in 0..4 {
                let full = options(CANARY, 3, view);
                let mut alone = pb::VerifyOptions { view: view.into(), ..Default::default() };
                match part {
                    0 => alone.audiences = vec![CANARY.to_owned()],
                    1 => alone.scopes = full.scopes,
                    2 => alone.attributes = full.attributes,
                    _ => alone.claims = full.claims,
                }
                ask_all(&daemon, token, alone).await;
            }
        }
    }
}

#[tokio::test]
async fn options_are_bounded_together_and_the_largest_make_small_answers() {
    let daemon = start("");
    let mut client = daemon.client().await;
    let token = token("");
    let tokens = vec![&*token; 1000];
    let long = || "x".repeat(1 << 20);
    let few = || vec!["x".repeat(3000); 10];
    let full = |change: fn(&mut pb::VerifyOptions, Vec<String>), texts: Vec<String>| {
        let mut options = pb::VerifyOptions::default();
        change(&mut options, texts);
        options
    };
    type Change = fn(&mut pb::VerifyOptions, Vec<String>);
    let changes: [Change; 6] = [
        |options, texts| options.profile = texts.concat(),
        |options, texts| options.audiences = texts,
        |options, texts| options.scopes = texts,
        |options, texts| options.claims = texts,
        |options, texts| options.attributes = [(texts.concat(), String::new())].into(),
        |options, texts| options.attributes = [("a".to_owned(), texts.concat())].into(),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let status = client.verify_batch(batch(&tokens, full(change, vec![long()]))).await;
        let status = status.unwrap_err();
        let info = status.get_details_error_info().unwrap();
        assert_eq!((status.code(), &*info.reason), (Code::InvalidArgument, "OPTIONS_TOO_LARGE"));
        assert_eq!(info.metadata["limit"], "32768", "{place}");
    }
    // Each one alone is allowed; together they are too long.
    let mut options = pb::VerifyOptions { scopes: few(), ..Default::default() };
    let answer = client.verify_batch(batch(&tokens, options.clone())).await.unwrap().into_inner();
    assert!(answer.verdicts.iter().all(|one| !one.permit));
    assert!(answer.encoded_len() < 100_000, "{}", answer.encoded_len());
    options.audiences = few();
    let status = client.verify_batch(batch(&tokens, options)).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "OPTIONS_TOO_LARGE");
}

#[tokio::test]
async fn the_answer_is_bounded_in_every_view() {
    let daemon = start("");
    let mut client = daemon.client().await;
    let scopes = token(&format!(r#","scope":"{}""#, "s ".repeat(4000)));
    let text = token(&format!(r#","c":"{}""#, "x".repeat(8000)));
    for (token, view) in [(&scopes, View::Summary), (&scopes, View::Claims), (&text, View::Claims)]
    {
        let mut answered = [0; 2];
        for count in [1, 100, 300, 350, 500, 1000] {
            let options = pb::VerifyOptions { view: view.into(), ..Default::default() };
            let tokens = vec![&**token; count];
            // Skips requests that are too large for a message.
            let request = batch(&tokens, options);
            if request.encoded_len() > LIMIT {
                continue;
            }
            match client.verify_batch(request).await {
                Ok(answer) => {
                    let answer = answer.into_inner();
                    assert!(answer.encoded_len() <= LIMIT);
                    assert_eq!(answer.verdicts.len(), count);
                    answered[0] += 1;
                }
                Err(status) => {
                    let info = status.get_details_error_info().unwrap();
                    assert!(["REPLY_TOO_LARGE", "OVERLOADED"].contains(&&*info.reason), "{info:?}");
                    answered[1] += 1;
                }
            }
        }
        assert!(answered[0] > 1, "{answered:?}");
    }
}

#[tokio::test]
async fn many_claims_of_many_tokens_are_written_while_others_are_served() {
    let daemon = start("");
    let mut client = daemon.client().await;
    let names: Vec<_> = (0..64).map(|number| format!("c{number}")).collect();
    let members: String = names.iter().map(|name| format!(r#","{name}":1"#)).collect();
    let token = token(&members);
    let options = pb::VerifyOptions {
        view: View::Claims.into(),
        claims: names.clone(),
        ..Default::default()
    };
    let answer = client.verify_batch(batch(&vec![&*token; 1000], options)).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!(answer.verdicts.len(), 1000);
    for verdict in &answer.verdicts {
        let claims: HashMap<String, u8> = serde_json::from_slice(&verdict.claims_json).unwrap();
        assert_eq!(claims.len(), 64);
    }
    assert_eq!(daemon.metric("jwtd_in_flight_bytes").map(|bytes| bytes < 200_000.0), Some(true));
}

/// A call whose message never arrives is answered without it.
#[tokio::test]
async fn what_is_not_switched_on_is_refused_before_its_body_is_read() {
    let daemon = start("");
    let mut grpc = tonic::client::Grpc::new(daemon.channel(true).await);
    grpc.ready().await.unwrap();
    let path = "/envoy.service.auth.v3.Authorization/Check".parse().unwrap();
    let request = tonic::Request::new(futures_util::stream::pending::<CheckRequest>());
    let codec = tonic_prost::ProstCodec::<CheckRequest, CheckResponse>::default();
    let status = grpc.client_streaming(request, path, codec).await.unwrap_err();
    let info = status.get_details_error_info().unwrap();
    assert_eq!((status.code(), &*info.reason), (Code::FailedPrecondition, "NOT_CONFIGURED"));
    assert_eq!(info.metadata["setting"], "ext_authz");
    daemon.wait_for_count(
        r#"grpc_server_handled_total{grpc_code="FailedPrecondition",grpc_method="Check",grpc_service="envoy.service.auth.v3.Authorization",grpc_type="unary"}"#,
        1.0,
    );
    let path = "/jwtd.v1.VerifierService/Nothing".parse().unwrap();
    let request = tonic::Request::new(futures_util::stream::pending::<CheckRequest>());
    let codec = tonic_prost::ProstCodec::<CheckRequest, CheckResponse>::default();
    grpc.ready().await.unwrap();
    let status = grpc.client_streaming(request, path, codec).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    // When the service is enabled, the body is read.
    let daemon = start_with(&format!("{ISSUERS}ext_authz: {{}}\n"));
    let mut client = AuthorizationClient::new(daemon.channel(true).await);
    let answer = client.check(CheckRequest::default()).await.unwrap().into_inner();
    assert!(answer.http_response.is_some());
}
