//! Encrypted tokens: which keys open them, and what is demanded of what is in them.

use super::*;
use crate::crypto::{EncryptionKey, RecipientKey, RsaSize};
use crate::jose::{
    AgreementCurve, ContentEncryption, ContentEncryptionSet, KeyManagement, KeyMode,
};
use crate::keys::DecryptionKeys;

const X25519: AgreementCurve = AgreementCurve::X25519;

pub(super) fn recipient(algorithm: KeyManagement, id: Option<&str>) -> RecipientKey {
    let key = RecipientKey::generate(algorithm, RsaSize::default(), X25519, 32).unwrap();
    match id {
        Some(id) => key.with_id(id),
        None => key,
    }
}

pub(super) fn decryption(keys: &[&RecipientKey]) -> DecryptionKeys {
    let bind = |key: &&RecipientKey| key.bind(None, ContentEncryptionSet::default()).unwrap();
    DecryptionKeys { keys: keys.iter().map(bind).collect(), content_type_optional: false }
}

/// Issuers `a` and `b` that sign with the same key, and open with these.
pub(super) fn world(a: &[&RecipientKey], b: &[&RecipientKey]) -> Issuers {
    world_of(decryption(a), decryption(b))
}

pub(super) fn world_of(a: DecryptionKeys, b: DecryptionKeys) -> Issuers {
    let issuer = |name, iss, decryption: DecryptionKeys| {
        let jwks = format!(r#"{{"keys":[{}]}}"#, KEY.to_jwk("k"));
        let keys = JwkSet::parse(jwks.as_bytes()).unwrap().keys;
        let (set, _) = KeySet::of_public(&keys, &[Algorithm::EdDsa]);
        let held = KeyState::Held { set: set.into(), stale_at: None };
        let algorithms = [Algorithm::EdDsa].into_iter().collect();
        Issuer::new(name, &[iss], algorithms, None, Leeway::DEFAULT, "test", held)
            .with_decryption(decryption)
    };
    let all = vec![issuer("a", "https://a", a), issuer("b", "https://b", b)];
    Issuers::new(all, Limits::DEFAULT).unwrap()
}

pub(super) fn encrypt(key: &RecipientKey, more: &str, text: &str) -> String {
    let algorithm = key.stated().unwrap();
    let jwk = key.public_jwk().unwrap_or_else(|| key.to_jwk().to_string());
    let sealer = EncryptionKey::parse(jwk.as_bytes()).unwrap().remove(0).unwrap();
    let encryption = sealer.encryption(algorithm);
    sealer.encrypt_compact(algorithm, encryption, more, text.as_bytes()).unwrap()
}

pub(super) const NESTED: &str = r#","cty":"JWT""#;

/// A good token of issuer `a`, encrypted.
pub(super) fn nested(key: &RecipientKey) -> String {
    encrypt(key, NESTED, &sign(HEADER, &claims("")))
}

pub(super) fn verdict(issuers: &Issuers, trusted: &[&str], token: &str) -> Reason {
    let profile = Profile::new("p", trusted, issuers).unwrap();
    verify(token.as_bytes(), issuers, &profile, &[], UnixTime::from_seconds(NOW))
        .map_or_else(|reject| reject.reason(), |_| Reason::Ok)
}

const EC: KeyManagement = KeyManagement::EcdhEs;

#[test]
fn a_nested_token_is_verified_with_every_key_management_algorithm() {
    for algorithm in KeyManagement::ALL {
        let key = recipient(*algorithm, Some("e"));
        let issuers = world(&[&key], &[]);
        let token = nested(&key);
        assert_eq!(verdict(&issuers, &["a"], &token), Reason::Ok, "{algorithm}");
        let proven = read(token.as_bytes(), &issuers).unwrap().prove().unwrap();
        assert_eq!(proven.claims().issuer(), Some("https://a"));
        assert_eq!(proven.key_id(), Some("k"));
        assert_eq!(proven.encryption().unwrap().algorithm, *algorithm);
        let profile = Profile::new("p", &["a"], &issuers).unwrap();
        let cost = opening_cost(token.as_bytes(), &issuers, &profile).unwrap();
        assert_eq!((cost.algorithm, cost.keys), (*algorithm, 1));
        // Without decryption keys it is what it always was.
        assert_eq!(verdict(&super::issuers(None), &["a"], &token), Reason::TokenEncrypted);
        let none = super::issuers(None);
        assert_eq!(opening_cost(token.as_bytes(), &none, &profile), None);
        // Nor does a profile pay for what is not for it, or what it does not take.
        let other = Profile::new("p", &["b"], &issuers).unwrap();
        assert_eq!(opening_cost(token.as_bytes(), &issuers, &other), None);
    }
}

#[test]
fn r54_decryption_is_never_verification() {
    let key = recipient(EC, Some("e"));
    let issuers = world(&[&key], &[]);
    let of = |more: &str, text: &str| verdict(&issuers, &["a"], &encrypt(&key, more, text));
    let good = sign(HEADER, &claims(""));
    assert_eq!(of(NESTED, &good), Reason::Ok);
    // Claims that nobody signed, and a token that somebody else signed.
    assert_eq!(of(NESTED, &claims("")), Reason::EncryptedNotSigned);
    assert_eq!(of("", &claims("")), Reason::EncryptedNotSigned);
    let other = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let forged = other.sign_compact(HEADER, &claims("")).unwrap();
    assert_eq!(of(NESTED, &forged), Reason::SignatureInvalid);
    assert_eq!(of(NESTED, &sign(HEADER, &claims(r#","nbf":9999999999"#))), Reason::NotYetValid);
    // Nested twice, and what is no token at all.
    assert_eq!(of(NESTED, &nested(&key)), Reason::NestedTooDeep);
    assert_eq!(of(NESTED, "hello"), Reason::TokenNotCompact);
    assert_eq!(of(NESTED, ""), Reason::TokenEmpty);
    assert_eq!(of(NESTED, "eyJhbGciOiJub25lIn0.e30."), Reason::AlgorithmNone);
}

#[test]
fn the_header_around_a_token_is_never_a_fact() {
    let key = recipient(EC, Some("e"));
    let issuers = world(&[&key], &[]);
    let of = |more: &str, text: &str| verdict(&issuers, &["a"], &encrypt(&key, more, text));
    // The `typ` of the token inside is judged, whatever is written around it.
    let good = sign(HEADER, &claims(""));
    assert_eq!(of(r#","cty":"JWT","typ":"logout+jwt""#, &good), Reason::Ok);
    let logout = sign(r#"{"alg":"EdDSA","kid":"k","typ":"logout+jwt"}"#, &claims(""));
    assert_eq!(of(r#","cty":"JWT","typ":"JWT""#, &logout), Reason::TypeNotAllowed);
    for (more, reason) in [
        (r#","iss":"https://a","aud":["x","y"]"#, Reason::Ok),
        (r#","iss":"https://b""#, Reason::ReplicatedClaimMismatch),
        (r#","aud":"x""#, Reason::ReplicatedClaimMismatch),
        (r#","sub":"mallory""#, Reason::ReplicatedClaimMismatch),
    ] {
        assert_eq!(of(&format!("{NESTED}{more}"), &good), reason, "{more}");
    }
}

#[test]
fn a_token_says_that_a_token_is_in_it_unless_its_issuer_need_not() {
    let key = recipient(EC, Some("e"));
    let good = sign(HEADER, &claims(""));
    let of = |optional, more: &str| {
        let keys = DecryptionKeys { content_type_optional: optional, ..decryption(&[&key]) };
        verdict(&world_of(keys, decryption(&[])), &["a"], &encrypt(&key, more, &good))
    };
    for more in [NESTED, r#","cty":"jwt""#, r#","cty":"application/JWT""#] {
        assert_eq!((of(false, more), of(true, more)), (Reason::Ok, Reason::Ok), "{more}");
    }
    assert_eq!((of(false, ""), of(true, "")), (Reason::ContentTypeMissing, Reason::Ok));
    let other = r#","cty":"json""#;
    assert_eq!(of(true, other), Reason::ContentTypeMissing);
}

#[test]
fn keys_belong_to_issuers_and_are_found_among_those_of_all() {
    let (a, b) = (recipient(EC, Some("ka")), recipient(EC, Some("kb")));
    let issuers = world(&[&a], &[&b]);
    let of_b = sign(HEADER, &claims("").replace("https://a", "https://b"));
    assert_eq!(verdict(&issuers, &["a", "b"], &nested(&a)), Reason::Ok);
    assert_eq!(verdict(&issuers, &["a", "b"], &encrypt(&b, NESTED, &of_b)), Reason::Ok);
    // The token of one in the envelope of the other.
    assert_eq!(verdict(&issuers, &["a", "b"], &nested(&b)), Reason::DecryptionKeyForeign);
    let foreign = encrypt(&a, NESTED, &of_b);
    assert_eq!(verdict(&issuers, &["a", "b"], &foreign), Reason::DecryptionKeyForeign);
    // One key may serve both.
    let shared = world(&[&a], &[&a]);
    assert_eq!(verdict(&shared, &["a", "b"], &nested(&a)), Reason::Ok);
    assert_eq!(verdict(&shared, &["a", "b"], &foreign), Reason::Ok);
}

#[test]
fn a_profile_learns_nothing_of_the_keys_of_issuers_that_it_does_not_trust() {
    let key = recipient(EC, Some("ka"));
    let issuers = world(&[&key], &[]);
    let good = nested(&key);
    let mut changed = good.clone();
    changed.replace_range(changed.len() - 4.., "AAAA");
    for token in
        [&*good, &*changed, &*encrypt(&key, NESTED, "{}"), &*encrypt(&key, NESTED, "a.b.c")]
    {
        assert_ne!(verdict(&issuers, &["a"], token), Reason::IssuerNotInProfile);
        assert_eq!(verdict(&issuers, &["b"], token), Reason::IssuerNotInProfile, "{token}");
    }
    let proven = read(good.as_bytes(), &issuers).unwrap().prove().unwrap();
    let profile = Profile::new("p", &["b"], &issuers).unwrap();
    let (context, now) = (TokenContext::none(), UnixTime::from_seconds(NOW));
    let matter = Matter {
        proven: &proven,
        issuers: &issuers,
        profile: &profile,
        audiences: &[],
        context,
        proof: None,
        revoked: None,
        now,
    };
    assert_eq!(judge(&matter), Err(Reject::IssuerNotInProfile));
}

#[test]
fn a_profile_demands_encryption_or_refuses_it_hot_and_cold() {
    let key = recipient(EC, Some("e"));
    let issuers = world(&[&key], &[]);
    let plain = sign(HEADER, &claims(""));
    for (trusted, token, encryption, expected) in [
        ("a", &*plain, Encryption::Allowed, Ok(())),
        ("a", &plain, Encryption::Refused, Ok(())),
        ("a", &plain, Encryption::Required, Err(Reason::EncryptionRequired)),
        ("a", &nested(&key), Encryption::Allowed, Ok(())),
        ("a", &nested(&key), Encryption::Required, Ok(())),
        ("a", &nested(&key), Encryption::Refused, Err(Reason::TokenEncrypted)),
        ("b", &nested(&key), Encryption::Refused, Err(Reason::TokenEncrypted)),
        ("b", &nested(&key), Encryption::Required, Err(Reason::IssuerNotInProfile)),
    ] {
        let mut profile = Profile::new("p", &[trusted], &issuers).unwrap();
        profile.encryption = encryption;
        let (now, context) = (UnixTime::from_seconds(NOW), TokenContext::none());
        let cold = verify(token.as_bytes(), &issuers, &profile, &[], now);
        let proven = read(token.as_bytes(), &issuers).unwrap().prove().unwrap();
        let (proven, issuers, profile) = (&proven, &issuers, &profile);
        let hot = judge(&Matter {
            proven,
            issuers,
            profile,
            audiences: &[],
            context,
            proof: None,
            revoked: None,
            now,
        });
        let reason = |reject: Reject| reject.reason();
        assert_eq!(hot.map_err(reason), expected, "{trusted} {encryption:?}");
        assert_eq!(cold.map(|_| ()).map_err(|reject| reject.reason()), expected);
    }
}

#[test]
fn r64_a_removed_decryption_key_voids_the_proof() {
    let (key, other) = (recipient(EC, Some("e")), recipient(EC, Some("e")));
    let before = world(&[&key], &[]);
    let proven = read(nested(&key).as_bytes(), &before).unwrap().prove().unwrap();
    let is_current = |now: &Issuers| proven.issuer_if_current(now).is_some();
    assert!(is_current(&before) && is_current(&world(&[&key], &[])));
    assert!(is_current(&world(&[&key, &recipient(EC, Some("new"))], &[])));
    assert!(is_current(&world(&[&key], &[&key])));
    for gone in [
        world(&[], &[]),
        world(&[&other], &[]),
        world(&[], &[&key]),
        world(&[&recipient(KeyManagement::Direct, Some("e"))], &[]),
        issuers(None),
    ] {
        assert!(!is_current(&gone));
    }
    // `cty` may become a demand as well.
    let optional = || DecryptionKeys { content_type_optional: true, ..decryption(&[&key]) };
    let lenient = world_of(optional(), decryption(&[]));
    let without = encrypt(&key, "", &sign(HEADER, &claims("")));
    let proven = read(without.as_bytes(), &lenient).unwrap().prove().unwrap();
    assert!(proven.issuer_if_current(&lenient).is_some());
    assert!(proven.issuer_if_current(&world(&[&key], &[])).is_none());
}

#[test]
fn keys_without_an_id_are_tried_within_a_bound() {
    let nameless = |algorithm| recipient(algorithm, None);
    for (algorithm, most) in [(EC, 4), (KeyManagement::A128Kw, 4), (KeyManagement::RsaOaep256, 1)] {
        let keys: Vec<_> = (0..=most).map(|_| nameless(algorithm)).collect();
        let token = nested(keys.last().unwrap());
        let few: Vec<_> = keys.iter().skip(1).collect();
        assert_eq!(verdict(&world(&few, &[]), &["a"], &token), Reason::Ok, "{algorithm}");
        let all: Vec<_> = keys.iter().collect();
        let many = verdict(&world(&all, &[]), &["a"], &token);
        assert_eq!(many, Reason::DecryptionKeyAmbiguous, "{algorithm}");
        let few: Vec<_> = keys.iter().take(most).collect();
        assert_eq!(verdict(&world(&few, &[]), &["a"], &token), Reason::DecryptionFailed);
        let few = world(&few, &[]);
        let profile = Profile::new("p", &["a"], &few).unwrap();
        let cost = opening_cost(token.as_bytes(), &few, &profile).unwrap();
        assert_eq!(cost.keys, most);
    }
}

#[test]
fn r19_key_ids_of_signing_keys_and_unknown_ones_open_nothing() {
    let (key, named_as_signer) = (recipient(EC, Some("e")), recipient(EC, Some("k")));
    let issuers = world(&[&key], &[]);
    assert_eq!(verdict(&issuers, &["a"], &nested(&named_as_signer)), Reason::DecryptionKeyUnknown);
    // A signed token that names the decryption key.
    let signed = sign(r#"{"alg":"EdDSA","kid":"e"}"#, &claims(""));
    assert_eq!(verdict(&issuers, &["a"], &signed), Reason::KeyUnknown);
    // Another key under the same id.
    assert_eq!(
        verdict(&issuers, &["a"], &nested(&recipient(EC, Some("e")))),
        Reason::DecryptionFailed
    );
}

#[test]
fn r50_an_algorithm_that_the_key_is_not_bound_to_is_refused_before_the_key_is_used() {
    for (algorithm, other) in [
        (KeyManagement::RsaOaep256, KeyManagement::RsaOaep),
        (KeyManagement::EcdhEs, KeyManagement::EcdhEsA128Kw),
        (KeyManagement::A256Kw, KeyManagement::A256GcmKw),
        (KeyManagement::A256Kw, KeyManagement::Direct),
        (KeyManagement::Direct, KeyManagement::A256Kw),
    ] {
        let key = recipient(algorithm, Some("e"));
        let jwk = key.public_jwk().unwrap_or_else(|| key.to_jwk().to_string());
        let sealer = EncryptionKey::parse(jwk.as_bytes()).unwrap().remove(0).unwrap();
        let text = sign(HEADER, &claims(""));
        let token = sealer
            .encrypt_compact(other, ContentEncryption::A256Gcm, NESTED, text.as_bytes())
            .unwrap();
        let reason = verdict(&world(&[&key], &[]), &["a"], &token);
        assert_eq!(reason, Reason::EncryptionNotAllowed, "{algorithm} {other}");
    }
    // A secret as a content key fits one length.
    let direct = recipient(KeyManagement::Direct, Some("e"));
    assert_eq!(direct.stated().unwrap().mode(), KeyMode::DirectEncryption);
    let header = r#"{"alg":"dir","enc":"A128GCM","kid":"e"}"#;
    let token = [header.as_bytes(), &[], &[7; 12], b"x", &[7; 16]].map(base64url::encode);
    let reason = verdict(&world(&[&direct], &[]), &["a"], &token.join("."));
    assert_eq!(reason, Reason::EncryptionNotAllowed);
}
