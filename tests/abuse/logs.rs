//! Caller-supplied text in the log (T71): each record stays a single line of JSON.

use crate::Plan;
use crate::frames::{self, END, END_HEADERS, HEADERS, data, frame, literal, prefixed};
use crate::job::Job;
use crate::peer::Peer;
use crate::resets::BATCH;
use crate::scene::{Base, ISS, Scene};
use jwtd::pb::{VerifyBatchRequest, VerifyOptions};
use jwtd_core::jose::base64url;
use prost::Message as _;

pub(crate) fn jobs(_: &Plan) -> Vec<Job> {
    vec![Job::new(
        "t71 ESC, CR, LF, NUL, U+2028, quotes in tokens, options and fields; every detail is logged",
        "each line is one line of JSON without a control character; nothing of a token",
        || async {
            let scene = Scene::start(&Base {
                log: "trace,h2=trace,hyper=trace,tonic=trace,tower=trace",
                ..Base::default()
            })
            .await?;
            hostile(&scene).await.map(Into::into)
        },
    )]
}

/// Hostile texts as written in JSON, each with a word to search for.
const TEXTS: &[&str] = &[
    r"hostile\u001b[31m\u001b]0;x\u0007",
    r"hostile\r\n{\u0022level\u0022:\u0022ERROR\u0022}",
    r"hostile\u0000\u0008\u007f\u009b31m",
    r"hostile\u2028\u2029\u0085\ufeff\u202e",
    r#"hostile\"}],\"x\":[{\""#,
    r"hostile\\u000a\\n%0a%0d${jndi:x}",
];

async fn hostile(scene: &Scene) -> Result<String, String> {
    let mut tokens = Vec::new();
    let plain_claims = format!(r#"{{"iss":"{ISS}","aud":"a","exp":9999999999}}"#);
    let forged = |header: &str| {
        let parts = [header.as_bytes(), plain_claims.as_bytes(), &[7; 64]];
        parts.map(base64url::encode).join(".")
    };
    for text in TEXTS {
        let claims = |iss: &str, sub: &str| {
            format!(r#"{{"iss":"{iss}","aud":"a","sub":"{sub}","jti":"{sub}","exp":9999999999}}"#)
        };
        tokens.push(scene.signer.signed(claims(ISS, text)));
        tokens.push(scene.signer.signed(claims(text, "s")));
        tokens.push(forged(&format!(r#"{{"alg":"EdDSA","kid":"{text}"}}"#)));
        tokens.push(forged(&format!(r#"{{"alg":"{text}","typ":"{text}"}}"#)));
    }
    let plain = "hostile\u{1b}[31m\r\n\0\u{2028}\"}";
    tokens.push(plain.to_owned());
    let call = |profile: &str, tokens: &[String]| {
        let tokens = tokens.iter().map(|token| token.clone().into_bytes().into()).collect();
        let profile = profile.to_owned();
        let options = Some(VerifyOptions { profile, ..Default::default() });
        prefixed(&VerifyBatchRequest { tokens, options, ..Default::default() }.encode_to_vec())
    };
    let mut calls = vec![
        (frames::fields(BATCH), call("", &tokens)),
        (frames::fields(BATCH), call(plain, &tokens)),
    ];
    for name in [&b"user-agent"[..], b"grpc-timeout", b"x-request-id", b"traceparent", b"x-bin"] {
        // HTTP/2 allows field values whose only control character is the tab.
        let value = "hostile\t\"}{\\u001b\u{9b}31m\u{2028}".as_bytes();
        let block = [frames::fields(BATCH), literal(name, value)].concat();
        calls.push((block, call("", &tokens)));
        let block = [frames::fields(BATCH), literal(name, plain.as_bytes())].concat();
        calls.push((block, call("", &tokens)));
    }
    calls.push((frames::fields("/hostile\u{2028}\"}".as_bytes()), call("", &tokens)));
    for (block, body) in &calls {
        let peer = Peer::open(&scene.target.tcp).await?;
        let bytes = [frame(HEADERS, END_HEADERS, 1, block), data(1, END, body)].concat();
        peer.say(&bytes).await.ok();
        peer.answer(1).await?;
    }
    scene.is_sound().await?;
    let log = scene.daemon.log();
    let mut lines = 0;
    for line in log.split('\n').filter(|line| !line.is_empty()) {
        let read = serde_json::from_str::<serde_json::Value>(line);
        read.map_err(|error| format!("{error}: {line:?}"))?;
        if let Some(bad) = line.chars().find(|one| one.is_control()) {
            return Err(format!("{bad:?} in {line:?}"));
        }
        lines += 1;
    }
    for part in tokens.iter().flat_map(|token| token.split('.')).filter(|part| part.len() > 8) {
        if log.contains(part) {
            return Err(format!("a part of a token is in the log: {part:?}"));
        }
    }
    if lines < 100 {
        return Err(format!("only {lines} lines were logged"));
    }
    Ok(format!("{} tokens, {} calls, {lines} lines", tokens.len(), calls.len()))
}
