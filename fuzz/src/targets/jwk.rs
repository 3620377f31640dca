//! One JSON Web Key, read as a public key, as a shared secret and as a private key.

use crate::{json, memory};
use jwtd_core::crypto::{MacKey, PrivateKey, PublicKey, VerifyingKey};
use jwtd_core::jose::jwks::JwksError;
use jwtd_core::jose::limits::JWKS_JSON;
use jwtd_core::jose::{Algorithm, Family, Jwk, JwkSet, KeyMaterial, base64url};
use serde_json::Value;

/// Members that disclose a secret (RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1; RFC 8037).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

fn set_of(key: &[u8]) -> Vec<u8> {
    [b"{\"keys\":[", key, b"]}"].concat()
}

fn only(keys: &[Jwk]) -> KeyMaterial {
    let [key] = keys else { panic!("{} keys", keys.len()) };
    key.material.clone()
}

fn check_public(key: &Value, material: &KeyMaterial) {
    let published = material.to_json();
    let again = JwkSet::parse(&set_of(published.as_bytes())).unwrap();
    assert_eq!(only(&again.keys), *material, "it changes when it is published");
    let parsed: Value = serde_json::from_str(&published).unwrap();
    assert!(PRIVATE.iter().all(|name| parsed.get(name).is_none()));
    match material {
        // Leading zeros are added and dropped, and other spellings of base64 are accepted.
        KeyMaterial::Ec { point, .. } => {
            let (x, y) = point[1..].split_at(point.len() / 2);
            for (name, coordinate) in [("x", x), ("y", y)] {
                let written =
                    base64url::decode_any(key[name].as_str().unwrap().as_bytes()).unwrap();
                let plain = |number: &[u8]| {
                    number.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<_>>()
                };
                assert_eq!(plain(&written), plain(coordinate));
            }
        }
        KeyMaterial::Ed25519(point) => {
            let written = base64url::decode_any(key["x"].as_str().unwrap().as_bytes()).unwrap();
            assert_eq!(written, point);
        }
        KeyMaterial::Rsa { modulus, .. } => {
            let written = base64url::decode_any(key["n"].as_str().unwrap().as_bytes()).unwrap();
            assert!(written.ends_with(modulus) && (2048..=8192).contains(&material.bits()));
        }
    }
    for algorithm in Algorithm::ALL {
        let fits = algorithm.family() == material.family();
        let Ok(bound) = PublicKey::bind(material, *algorithm).map(VerifyingKey::Public) else {
            continue;
        };
        assert!(fits && bound.algorithm() == *algorithm && algorithm.family() != Family::Hmac);
        let sha256 = ring::digest::digest(&ring::digest::SHA256, published.as_bytes());
        assert_eq!(bound.thumbprint()[..], *sha256.as_ref());
        // These signatures must not verify: nobody made them, and otherwise anybody could.
        let zeros = |message: &[u8]| bound.verify(message, &[0; 64]).is_ok();
        assert!(![&b"a"[..], b"b", b"c", b"d", b"e", b"f"].into_iter().any(zeros));
    }
}

fn check_secret(key: &Value, secret: &jwtd_core::jose::Secret) {
    let text = key["k"].as_str().unwrap();
    assert_eq!(base64url::decode_any(text.as_bytes()).unwrap(), secret.expose());
    assert!(text.len() < 16 || !format!("{secret:?}").contains(text));
    let enough = secret.expose().len() >= 32;
    assert_eq!(MacKey::bind(secret, Algorithm::Hs256).is_ok(), enough);
}

fn check_private(key: &PrivateKey) {
    assert!(key.id().is_none_or(|id| id.len() <= 1 << 20));
    let Ok(bound) = key.bind(key.algorithm()) else { return };
    let (Ok(text), Some(verifying)) = (key.to_jwk(), bound.verifying_key()) else { return };
    let again = PrivateKey::parse(text.as_bytes()).unwrap().remove(0).unwrap();
    assert_eq!(*again.to_jwk().unwrap(), *text, "it changes when it is written");
    // The public half discloses no secret, and verifies the signatures of the private half.
    if let Some(public) = bound.public() {
        let parsed: Value = serde_json::from_str(&public.to_json()).unwrap();
        assert!(PRIVATE.iter().all(|name| parsed.get(name).is_none()));
    }
    // Skips RSA, where a signature takes a millisecond.
    if key.family() != Family::Rsa {
        let signature = bound.sign(b"message").unwrap();
        assert!(verifying.verify(b"message", &signature).is_ok());
        assert!(verifying.verify(b"massage", &signature).is_err());
    }
}

/// Runs the target on one input.
pub fn run(input: &[u8]) {
    for key in PrivateKey::parse(input).into_iter().flatten().flatten() {
        check_private(&key);
    }
    let Some(key) = json::strict(input, &JWKS_JSON).filter(Value::is_object) else { return };
    let set = set_of(input);
    let holds = |name: &str| key.get(name).is_some_and(json::holds_value);
    let private = PRIVATE.into_iter().any(holds);
    match memory::bounded(set.len(), 128, || JwkSet::parse(&set)) {
        Ok(public) => {
            assert!(!private, "a private member passes");
            assert_eq!(public.keys.len() + public.skipped.len(), 1);
            for usable in &public.keys {
                let id = key.get("kid").and_then(Value::as_str).filter(|id| !id.is_empty());
                assert_eq!(usable.id.as_deref(), id);
                check_public(&key, &usable.material);
            }
            for skipped in &public.skipped {
                assert!(skipped.to_string().len() < 4096);
            }
        }
        Err(JwksError::Private { index }) => {
            assert!(index == 0 && (private || holds("priv")));
        }
        // The set has one more level than the key alone.
        Err(JwksError::Json(_)) => assert!(json::strict(&set, &JWKS_JSON).is_none()),
        Err(error) => panic!("{error}"),
    }
    let shared = JwkSet::parse_secrets(&set);
    for secret in shared.into_iter().flat_map(|set| set.keys) {
        assert_eq!(key["kty"], "oct");
        check_secret(&key, &secret.material);
    }
}
