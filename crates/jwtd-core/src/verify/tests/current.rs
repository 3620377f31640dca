//! How long a proof stands: as long as the issuer still has that very key, and the keys are
//! fresh enough.

use super::*;
use crate::keys::Key;

/// The issuer, with these keys from this source.
fn world(source: &str, keys: KeyState) -> Issuers {
    let algorithms = [Algorithm::EdDsa].into_iter().collect();
    let skew = Leeway::DEFAULT;
    let issuer = Issuer::new("a", &["https://a"], algorithms, None, skew, source, keys);
    Issuers::new(vec![issuer], Limits::DEFAULT).unwrap()
}

fn held(keys: &[(&str, &SigningKey)], stale_at: Option<i64>) -> KeyState {
    let key = |(id, key): &(&str, &SigningKey)| Key::new(Some(id), key.verifying_key().unwrap());
    let set = KeySet::new(keys.iter().map(key).collect());
    KeyState::Held { set: set.into(), stale_at: stale_at.map(UnixTime::from_seconds) }
}

fn judged(issuers: &Issuers, trusted: &[&str], now: i64) -> Reason {
    let profile = Profile::new("p", trusted, issuers).unwrap();
    let token = sign(HEADER, &claims(""));
    verify(token.as_bytes(), issuers, &profile, &[], UnixTime::from_seconds(now))
        .map_or_else(|reject| reject.reason(), |_| Reason::Ok)
}

#[test]
fn r67_keys_are_used_until_they_are_stale_and_no_longer() {
    let issuers = world("test", held(&[("k", &KEY)], Some(NOW)));
    assert_eq!(judged(&issuers, &["a"], NOW - 1), Reason::Ok);
    assert_eq!(judged(&issuers, &["a"], NOW), Reason::KeysStale);
    assert_eq!(judged(&issuers, &["a"], NOW + 1), Reason::KeysStale);
    assert_eq!(judged(&world("test", held(&[("k", &KEY)], None)), &["a"], NOW), Reason::Ok);
}

#[test]
fn a_profile_trusts_the_issuers_that_it_names() {
    let issuers = world("test", held(&[("k", &KEY)], None));
    assert_eq!(judged(&issuers, &["a"], NOW), Reason::Ok);
    assert_eq!(judged(&issuers, &[], NOW), Reason::IssuerNotInProfile);
    let unknown = Profile::new("p", &["b"], &issuers).unwrap_err();
    assert_eq!(unknown, UnknownIssuer("b".into()));
    assert_eq!(Profile::new("p", &["a"], &issuers).unwrap().name(), "p");
}

#[test]
fn r64_a_proof_stands_while_the_issuer_has_that_key_and_chooses_it() {
    let other = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let before = world("test", held(&[("k", &KEY)], None));
    let token = sign(HEADER, &claims(""));
    let mut proven = read(token.as_bytes(), &before).unwrap().prove().unwrap();
    let stands = |now: &Issuers| proven.issuer_if_current(now).is_some();
    for (keys, expected) in [
        (held(&[("k", &KEY)], None), true),
        (held(&[("k", &KEY)], Some(0)), true),
        (held(&[("k", &KEY), ("new", &other)], None), true),
        (held(&[("k", &other), ("k", &KEY)], None), true),
        (held(&[("k", &other)], None), false),
        (held(&[("k", &other), ("new", &KEY)], None), false),
        (held(&[], None), false),
        (KeyState::Unavailable, false),
    ] {
        assert_eq!(stands(&world("test", keys.clone())), expected, "{keys:?}");
    }
    assert!(!stands(&world("elsewhere", held(&[("k", &KEY)], None))));
    assert!(!stands(&Issuers::new(Vec::new(), Limits::DEFAULT).unwrap()));
    // Whoever shares the payload in another way takes it out.
    assert_eq!(proven.take_payload(), claims("").as_bytes());
    assert!(proven.payload().is_empty());
}

#[test]
fn a_required_claim_must_be_there_and_not_null() {
    let required = |one: &mut Profile| one.required_claims = [Arc::from("tenant")].into();
    for (extra, reason) in [
        ("", Reason::ClaimMissing),
        (r#","tenant":null"#, Reason::ClaimMissing),
        (r#","tenant":7"#, Reason::Ok),
    ] {
        assert_eq!(outcome(&sign(HEADER, &claims(extra)), NOW, required), reason, "{extra}");
    }
}
