//! Uses the input as the payload of a logout token and of a security event token, both signed.
//! Accepted ones are read a second time with `serde_json` and must conform to their specification.

use crate::json;
use crate::world::{ISSUERS, NOW, WORLD, now, sign};
use jwtd_core::jose::Limits;
use jwtd_core::verify::read_event;
use jwtd_core::verify::security_event::{
    EventFault, EventMatter, EventRules, EventType, judge_logout, judge_set,
};
use serde_json::Value;
use std::time::Duration;

const WINDOW: u64 = 600;

fn judged<T>(
    token_type: &str,
    payload: &[u8],
    judge: impl Fn(&EventMatter<'_>) -> Result<T, EventFault>,
) -> Option<T> {
    let header = format!(r#"{{"alg":"EdDSA","kid":"ed","typ":"{token_type}"}}"#);
    let token = sign(1, header.as_bytes(), payload);
    let issuer = WORLD.find("joe").unwrap();
    let proven = read_event(token, &WORLD, issuer).ok()?.prove().expect("it was signed");
    let rules =
        EventRules { audiences: ["me".into()].into(), max_age: Duration::from_secs(WINDOW) };
    let (issuers, rules, now) = (&*WORLD, &rules, now());
    let outcome = judge(&EventMatter { proven: &proven, issuers, issuer, rules, now });
    if let Err(fault) = &outcome {
        assert!(fault.to_string().len() < 200 && !fault.code().is_empty());
    }
    outcome.ok()
}

/// Checks that hold for every accepted event.
fn check(payload: &Value, token_id: &str) {
    assert_eq!(payload["iss"], ISSUERS[0]);
    assert_eq!(payload["jti"], token_id);
    let audience = &payload["aud"];
    let named = audience.as_array().is_some_and(|all| all.contains(&"me".into()));
    assert!(audience == "me" || named, "{audience}");
    let iat = payload["iat"].as_f64().unwrap();
    let skew = 60.0;
    assert!((NOW as f64 - iat) <= WINDOW as f64 + skew && iat < NOW as f64 + skew + 1.0);
    assert!(payload["events"].as_object().is_some_and(|events| !events.is_empty()));
}

/// Runs the target on one input.
pub fn run(input: &[u8]) {
    let payload = json::strict(input, &Limits::DEFAULT.json).unwrap_or_default();
    if let Some(logout) = judged("logout+jwt", input, judge_logout) {
        check(&payload, &logout.token_id);
        assert!(payload.get("nonce").is_none());
        assert!(
            payload["events"]["http://schemas.openid.net/event/backchannel-logout"].is_object()
        );
        for (name, own) in [("sid", logout.session), ("sub", logout.subject)] {
            let written = payload[name].as_str().filter(|text| !text.is_empty());
            assert_eq!(written, own.as_deref(), "{name}");
        }
        assert!(judged("at+jwt", input, judge_logout).is_none());
        assert!(judged("secevent+jwt", input, judge_logout).is_none());
    }
    if let Some(token) = judged("secevent+jwt", input, judge_set) {
        check(&payload, &token.token_id);
        assert!(payload.get("sub").is_none());
        assert_eq!(token.events.len(), payload["events"].as_object().unwrap().len());
        for event in &token.events {
            assert!(event.happened_at <= token.issued_at);
            assert_eq!(event.status.is_some(), event.event_type == EventType::StreamUpdated);
        }
        assert!(judged("JWT", input, judge_set).is_none());
        assert!(judged("logout+jwt", input, judge_set).is_none());
    }
}
