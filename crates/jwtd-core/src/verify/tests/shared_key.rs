//! Claims that are encrypted and not signed: when a shared key authenticates them, and when not.

use super::encrypted::{NESTED, decryption, encrypt, nested, recipient, world, world_of};
use super::*;
use crate::crypto::RecipientKey;
use crate::jose::KeyManagement;
use crate::keys::DecryptionKeys;

fn profile(issuers: &Issuers, trusted: &[&str], by_shared_key: bool) -> Profile {
    let mut profile = Profile::new("p", trusted, issuers).unwrap();
    profile.shared_key_authenticates = by_shared_key;
    profile
}

fn cold(issuers: &Issuers, profile: &Profile, token: &str) -> Reason {
    verify(token.as_bytes(), issuers, profile, &[], UnixTime::from_seconds(NOW))
        .map_or_else(|reject| reject.reason(), |_| Reason::Ok)
}

fn hot(issuers: &Issuers, profile: &Profile, proven: &Proven) -> Reason {
    let (context, now) = (TokenContext::none(), UnixTime::from_seconds(NOW));
    let matter = Matter {
        proven,
        issuers,
        profile,
        audiences: &[],
        context,
        proof: None,
        revoked: None,
        now,
    };
    judge(&matter).map_or_else(|reject| reject.reason(), |()| Reason::Ok)
}

fn proven(issuers: &Issuers, token: &str) -> Proven {
    let all = profile(issuers, &["a", "b"], true);
    read_under(&mut Headers::default(), token.as_bytes(), issuers, &all).unwrap().prove().unwrap()
}

fn secret() -> RecipientKey {
    recipient(KeyManagement::Direct, Some("e"))
}

#[test]
fn r54_a_shared_key_authenticates_claims_only_where_the_profile_says_so() {
    for algorithm in KeyManagement::ALL {
        let key = recipient(*algorithm, Some("e"));
        let issuers = world(&[&key], &[]);
        let (takes, not) = (profile(&issuers, &["a"], true), profile(&issuers, &["a"], false));
        let token = encrypt(&key, "", &claims(""));
        assert_eq!(cold(&issuers, &not, &token), Reason::EncryptedNotSigned, "{algorithm}");
        assert!(read(token.as_bytes(), &issuers).is_err(), "{algorithm}");
        if !algorithm.is_symmetric() {
            assert_eq!(cold(&issuers, &takes, &token), Reason::EncryptedNotSigned, "{algorithm}");
            continue;
        }
        assert_eq!(cold(&issuers, &takes, &token), Reason::Ok, "{algorithm}");
        let proven = proven(&issuers, &token);
        assert!(proven.is_by_shared_key());
        assert_eq!((proven.algorithm(), proven.key_id()), (algorithm.name(), Some("e")));
        assert_eq!(proven.payload(), claims("").as_bytes());
        assert_eq!(hot(&issuers, &takes, &proven), Reason::Ok);
        assert_eq!(hot(&issuers, &not, &proven), Reason::EncryptedNotSigned);
        // A nested token with the same key is what it always was.
        for profile in [&takes, &not] {
            assert_eq!(cold(&issuers, profile, &nested(&key)), Reason::Ok, "{algorithm}");
        }
    }
}

#[test]
fn a_nested_token_with_a_bad_signature_never_falls_back_to_the_shared_key() {
    let key = secret();
    let issuers = world(&[&key], &[]);
    let takes = profile(&issuers, &["a"], true);
    let other = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let forged = other.sign_compact(HEADER, &claims("")).unwrap();
    let none = format!(
        "{}.{}.",
        base64url::encode(br#"{"alg":"none"}"#),
        base64url::encode(claims("").as_bytes())
    );
    for (more, text, reason) in [
        (NESTED, &*forged, Reason::SignatureInvalid),
        (NESTED, &*none, Reason::AlgorithmNone),
        ("", &*forged, Reason::ContentTypeMissing),
        ("", &*none, Reason::AlgorithmNone),
        (NESTED, &*nested(&key), Reason::NestedTooDeep),
        // It says that a token is in it, or something else.
        (NESTED, &*claims(""), Reason::EncryptedNotSigned),
        (r#","cty":"json""#, &*claims(""), Reason::EncryptedNotSigned),
        // No object begins so.
        ("", &*format!(" {}", claims("")), Reason::TokenNotCompact),
    ] {
        assert_eq!(cold(&issuers, &takes, &encrypt(&key, more, text)), reason, "{more} {text}");
    }
}

#[test]
fn a_shared_key_speaks_for_the_one_issuer_that_owns_it() {
    let (a, b) = (secret(), recipient(KeyManagement::A256Kw, Some("kb")));
    let of_b = claims("").replace("https://a", "https://b");
    let own = world(&[&a], &[&b]);
    let (both, only_b) = (profile(&own, &["a", "b"], true), profile(&own, &["b"], true));
    assert_eq!(cold(&own, &both, &encrypt(&b, "", &of_b)), Reason::Ok);
    let foreign = encrypt(&a, "", &of_b);
    assert_eq!(cold(&own, &both, &foreign), Reason::DecryptionKeyForeign);
    assert_eq!(cold(&own, &only_b, &foreign), Reason::IssuerNotInProfile);
    for (text, reason) in [
        (claims("").replace("https://a", "https://c"), Reason::IssuerUnknown),
        (r#"{"exp":9999999999}"#.to_owned(), Reason::IssuerMissing),
        ("{".to_owned(), Reason::ClaimsBadJson),
    ] {
        assert_eq!(cold(&own, &both, &encrypt(&a, "", &text)), reason, "{text}");
        let not = profile(&own, &["a"], false);
        let told = cold(&own, &not, &encrypt(&a, "", &text));
        assert_eq!(told, Reason::EncryptedNotSigned, "{text}");
    }
    // A secret of two issuers cannot tell which of them made a token, cold or remembered.
    let before = proven(&world(&[&a], &[]), &encrypt(&a, "", &claims("")));
    let shared = world(&[&a], &[&a]);
    let both = profile(&shared, &["a", "b"], true);
    assert_eq!(cold(&shared, &both, &encrypt(&a, "", &claims(""))), Reason::EncryptedNotSigned);
    assert!(before.issuer_if_current(&shared).is_none());
}

#[test]
fn claims_under_a_shared_key_are_judged_as_any() {
    let key = secret();
    let issuers = world(&[&key], &[]);
    let mut takes = profile(&issuers, &["a"], true);
    takes.required_claims = ["sub".into()].into();
    takes.audiences = Some(["x".into()].into());
    let good = claims(r#","sub":"s""#);
    for (more, text, reason) in [
        ("", good.clone(), Reason::Ok),
        (r#","typ":"JWT""#, good.clone(), Reason::Ok),
        // The header is that of the token here, and covered by the tag.
        (r#","typ":"logout+jwt""#, good.clone(), Reason::TypeNotAllowed),
        (r#","iss":"https://a""#, good.clone(), Reason::Ok),
        (r#","sub":"t""#, good.clone(), Reason::ReplicatedClaimMismatch),
        ("", claims(r#","sub":"s""#).replace(r#""x","y""#, r#""v""#), Reason::AudienceMismatch),
        ("", claims(""), Reason::ClaimMissing),
        ("", claims(r#","sub":"s","nbf":9999999999"#), Reason::NotYetValid),
        ("", claims(r#","sub":"s","cnf":{}"#), Reason::BindingRequired),
    ] {
        assert_eq!(cold(&issuers, &takes, &encrypt(&key, more, &text)), reason, "{more} {text}");
    }
    let proven = proven(&issuers, &encrypt(&key, r#","typ":"logout+jwt""#, &good));
    assert_eq!(hot(&issuers, &takes, &proven), Reason::TypeNotAllowed);
    takes.encryption = Encryption::Required;
    assert_eq!(cold(&issuers, &takes, &encrypt(&key, "", &good)), Reason::Ok);
    takes.encryption = Encryption::Refused;
    assert_eq!(cold(&issuers, &takes, &encrypt(&key, "", &good)), Reason::TokenEncrypted);
    assert_eq!(hot(&issuers, &takes, &proven), Reason::TokenEncrypted);
}

#[test]
fn the_tag_covers_header_and_claims() {
    let key = secret();
    let issuers = world(&[&key], &[]);
    let takes = profile(&issuers, &["a"], true);
    let token = encrypt(&key, "", &claims(""));
    let header = r#"{"alg":"dir","enc":"A256GCM","kid":"e","typ":"JWT"}"#;
    let rest = token.split_once('.').unwrap().1;
    let retyped = format!("{}.{rest}", base64url::encode(header.as_bytes()));
    assert_eq!(cold(&issuers, &takes, &retyped), Reason::DecryptionFailed);
    let mut bytes = token.clone().into_bytes();
    for at in token.find("..").unwrap()..token.len() {
        if bytes[at] == b'.' {
            continue;
        }
        let old = std::mem::replace(
            &mut bytes[at],
            if token.as_bytes()[at] == b'A' { b'B' } else { b'A' },
        );
        let changed = String::from_utf8(bytes.clone()).unwrap();
        assert_ne!(cold(&issuers, &takes, &changed), Reason::Ok, "{at}");
        bytes[at] = old;
    }
    // With another secret under the same id.
    let forged = encrypt(&secret(), "", &claims(""));
    assert_eq!(cold(&issuers, &takes, &forged), Reason::DecryptionFailed);
}

#[test]
fn r64_a_removed_secret_voids_what_it_authenticated() {
    let key = secret();
    let before = world(&[&key], &[]);
    let token = proven(&before, &encrypt(&key, "", &claims("")));
    let is_current = |now: &Issuers| token.issuer_if_current(now).is_some();
    assert!(is_current(&before));
    assert!(is_current(&world(&[&key, &recipient(KeyManagement::A128Kw, Some("new"))], &[])));
    // `cty` is none of its matters.
    let optional = DecryptionKeys { content_type_optional: true, ..decryption(&[&key]) };
    assert!(is_current(&world_of(optional, decryption(&[]))));
    for gone in [world(&[], &[]), world(&[&secret()], &[]), world(&[], &[&key]), issuers(None)] {
        assert!(!is_current(&gone));
    }
}

#[test]
fn a_key_without_kid_is_named_by_its_own_id_and_signing_keys_have_no_part() {
    let key = secret();
    let world = world(&[&key], &[]);
    let text = key.to_jwk().replace(r#""kid":"e","#, "").replace(r#","kid":"e""#, "");
    assert!(!text.contains("kid"));
    let nameless = RecipientKey::parse(text.as_bytes()).unwrap().remove(0).unwrap();
    let token = encrypt(&nameless, "", &claims(""));
    assert_eq!(proven(&world, &token).key_id(), Some("e"));
    let without = world.map_keys(|_, _| Some(KeyState::Unavailable));
    let takes = profile(&without, &["a"], true);
    assert_eq!(cold(&without, &takes, &token), Reason::Ok);
    let remembered = proven(&without, &token);
    assert!(remembered.issuer_if_current(&without).is_some());
    assert_eq!(hot(&without, &takes, &remembered), Reason::Ok);
    assert_eq!(cold(&without, &takes, &nested(&key)), Reason::KeysUnavailable);
}
