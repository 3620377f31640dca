//! Each rule of events, by a good event in which one thing is changed.

use super::*;
use crate::crypto::SigningKey;
use crate::jose::{Algorithm, JwkSet, Limits, UnixTime};
use crate::keys::{Issuer, Issuers, KeySet, KeyState, Leeway};
use crate::verify::read_event;
use std::sync::LazyLock;
use std::time::Duration;

mod logout;
mod set;

const NOW: i64 = 1_800_000_000;

static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::EdDsa).unwrap());

/// Three issuers: two with the key, one of which has grown too old, and one without.
fn issuers() -> Issuers {
    let jwks = format!(r#"{{"keys":[{}]}}"#, KEY.to_jwk("k"));
    let keys = JwkSet::parse(jwks.as_bytes()).unwrap().keys;
    let set = std::sync::Arc::new(KeySet::of_public(&keys, &[Algorithm::EdDsa]).0);
    let issuer = |name: &str, keys| {
        let algorithms = [Algorithm::EdDsa, Algorithm::Es256].into_iter().collect();
        let iss = format!("https://{name}");
        Issuer::new(name, &[&iss], algorithms, None, Leeway::DEFAULT, "test", keys)
    };
    let held = |stale_at| KeyState::Held { set: set.clone(), stale_at };
    let stale = Some(UnixTime::from_seconds(NOW));
    let all = vec![
        issuer("a", held(None)),
        issuer("old", held(stale)),
        issuer("none", KeyState::Unavailable),
    ];
    Issuers::new(all, Limits::DEFAULT).unwrap()
}

/// A token as members of its header and its payload, each as JSON.
#[derive(Clone)]
struct Written {
    header: Vec<(String, String)>,
    payload: Vec<(String, String)>,
}

impl Written {
    fn new(token_type: &str, payload: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let header = [("alg", "\"EdDSA\""), ("kid", "\"k\""), ("typ", token_type)];
        Self {
            header: header.iter().map(own).collect(),
            payload: payload.iter().map(own).collect(),
        }
    }

    fn change(members: &mut Vec<(String, String)>, name: &str, value: &str) {
        members.retain(|(own, _)| own != name);
        if !value.is_empty() {
            members.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The same with this claim, or without it if the value is empty.
    fn with(mut self, name: &str, value: &str) -> Self {
        Self::change(&mut self.payload, name, value);
        self
    }

    fn with_header(mut self, name: &str, value: &str) -> Self {
        Self::change(&mut self.header, name, value);
        self
    }

    fn sign(&self) -> String {
        let object = |members: &[(String, String)]| {
            let members = members.iter().map(|(name, value)| format!("\"{name}\":{value}"));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        };
        KEY.sign_compact(&object(&self.header), &object(&self.payload)).unwrap()
    }
}

/// What `judge` says of a token that issuer `name` may send, at `now`.
fn judged<T>(
    token: &str,
    name: &str,
    now: i64,
    judge: impl Fn(&EventMatter<'_>) -> Result<T, EventFault>,
) -> Result<T, EventFault> {
    let issuers = issuers();
    let issuer = issuers.find(name).unwrap();
    let read = read_event(token.as_bytes(), &issuers, issuer);
    let proven = read.map_err(|error| error.into_refusal().reject)?.prove()?;
    let rules = EventRules {
        audiences: ["me".into(), "me too".into()].into(),
        max_age: Duration::from_secs(600),
    };
    let now = UnixTime::from_seconds(now);
    judge(&EventMatter { proven: &proven, issuers: &issuers, issuer, rules: &rules, now })
}

/// Changes of claims that every event is refused for, and the code of the fault.
fn common() -> Vec<(&'static str, String, &'static str)> {
    let at = |name, seconds: i64, code| (name, NOW.saturating_add(seconds).to_string(), code);
    let to = |name, value: &str, code| (name, value.to_owned(), code);
    vec![
        to("iss", "", "ISSUER_MISSING"),
        to("iss", "\"https://b\"", "ISSUER_UNKNOWN"),
        to("iss", "\"https://a/\"", "ISSUER_UNKNOWN"),
        to("iss", "\"https://A\"", "ISSUER_UNKNOWN"),
        to("iss", "[\"https://a\"]", "CLAIM_BAD_TYPE"),
        to("iss", "\"https://old\"", "ISSUER_NOT_IN_PROFILE"),
        to("iss", "\"https://none\"", "ISSUER_NOT_IN_PROFILE"),
        to("aud", "", "AUDIENCE_MISSING"),
        to("aud", "[]", "AUDIENCE_MISSING"),
        to("aud", "\"you\"", "AUDIENCE_MISMATCH"),
        to("aud", "\"Me\"", "AUDIENCE_MISMATCH"),
        to("aud", "[\"you\",\"m\"]", "AUDIENCE_MISMATCH"),
        to("aud", "1", "CLAIM_BAD_TYPE"),
        to("aud", "[\"me\",1]", "CLAIM_BAD_TYPE"),
        to("iat", "", "ISSUED_AT_MISSING"),
        to("iat", "\"1800000000\"", "CLAIM_BAD_TYPE"),
        at("iat", -661, "TOO_OLD"),
        at("iat", 61, "ISSUED_IN_FUTURE"),
        at("exp", -60, "EXPIRED"),
        to("exp", "\"never\"", "CLAIM_BAD_TYPE"),
        to("exp", "0", "CLAIM_BAD_TYPE"),
        at("nbf", 61, "NOT_YET_VALID"),
        to("jti", "", "TOKEN_ID_MISSING"),
        to("jti", "\"\"", "TOKEN_ID_MISSING"),
        to("jti", "null", "TOKEN_ID_MISSING"),
        to("jti", "7", "CLAIM_BAD_TYPE"),
        to("events", "", "EVENTS_MISSING"),
        to("events", "null", "EVENTS_MISSING"),
        to("events", "[]", "EVENTS_MISSING"),
        to("events", "{}", "EVENTS_MISSING"),
        to("events", "\"x\"", "EVENTS_MISSING"),
        ("events", many_events(9), "TOO_MANY_EVENTS"),
    ]
}

/// Claims that every event may have, with a value that is good.
fn fine() -> Vec<(&'static str, String)> {
    let at = |name, seconds: i64| (name, NOW.saturating_add(seconds).to_string());
    vec![
        ("aud", "\"me\"".to_owned()),
        ("aud", "[\"you\",\"me too\"]".to_owned()),
        at("iat", -660),
        at("iat", 60),
        at("exp", -59),
        at("nbf", 60),
        ("txn", "{}".to_owned()),
    ]
}

fn many_events(count: usize) -> String {
    let events = (0..count).map(|place| format!("\"urn:{place}\":{{}}"));
    format!("{{{}}}", events.collect::<Vec<_>>().join(","))
}

/// Changes of the header that every event is refused for.
const HEADERS: [(&str, &str, &str); 8] = [
    ("alg", "\"none\"", "ALGORITHM_NONE"),
    ("alg", "\"ES256\"", "ALGORITHM_KEY_MISMATCH"),
    ("alg", "\"HS256\"", "ALGORITHM_NOT_ALLOWED"),
    ("kid", "\"z\"", "KEY_UNKNOWN"),
    ("crit", "[\"x\"]", "CRITICAL_INVALID"),
    ("typ", "\"at+jwt\"", "TYPE_NOT_ALLOWED"),
    ("typ", "\"dpop+jwt\"", "TYPE_NOT_ALLOWED"),
    ("typ", "7", "HEADER_BAD_PARAMETER"),
];

/// Checks all that events of both forms have in common.
fn check_common<T: std::fmt::Debug>(
    good: &Written,
    judge: impl Fn(&EventMatter<'_>) -> Result<T, EventFault>,
) {
    let code = |written: &Written, name| {
        judged(&written.sign(), name, NOW, &judge).map_err(|fault| fault.code())
    };
    assert!(code(good, "a").is_ok());
    for (name, value, expected) in common() {
        let refused = code(&good.clone().with(name, &value), "a");
        assert_eq!(refused.err(), Some(expected), "{name}: {value}");
    }
    for (name, value) in fine() {
        assert!(code(&good.clone().with(name, &value), "a").is_ok(), "{name}: {value}");
    }
    for (name, value, expected) in HEADERS {
        let refused = code(&good.clone().with_header(name, value), "a");
        assert_eq!(refused.err(), Some(expected), "{name}: {value}");
    }
    for (name, expected) in [("old", "KEYS_STALE"), ("none", "KEYS_UNAVAILABLE")] {
        let other = good.clone().with("iss", &format!("\"https://{name}\""));
        assert_eq!(code(&other, name).err(), Some(expected));
        assert_eq!(code(&other, "a").err(), Some("ISSUER_NOT_IN_PROFILE"));
        assert_eq!(code(good, name).err(), Some("ISSUER_NOT_IN_PROFILE"));
    }
    // Each bit of the signature, and each letter of what is signed.
    let token = good.sign();
    for place in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(judged(&changed, "a", NOW, &judge).is_err(), "{place}");
    }
    let padding = format!("\"{}\"", "x".repeat(12 * 1024));
    let refused = code(&good.clone().with("padding", &padding), "a");
    assert_eq!(refused.err(), Some("TOKEN_TOO_LARGE"));
}

#[test]
fn an_encrypted_event_is_refused() {
    let refused = judged("a.b.c.d.e", "a", NOW, judge_set);
    assert_eq!(refused.unwrap_err().code(), "TOKEN_ENCRYPTED");
}
