//! The steps of verification, one after the other, without the daemon.

use super::*;
use crate::crypto::SigningKey;
use crate::jose::{Algorithm, JwkSet, Limits, TokenType, UnixTime, base64url};
use crate::keys::{Issuer, Issuers, KeySet, KeyState, Leeway};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

mod current;
#[cfg(feature = "jwe")]
mod encrypted;
mod prove;
mod reading;
#[cfg(feature = "jwe")]
mod shared_key;
mod words;

const NOW: i64 = 1_800_000_000;

static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::EdDsa).unwrap());

fn issuers(audiences: Option<&[&str]>) -> Issuers {
    let jwks = format!(r#"{{"keys":[{}]}}"#, KEY.to_jwk("k"));
    let (set, unusable) =
        KeySet::of_public(&JwkSet::parse(jwks.as_bytes()).unwrap().keys, &[Algorithm::EdDsa]);
    assert_eq!(unusable, []);
    let issuer = |name, iss, keys| {
        let algorithms = [Algorithm::EdDsa, Algorithm::Es256].into_iter().collect();
        Issuer::new(name, &[iss], algorithms, audiences, Leeway::DEFAULT, "test", keys)
    };
    let held = KeyState::Held { set: set.into(), stale_at: None };
    let all = vec![issuer("a", "https://a", held), issuer("b", "https://b", KeyState::Unavailable)];
    Issuers::new(all, Limits::DEFAULT).unwrap()
}

fn sign(header: &str, claims: &str) -> String {
    KEY.sign_compact(header, claims).unwrap()
}

const HEADER: &str = r#"{"alg":"EdDSA","kid":"k"}"#;

/// A good payload with `extra` members.
fn claims(extra: &str) -> String {
    format!(r#"{{"iss":"https://a","aud":["x","y"],"exp":{}{extra}}}"#, NOW + 100)
}

fn outcome(token: &str, now: i64, change: impl FnOnce(&mut Profile)) -> Reason {
    let issuers = issuers(Some(&["x"]));
    let mut profile = Profile::new("p", &["a", "b"], &issuers).unwrap();
    change(&mut profile);
    verify(token.as_bytes(), &issuers, &profile, &[], UnixTime::from_seconds(now))
        .map_or_else(|reject| reject.reason(), |_| Reason::Ok)
}

fn of(header: &str, claims: &str) -> Reason {
    outcome(&sign(header, claims), NOW, |_| {})
}

#[test]
fn a_good_token_is_proven_and_shows_what_it_says() {
    let issuers = issuers(Some(&["x"]));
    let profile = Profile::new("p", &["a"], &issuers).unwrap();
    let token = sign(HEADER, &claims(r#","sub":"s""#));
    let now = UnixTime::from_seconds(NOW);
    let proven = verify(token.as_bytes(), &issuers, &profile, &[], now).unwrap();
    assert_eq!(proven.claims().subject(), Some("s"));
    assert_eq!(proven.payload(), claims(r#","sub":"s""#).as_bytes());
    assert_eq!(proven.key_id(), Some("k"));
    assert_eq!(issuers.get(proven.proof().issuer()).unwrap().name(), "a");
}

#[test]
fn the_first_step_that_fails_decides() {
    let body = claims("");
    // Worse and worse: each token has the faults of those after it, too.
    assert_eq!(of(r#"{"alg":"none","crit":[]}"#, "[]"), Reason::CriticalInvalid);
    assert_eq!(of(r#"{"alg":"none"}"#, "[]"), Reason::AlgorithmNone);
    assert_eq!(of(r#"{"alg":"ES256K"}"#, "[]"), Reason::AlgorithmUnsupported);
    assert_eq!(of(r#"{"alg":"RS256","kid":"z"}"#, "[]"), Reason::ClaimsNotObject);
    assert_eq!(of(r#"{"alg":"RS256","kid":"z"}"#, r#"{"exp":1}"#), Reason::IssuerMissing);
    assert_eq!(of(r#"{"alg":"RS256"}"#, r#"{"iss":"https://a/","exp":1}"#), Reason::IssuerUnknown);
    assert_eq!(of(r#"{"alg":"RS256","kid":"k"}"#, &body), Reason::AlgorithmNotAllowed);
    let other = body.replace("https://a", "https://b");
    assert_eq!(of(HEADER, &other), Reason::KeysUnavailable);
    assert_eq!(of(r#"{"alg":"EdDSA","kid":"z"}"#, &body), Reason::KeyUnknown);
    assert_eq!(of(r#"{"alg":"ES256","kid":"k"}"#, &body), Reason::AlgorithmKeyMismatch);
}

#[test]
fn r30_the_issuer_is_compared_byte_by_byte() {
    for iss in ["https://A", "https://a/", "https://a ", "HTTPS://a", "https://%61", "a", " "] {
        assert_eq!(of(HEADER, &claims("").replace("https://a", iss)), Reason::IssuerUnknown);
    }
    assert_eq!(of(HEADER, &claims("").replace("https://a", "")), Reason::IssuerMissing);
}

#[test]
fn every_changed_byte_of_a_token_is_noticed() {
    let token = sign(HEADER, &claims(""));
    for place in 0..token.len() {
        for replacement in [b'A', b'B', b'.', b'='] {
            let mut bytes = token.clone().into_bytes();
            if bytes[place] == replacement {
                continue;
            }
            bytes[place] = replacement;
            let changed = String::from_utf8(bytes).unwrap();
            assert_ne!(outcome(&changed, NOW, |_| {}), Reason::Ok, "{changed}");
        }
    }
}

#[test]
fn r10_r12_a_public_key_is_never_a_secret() {
    use crate::jose::Secret;
    let jwk = KEY.to_jwk("k");
    let raw = base64url::decode(&jwk.split(r#""x":""#).nth(1).unwrap().as_bytes()[..43]).unwrap();
    let spki = [&b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"[..], &raw].concat();
    for secret in [raw, jwk.clone().into_bytes(), format!(" {jwk}\n").into_bytes(), spki] {
        for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
            let Ok(forger) = SigningKey::from_secret(Secret::new(secret.clone()), algorithm) else {
                continue;
            };
            for kid in ["", r#","kid":"k""#] {
                let header = format!(r#"{{"alg":"{algorithm}"{kid}}}"#);
                let forged = forger.sign_compact(&header, &claims("")).unwrap();
                assert_eq!(outcome(&forged, NOW, |_| {}), Reason::AlgorithmNotAllowed);
            }
        }
    }
}

#[test]
fn r18_keys_in_the_header_do_not_matter() {
    let stranger = SigningKey::generate(Algorithm::EdDsa).unwrap();
    for member in [
        format!(r#""jwk":{}"#, stranger.to_jwk("k")),
        r#""jku":"http://127.0.0.1:1/jwks""#.to_owned(),
        r#""x5u":"http://127.0.0.1:1/chain""#.to_owned(),
        r#""x5c":["AAAA"]"#.to_owned(),
    ] {
        let header = format!(r#"{{"alg":"EdDSA","kid":"k",{member}}}"#);
        let forged = stranger.sign_compact(&header, &claims("")).unwrap();
        assert_eq!(outcome(&forged, NOW, |_| {}), Reason::SignatureInvalid);
        assert_eq!(of(&header, &claims("")), Reason::Ok);
    }
}

#[test]
fn r33_times_are_judged_to_the_second() {
    let token = sign(HEADER, &claims(&format!(r#","nbf":{NOW},"iat":{NOW}"#)));
    let at = |now| outcome(&token, now, |_| {});
    assert_eq!(at(NOW + 159), Reason::Ok);
    assert_eq!(at(NOW + 160), Reason::Expired);
    assert_eq!(at(NOW - 60), Reason::Ok);
    assert_eq!(at(NOW - 61), Reason::NotYetValid);
    assert_eq!(at(i64::MAX), Reason::Expired);
    assert_eq!(at(0), Reason::NotYetValid);
    let future = sign(HEADER, &claims(&format!(r#","iat":{}"#, NOW + 61)));
    assert_eq!(outcome(&future, NOW, |_| {}), Reason::IssuedInFuture);
    assert_eq!(outcome(&future, NOW + 1, |_| {}), Reason::Ok);

    let aged = |now| outcome(&token, now, |one| one.max_age = Some(Duration::from_secs(30)));
    assert_eq!(aged(NOW + 90), Reason::Ok);
    assert_eq!(aged(NOW + 91), Reason::TooOld);
    let ageless = sign(HEADER, &claims(""));
    let limit = |one: &mut Profile| one.max_age = Some(Duration::from_secs(30));
    assert_eq!(outcome(&ageless, NOW, limit), Reason::IssuedAtMissing);
    assert_eq!(of(HEADER, r#"{"iss":"https://a","aud":"x"}"#), Reason::ExpiryMissing);
}

#[test]
fn r31_one_audience_must_be_accepted_by_all() {
    use Reason::{AudienceMismatch, AudienceMissing, Ok};
    let judged = |configured: Option<&[&str]>, own: Option<&[&str]>, asked: &[&str], aud: &str| {
        let issuers = issuers(configured);
        let mut profile = Profile::new("p", &["a"], &issuers).unwrap();
        let shared = |list: &[&str]| list.iter().copied().map(Arc::from).collect::<Vec<_>>();
        profile.audiences = own.map(|list| shared(list).into());
        let token = sign(HEADER, &claims("").replace(r#""aud":["x","y"],"#, aud));
        let now = UnixTime::from_seconds(NOW);
        verify(token.as_bytes(), &issuers, &profile, &shared(asked), now)
            .map_or_else(|reject| reject.reason(), |_| Ok)
    };
    let both = r#""aud":["x","y"],"#;
    assert_eq!(judged(Some(&["x"]), None, &[], both), Ok);
    assert_eq!(judged(Some(&["x"]), None, &[], r#""aud":"x","#), Ok);
    assert_eq!(judged(Some(&["X"]), None, &[], both), AudienceMismatch);
    assert_eq!(judged(Some(&["x"]), None, &[], ""), AudienceMissing);
    assert_eq!(judged(Some(&["x", "y"]), Some(&["y"]), &[], both), Ok);
    // Each list finds an audience, but none is in both.
    assert_eq!(judged(Some(&["x"]), Some(&["y"]), &[], both), AudienceMismatch);
    assert_eq!(judged(Some(&["x"]), None, &["y"], both), AudienceMismatch);
    assert_eq!(judged(Some(&["x", "y"]), None, &["y"], both), Ok);
    assert_eq!(judged(None, None, &[], ""), Ok);
    assert_eq!(judged(None, Some(&["y"]), &[], ""), AudienceMissing);
    assert_eq!(judged(None, None, &["z"], both), AudienceMismatch);
}

#[test]
fn r35_r36_other_kinds_of_tokens_are_refused() {
    let typed = |name: &str| format!(r#"{{"alg":"EdDSA","kid":"k","typ":"{name}"}}"#);
    for fine in ["JWT", "jwt", "at+jwt", "application/at+jwt", ""] {
        assert_eq!(of(&typed(fine), &claims("")), Reason::Ok, "{fine}");
    }
    for other in ["logout+jwt", "dpop+jwt", "secevent+jwt", "id_token", " ", "JWT "] {
        assert_eq!(of(&typed(other), &claims("")), Reason::TypeNotAllowed, "{other}");
    }
    let strict = |one: &mut Profile| one.types = [TokenType::AccessToken].into_iter().collect();
    assert_eq!(outcome(&sign(HEADER, &claims("")), NOW, strict), Reason::TypeNotAllowed);
    assert_eq!(outcome(&sign(&typed("at+jwt"), &claims("")), NOW, strict), Reason::Ok);
}

#[test]
fn r37_a_bound_token_without_proof_is_refused() {
    let bound = format!(r#","cnf":{{"jkt":"{}"}}"#, "A".repeat(43));
    assert_eq!(of(HEADER, &claims(&bound)), Reason::BindingRequired);
    let unreadable = claims(r#","cnf":{"jkt":null}"#);
    assert_eq!(of(HEADER, &unreadable), Reason::BindingMismatch);
    for bound in ["{}", "7", "false", "[null]"] {
        let token = claims(&format!(r#","cnf":{bound}"#));
        assert_eq!(of(HEADER, &token), Reason::BindingRequired, "{bound}");
    }
    // What the issuer did not set binds nothing.
    for unset in ["null", "\"\"", "[]"] {
        assert_eq!(of(HEADER, &claims(&format!(r#","cnf":{unset}"#))), Reason::Ok, "{unset}");
    }
    let (issuers, now) = (issuers(Some(&["x"])), UnixTime::from_seconds(NOW));
    let profile = Profile::new("p", &["a"], &issuers).unwrap();
    let context = TokenContext::default();
    assert_eq!(&context, TokenContext::none());
    let judged = |extra: &str| {
        let token = sign(HEADER, &claims(extra));
        verify_in_context(token.as_bytes(), &issuers, &profile, &[], &context, now).map(drop)
    };
    let missing = BindingFault::Missing(BindingKind::Dpop);
    assert_eq!(judged(&bound), Err(missing.into()));
    assert_eq!(judged(""), Ok(()));
}

#[test]
fn r32_the_lifetime_is_bounded_from_iat_to_exp() {
    let limited = |claims: &str, limit| {
        outcome(&sign(HEADER, claims), NOW, |profile| {
            profile.max_lifetime = Some(Duration::from_secs(limit));
        })
    };
    let issued = claims(&format!(r#","iat":{}"#, NOW - 20));
    assert_eq!(limited(&issued, 120), Reason::Ok);
    assert_eq!(limited(&issued, 119), Reason::LifetimeTooLong);
    assert_eq!(limited(&claims(""), 120), Reason::IssuedAtMissing);
}

#[test]
fn r31_required_audiences_are_named_all() {
    let required = |names: &[&str]| {
        outcome(&sign(HEADER, &claims("")), NOW, |profile| {
            profile.required_audiences = names.iter().copied().map(Arc::from).collect();
        })
    };
    assert_eq!(required(&["y", "x"]), Reason::Ok);
    assert_eq!(required(&["x", "z"]), Reason::AudienceMismatch);
    let any = issuers(None);
    let mut profile = Profile::new("p", &["a"], &any).unwrap();
    let judged = |profile: &Profile, token: &str| {
        verify(token.as_bytes(), &any, profile, &[], UnixTime::from_seconds(NOW))
            .map_or_else(|reject| reject.reason(), |_| Reason::Ok)
    };
    let without = format!(r#"{{"iss":"https://a","exp":{}}}"#, NOW + 100);
    assert_eq!(judged(&profile, &sign(HEADER, &without)), Reason::Ok);
    profile.required_audiences = [Arc::from("x")].into();
    assert_eq!(judged(&profile, &sign(HEADER, &claims(""))), Reason::Ok);
    assert_eq!(judged(&profile, &sign(HEADER, &without)), Reason::AudienceMissing);
}
