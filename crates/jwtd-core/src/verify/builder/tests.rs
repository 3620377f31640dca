//! What is built wrongly is refused with its remedy, and what is built verifies as
//! [`verify`](crate::verify::verify()) does.

use super::*;
use crate::crypto::SigningKey;
use crate::keys::KeyState;
use crate::verify::{Reason, verify};
use std::error::Error as _;
use std::sync::LazyLock;

const NOW: i64 = 1_800_000_000;
const A: &str = "https://a.example";
const B: &str = "https://b.example";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

static KEY: LazyLock<SigningKey> = LazyLock::new(generate);
static OTHER: LazyLock<SigningKey> = LazyLock::new(generate);

fn generate() -> SigningKey {
    SigningKey::generate(Algorithm::EdDsa).unwrap()
}

fn jwks(key: &SigningKey, id: &str) -> String {
    format!(r#"{{"keys":[{}]}}"#, key.to_jwk(id))
}

fn a() -> TrustedIssuer {
    TrustedIssuer::new(A).jwks(jwks(&KEY, "k")).audience("x")
}

fn b() -> TrustedIssuer {
    TrustedIssuer::new(B).jwks(jwks(&OTHER, "other")).audience("x").audience("y")
}

fn both() -> Verifier {
    Verifier::builder().issuer(a()).issuer(b()).build().unwrap()
}

fn claims(iss: &str, extra: &str) -> String {
    format!(r#"{{"iss":"{iss}","aud":"x","exp":{}{extra}}}"#, NOW + 100)
}

fn token(key: &SigningKey, header: &str, iss: &str) -> String {
    key.sign_compact(header, &claims(iss, "")).unwrap()
}

fn reason(verifier: &Verifier, token: impl AsRef<[u8]>) -> Reason {
    let now = UnixTime::from_seconds(NOW);
    let verdict = verifier.verify(token.as_ref(), now);
    let context = TokenContext::default();
    assert_eq!(verifier.verify_in_context(token.as_ref(), &context, now), verdict);
    verdict.map_or_else(|reject| reject.reason(), |_| Reason::Ok)
}

const HEADER: &str = r#"{"alg":"EdDSA","kid":"k"}"#;
const OTHER_HEADER: &str = r#"{"alg":"EdDSA","kid":"other"}"#;

#[test]
fn each_error_says_what_is_wrong_and_how_to_fix_it() {
    let built = |issuer: TrustedIssuer| Verifier::builder().issuer(issuer).build();
    let bare = || TrustedIssuer::new(A).audience("x");
    let secret = || Secret::new(SECRET.to_vec());
    let private = r#"{"keys":[{"kty":"RSA","d":"AQAB"}]}"#;
    let limits = Limits { token_bytes: Limits::MAX_TOKEN_BYTES + 1, ..Limits::DEFAULT };
    let five_minutes = Duration::from_secs(300);
    let cases = [
        (Verifier::builder().build(), "no issuer is trusted", false),
        (built(TrustedIssuer::new("").audience("x")), "an issuer has an empty `iss`", false),
        (built(TrustedIssuer::new(A).jwks("{}")), "no audience is accepted", false),
        (built(a().any_audience()), "`any_audience` contradicts `audience`", false),
        (built(a().audience("")), "an audience is empty", false),
        (built(bare()), "has no keys", false),
        (built(a().secret(secret())), "several sources of keys", false),
        (built(a().algorithms([])), "the list of algorithms is empty", false),
        (built(a().algorithms([Algorithm::EdDsa, Algorithm::Hs256])), "HS256 does not go", false),
        (built(bare().secret(secret()).algorithms([Algorithm::Es256])), "ES256 does not", false),
        (
            built(bare().secret(secret()).algorithms([Algorithm::Hs256, Algorithm::Hs384])),
            "one secret cannot serve several algorithms",
            false,
        ),
        (built(bare().secret(Secret::new(b"tiny".to_vec()))), "no usable key for HS256", false),
        (built(a().algorithms([Algorithm::Es256])), "no usable key for ES256; key \"k\"", false),
        (built(bare().jwks("[")), "its JWK Set is refused: not JSON at line 1", true),
        (built(bare().jwks(private)), "key 0 holds private members", true),
        (built(bare().secret_jwks(jwks(&KEY, "k"))), "key 0 is not a shared secret", true),
        (built(bare().pem("no PEM")), "its PEM is refused: no `PUBLIC KEY`", true),
        (built(a().clock_skew(five_minutes * 2)), "the leeway exceeds five minutes", true),
        (Verifier::builder().issuer(a()).issuer(a()).build(), "is added twice", true),
        (Verifier::builder().issuer(a()).limits(limits).build(), "65537 bytes", false),
        (Verifier::builder().issuer(a()).token_types([]).build(), "no `typ` is accepted", false),
        (both().with_jwks("https://c.example", jwks(&KEY, "k")), "is not trusted", false),
    ];
    for (built, what, has_source) in cases {
        let error = built.expect_err(what);
        let text = error.to_string();
        assert!(text.contains(what) && text.contains("; fix: "), "{text}");
        assert_eq!(error.source().is_some(), has_source, "{text}");
        assert!(!text.contains("tiny"), "{text}");
    }
    assert!(built(a().clock_skew(five_minutes)).is_ok());
}

#[test]
fn tokens_of_several_issuers_are_verified_each_with_its_own_keys() {
    let verifier = both();
    let proven = verifier.verify(token(&KEY, HEADER, A), UnixTime::from_seconds(NOW)).unwrap();
    assert_eq!(proven.claims().issuer(), Some(A));
    assert_eq!(reason(&verifier, token(&OTHER, OTHER_HEADER, B)), Reason::Ok);
    // The `kid` and the keys of one issuer are worth nothing for another (RFC 8725, section 3.8).
    assert_eq!(reason(&verifier, token(&OTHER, OTHER_HEADER, A)), Reason::KeyUnknown);
    assert_eq!(reason(&verifier, token(&OTHER, HEADER, A)), Reason::SignatureInvalid);
    assert_eq!(reason(&verifier, token(&KEY, HEADER, B)), Reason::KeyUnknown);
    assert_eq!(reason(&verifier, token(&KEY, HEADER, "https://c.example")), Reason::IssuerUnknown);
}

#[test]
fn r08_r10_r12_an_attacker_does_not_choose_the_algorithm() {
    let verifier = both();
    let forged = |header: &str| reason(&verifier, token(&KEY, header, A));
    assert_eq!(forged(r#"{"alg":"none","kid":"k"}"#), Reason::AlgorithmNone);
    assert_eq!(forged(r#"{"alg":"EdDSA","kid":"k","crit":["b64"],"b64":false}"#), {
        Reason::UnencodedPayload
    });
    let jwk = KEY.to_jwk("k").into_bytes();
    for public in [jwk, jwks(&KEY, "k").into_bytes()] {
        let forger = SigningKey::from_secret(Secret::new(public), Algorithm::Hs256).unwrap();
        let header = r#"{"alg":"HS256","kid":"k"}"#;
        assert_eq!(reason(&verifier, token(&forger, header, A)), Reason::AlgorithmNotAllowed);
    }
}

#[test]
fn rotated_keys_replace_the_old_ones_in_a_new_verifier() {
    let before = both();
    let (old, new) = (token(&KEY, HEADER, A), token(&OTHER, HEADER, A));
    let after = before.with_jwks(A, jwks(&OTHER, "k")).unwrap();
    let verdicts = |one: &Verifier| (reason(one, &old), reason(one, &new));
    assert_eq!(verdicts(&before), (Reason::Ok, Reason::SignatureInvalid));
    assert_eq!(verdicts(&after), (Reason::SignatureInvalid, Reason::Ok));
    assert_eq!(reason(&after, token(&OTHER, OTHER_HEADER, B)), Reason::Ok);
    // The settings of the issuer stay, and with them the binding to its algorithms.
    let narrow = Verifier::builder().issuer(a().algorithms([Algorithm::EdDsa])).build().unwrap();
    let curve = SigningKey::generate(Algorithm::Es256).unwrap();
    let refused = narrow.with_jwks(A, jwks(&curve, "k")).unwrap_err();
    assert!(matches!(refused, BuildError::KeysUnusable { .. }), "{refused}");
    let refused = narrow.with_secret_jwks(A, r#"{"keys":[]}"#).unwrap_err();
    assert!(matches!(refused, BuildError::AlgorithmMismatch { .. }), "{refused}");
}

#[test]
fn secrets_are_rotated_and_never_shown() {
    let forger = |secret: &[u8]| {
        SigningKey::from_secret(Secret::new(secret.to_vec()), Algorithm::Hs256).unwrap()
    };
    let (key, next) = (forger(SECRET), forger(b"fedcba9876543210fedcba9876543210"));
    let issuer = TrustedIssuer::new(A).secret(Secret::new(SECRET.to_vec())).audience("x");
    let shared = TrustedIssuer::new(B).secret_jwks(jwks(&next, "s")).audience("x");
    let builder = Verifier::builder().issuer(issuer).issuer(shared);
    let shown = format!("{builder:?}");
    let verifier = builder.build().unwrap();
    let shown = shown + &format!("{verifier:?}");
    for form in ["0123456789abcdef", "48, 49, 50", "102, 101, 100", "ZmVkY2Jh"] {
        assert!(!shown.contains(form), "{form}: {shown}");
    }
    let header = r#"{"alg":"HS256"}"#;
    let good = token(&key, header, A);
    let proven = verifier.verify(&good, UnixTime::from_seconds(NOW)).unwrap();
    // The digest of a weak secret would give it away as well.
    let shown = format!("{:?} {proven:?}", verifier.issuers());
    for (_, issuer) in verifier.issuers().iter() {
        let KeyState::Held { set, .. } = issuer.keys() else { panic!("{issuer:?}") };
        let keys = set.keys().iter().map(|key| key.key.thumbprint());
        for digest in keys.chain([set.fingerprint()]) {
            assert!(!shown.contains(&format!("{digest:?}")), "{shown}");
        }
    }
    assert_eq!(reason(&verifier, good), Reason::Ok);
    assert_eq!(reason(&verifier, token(&next, header, B)), Reason::Ok);
    assert_eq!(reason(&verifier, token(&key, header, B)), Reason::SignatureInvalid);
    let rotated = verifier.with_secret_jwks(A, jwks(&next, "n")).unwrap();
    assert_eq!(reason(&rotated, token(&next, header, A)), Reason::Ok);
    assert_eq!(reason(&rotated, token(&key, header, A)), Reason::SignatureInvalid);
    // A set of public keys never takes the place of secrets.
    let refused = verifier.with_jwks(A, jwks(&KEY, "k")).unwrap_err();
    assert!(matches!(refused, BuildError::AlgorithmMismatch { .. }), "{refused}");
}

#[test]
fn pem_is_a_source_of_keys() {
    // RFC 8410, section 4.
    let prefix = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
    let jwk = KEY.to_jwk("k");
    let x = &jwk.split(r#""x":""#).nth(1).unwrap().as_bytes()[..43];
    let raw = crate::jose::base64url::decode(x).unwrap();
    let der = crate::jose::base64url::encode(&[&prefix[..], &raw].concat());
    let base64 = der.replace('-', "+").replace('_', "/");
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n");
    let issuer = TrustedIssuer::new(A).pem(pem).any_audience();
    let verifier = Verifier::builder().issuer(issuer).build().unwrap();
    assert_eq!(reason(&verifier, token(&KEY, HEADER, A)), Reason::Ok);
    assert_eq!(reason(&verifier, token(&OTHER, HEADER, A)), Reason::SignatureInvalid);
}

#[test]
fn skipped_keys_are_listed_with_their_issuer() {
    let weak = r#"{"kty":"RSA","kid":"weak","n":"AQAB","e":"AQAB"}"#;
    let set = format!(r#"{{"keys":[{weak},{}]}}"#, KEY.to_jwk("k"));
    let issuer = TrustedIssuer::new(A).jwks(&set).audience("x");
    let verifier = Verifier::builder().issuer(b()).issuer(issuer).build().unwrap();
    let skipped: Vec<_> = verifier.skipped().collect();
    let line = r#"key 0 ("weak") is skipped: its modulus must have 2048 to 8192 bits"#;
    assert_eq!(skipped, [(A, line)]);
    let rotated = verifier.with_jwks(A, jwks(&KEY, "k")).unwrap();
    assert_eq!(rotated.skipped().count(), 0);
    let rotated = rotated.with_jwks(B, set).unwrap();
    assert_eq!(rotated.skipped().collect::<Vec<_>>(), [(B, line)]);
}

#[test]
fn demands_reach_the_profile_and_verdicts_are_those_of_verify() {
    let hour = Duration::from_secs(3600);
    let verifier = Verifier::builder()
        .issuer(a().audience("y").clock_skew(Duration::ZERO))
        .token_types([TokenType::AccessToken])
        .require_audience("y")
        .require_claim("sub")
        .max_age(hour)
        .max_lifetime(hour)
        .limits(Limits { token_bytes: 1000, ..Limits::DEFAULT })
        .build()
        .unwrap();
    let header = r#"{"alg":"EdDSA","kid":"k","typ":"at+jwt"}"#;
    let full = |exp: i64, iat: i64, extra: &str| {
        format!(r#"{{"iss":"{A}","aud":["x","y"],"exp":{exp},"iat":{iat}{extra}}}"#)
    };
    let sub = r#","sub":"s""#;
    let long = format!(r#","sub":"{}""#, "s".repeat(1000));
    let cases = [
        (header, full(NOW + 1, NOW, sub), Reason::Ok),
        (header, full(NOW, NOW, sub), Reason::Expired),
        (header, full(NOW + 1, NOW + 1, sub), Reason::IssuedInFuture),
        (header, full(NOW + 1, NOW - 3601, sub), Reason::TooOld),
        (header, full(NOW + 3601, NOW, sub), Reason::LifetimeTooLong),
        (header, full(NOW + 1, NOW, ""), Reason::ClaimMissing),
        (header, full(NOW + 1, NOW, &long), Reason::TokenTooLarge),
        (header, claims(A, sub), Reason::IssuedAtMissing),
        (header, full(NOW + 1, NOW, sub).replace(r#","y""#, ""), Reason::AudienceMismatch),
        (HEADER, full(NOW + 1, NOW, sub), Reason::TypeNotAllowed),
    ];
    let now = UnixTime::from_seconds(NOW);
    for (header, claims, expected) in cases {
        let token = KEY.sign_compact(header, &claims).unwrap();
        let verdict = verifier.verify(&token, now);
        let direct = verify(token.as_bytes(), verifier.issuers(), verifier.profile(), &[], now);
        assert_eq!(verdict, direct);
        assert_eq!(verdict.map_or_else(|one| one.reason(), |_| Reason::Ok), expected, "{claims}");
    }
}
