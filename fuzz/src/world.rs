//! A world with two issuers, whose keys are printed in RFC 7515 and RFC 8037.

use jwtd_core::crypto::{PrivateKey, SigningKey};
use jwtd_core::jose::{Algorithm, Jwk, JwkSet, Limits, Secret, UnixTime};
use jwtd_core::keys::{Issuer, Issuers, KeySet, KeyState, Leeway};
use jwtd_core::verify::Profile;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// The time of the tests: one minute before the tokens of RFC 7515, appendix A expire.
pub const NOW: i64 = 1_300_819_320;

/// Public keys of RFC 7515, appendices A.2 and A.3, and of RFC 8037, appendix A.2.
pub const PUBLIC: &str = r#"{"keys":[
{"kid":"rsa","alg":"RS256","kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"},
{"kid":"ec","kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
{"kid":"ed","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
]}"#;

/// The private halves of the last two keys.
pub const PRIVATE: [(Algorithm, &str); 2] = [
    (
        Algorithm::Es256,
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#,
    ),
    (
        Algorithm::EdDsa,
        r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#,
    ),
];

/// The secret shared with the second issuer.
pub const SECRET: &[u8] = b"a secret of forty-two bytes, known to all.";

/// The only algorithms of the first issuer.
pub const ASYMMETRIC: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

/// The `iss` of both issuers.
pub const ISSUERS: [&str; 2] = ["joe", "https://shared.example"];

/// The accepted `aud` of the second issuer; the first accepts any.
pub const AUDIENCE: &str = "orders-api";

/// The signers: ES256 and EdDSA for the first issuer, HS256 for the second.
pub static SIGNERS: LazyLock<[SigningKey; 3]> = LazyLock::new(|| {
    let private = |place: usize| {
        let (algorithm, jwk) = PRIVATE[place];
        let keys = PrivateKey::parse(jwk.as_bytes()).unwrap();
        keys.into_iter().next().unwrap().unwrap().bind(algorithm).unwrap()
    };
    let shared = SigningKey::from_secret(Secret::new(SECRET.to_vec()), Algorithm::Hs256);
    [private(0), private(1), shared.unwrap()]
});

/// The issuers.
pub static WORLD: LazyLock<Issuers> = LazyLock::new(|| issuers(|joe| joe));

/// The issuers, with a change to the first one.
pub fn issuers(change: impl FnOnce(Issuer) -> Issuer) -> Issuers {
    let public = JwkSet::parse(PUBLIC.as_bytes()).unwrap();
    let (public, _) = KeySet::of_public(&public.keys, &ASYMMETRIC);
    let secret = Secret::new(SECRET.to_vec());
    let secret = Jwk { id: Some("hs".into()), ..Jwk::bare(secret) };
    let (shared, _) = KeySet::of_secrets(&[secret], &[Algorithm::Hs256]);
    let issuer = |place: usize, algorithms: &[Algorithm], audiences: Option<&[&str]>, set| {
        let name = ["joe", "shared"][place];
        let keys = KeyState::Held { set: Arc::new(set), stale_at: None };
        let algorithms = algorithms.iter().copied().collect();
        Issuer::new(name, &[ISSUERS[place]], algorithms, audiences, Leeway::DEFAULT, "fuzz", keys)
    };
    let joe = change(issuer(0, &ASYMMETRIC, None, public));
    let shared = issuer(1, &[Algorithm::Hs256], Some(&[AUDIENCE]), shared);
    Issuers::new(vec![joe, shared], Limits::DEFAULT).unwrap()
}

/// A profile with the default requirements, and a strict one.
#[must_use]
pub fn profiles() -> Vec<Profile> {
    let plain = Profile::new("default", &["joe", "shared"], &WORLD).unwrap();
    let mut narrow = Profile::new("narrow", &["joe"], &WORLD).unwrap();
    narrow.audiences = Some([Arc::from("web")].into());
    narrow.required_claims = [Arc::from("sub")].into();
    narrow.max_age = Some(Duration::from_secs(3600));
    narrow.remember = Some(Duration::from_secs(30));
    vec![plain, narrow]
}

/// The time of the tests as a `UnixTime`.
#[must_use]
pub fn now() -> UnixTime {
    UnixTime::from_seconds(NOW)
}

/// A token with this header and payload, valid or not.
#[must_use]
pub fn sign(signer: usize, header: &[u8], payload: &[u8]) -> Vec<u8> {
    use jwtd_core::jose::base64url::encode;
    let message = format!("{}.{}", encode(header), encode(payload));
    let signature = SIGNERS[signer % SIGNERS.len()].sign(message.as_bytes()).unwrap();
    format!("{message}.{}", encode(&signature)).into_bytes()
}
