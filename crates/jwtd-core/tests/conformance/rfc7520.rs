//! The examples of RFC 7520, RFC 7797 and RFC 8037 as JSON files, which are external test vectors.

use crate::common::{
    ED25519, check, files, key_set, no_changed_byte_passes, reading_fault, trust, vectors,
};
use jwtd_core::jose::jwk::UnusableKey;
use jwtd_core::jose::{Algorithm, JwkSet, JwksError, Limits, UnixTime};
use jwtd_core::keys::KeySet;
use jwtd_core::verify::{Reason, Reject, verify};
use serde_json::Value;

/// The private members of a JWK.
const PRIVATE: [&str; 6] = ["d", "p", "q", "dp", "dq", "qi"];

/// The examples of these folders by file name, if they are present.
fn examples(folders: &[&str]) -> Option<Vec<(String, Value)>> {
    let root = vectors("rfc7520")?;
    let files = folders.iter().flat_map(|folder| files(&root.join(folder)));
    let read = |(name, text): (String, Vec<u8>)| (name, serde_json::from_slice(&text).unwrap());
    Some(files.map(read).collect())
}

/// The key that verifies the signature of the example.
fn checking_key(input: &Value) -> (KeySet, Algorithm) {
    let algorithm = Algorithm::from_name(input["alg"].as_str().unwrap()).unwrap();
    let mut jwk = input["key"].clone();
    for member in PRIVATE {
        jwk.as_object_mut().unwrap().remove(member);
    }
    (key_set(&jwk.to_string(), algorithm), algorithm)
}

/// The reason for which an issuer of this key refuses the token.
fn fault(token: &str, input: &Value) -> Option<Reason> {
    let (set, _) = checking_key(input);
    let (issuers, _) = trust("hobbiton.example", set, Limits::DEFAULT);
    reading_fault(token.as_bytes(), &issuers)
}

/// Returns true if this build can verify the example.
fn is_built_in(input: &Value) -> bool {
    cfg!(feature = "aws-lc") || input["alg"] != "ES512"
}

#[test]
fn compact_signatures_verify_and_no_changed_byte_does() {
    let Some(all) = examples(&["jws", "curve25519"]) else {
        return;
    };
    let mut verified = Vec::new();
    for (name, example) in all {
        let input = &example["input"];
        let token = example["output"]["compact"].as_str();
        // Skips the examples that have only JSON serializations, and the encrypted one.
        let (Some(token), Some(payload)) = (token, input["payload"].as_str()) else {
            continue;
        };
        if name.starts_with("4_5.") || !is_built_in(input) {
            continue;
        }
        let (set, algorithm) = checking_key(input);
        assert_eq!(check(token.as_bytes(), &set).unwrap(), payload.as_bytes());
        assert_eq!(no_changed_byte_passes(token, &set), 2 * token.len());
        // The payloads are plain sentences, but a JWT needs claims.
        assert_eq!(fault(token, input), Some(Reason::ClaimsBadJson), "{name}");
        verified.push(algorithm);
    }
    use Algorithm::{EdDsa, Es512, Hs256, Ps384, Rs256};
    let mut expected = vec![Rs256, Ps384, Es512, Hs256, EdDsa];
    expected.retain(|algorithm| cfg!(feature = "aws-lc") || *algorithm != Es512);
    assert_eq!(verified, expected);
}

#[test]
fn detached_content_is_refused() {
    let Some(all) = examples(&["jws"]) else {
        return;
    };
    let (_, example) = all.iter().find(|(name, _)| name.starts_with("4_5.")).unwrap();
    let (input, token) = (&example["input"], example["output"]["compact"].as_str().unwrap());
    // An empty payload is not a claims set, and the signature covers another payload.
    assert_eq!(fault(token, input), Some(Reason::ClaimsBadJson));
    let verdict = check(token.as_bytes(), &checking_key(input).0);
    assert_eq!(verdict, Err(Reject::SignatureInvalid));
}

#[test]
fn json_serializations_are_refused() {
    let Some(all) = examples(&["jws", "rfc7797", "curve25519", "jwe"]) else {
        return;
    };
    let (issuers, _) = trust("i", key_set(ED25519, Algorithm::EdDsa), Limits::DEFAULT);
    let (mut refused, mut dotted) = (0, Vec::new());
    for (name, example) in &all {
        for form in ["json", "json_flat"] {
            let Some(token) = example["output"].get(form).map(Value::to_string) else {
                continue;
            };
            let found = reading_fault(token.as_bytes(), &issuers).unwrap();
            if found != Reason::TokenNotCompact {
                dotted.push((name.get(..4).unwrap(), form, found));
            }
            refused += 1;
        }
    }
    // This includes 4_8 and 5_13, where dots inside the text make five parts.
    assert_eq!(dotted, []);
    assert_eq!(refused, 48);
}

#[test]
fn unencoded_payloads_are_refused() {
    let Some(all) = examples(&["rfc7797"]) else {
        return;
    };
    assert_eq!(all.len(), 2);
    for (name, example) in all {
        let (input, flat) = (&example["input"], &example["output"]["json_flat"]);
        let [header, payload, signature] =
            ["protected", "payload", "signature"].map(|part| flat[part].as_str().unwrap());
        let detached = format!("{header}..{signature}");
        assert_eq!(fault(&detached, input), Some(Reason::UnencodedPayload), "{name}");
        let whole = format!("{header}.{payload}.{signature}");
        let expected = if let Some(compact) = example["output"]["compact"].as_str() {
            assert_eq!(whole, compact);
            Reason::UnencodedPayload
        } else {
            // RFC 7797, section 5.2: a payload with a dot has no compact form.
            Reason::TokenNotCompact
        };
        assert_eq!(fault(&whole, input), Some(expected), "{name}");
    }
}

#[test]
fn encrypted_tokens_are_refused() {
    let Some(all) = examples(&["jwe", "curve25519", ""]) else {
        return;
    };
    let (issuers, _) = trust("i", key_set(ED25519, Algorithm::EdDsa), Limits::DEFAULT);
    let mut refused = 0;
    for (name, example) in &all {
        // In the nested example the JWE is one level down.
        let example = example.get("encrypt").unwrap_or(example);
        let token = example["output"]["compact"].as_str();
        let (Some(token), Some(_)) = (token, example["input"].get("plaintext")) else {
            continue;
        };
        let found = reading_fault(token.as_bytes(), &issuers);
        assert_eq!(found, Some(Reason::TokenEncrypted), "{name}");
        refused += 1;
    }
    // Nine from RFC 7520, section 5, one from section 6, and one from RFC 8037.
    assert_eq!(refused, 11);
}

/// RFC 7520, section 6: the only example with claims, which are inside a JWE.
#[test]
fn the_nested_token_passes_all_steps() {
    let Some(all) = examples(&[""]) else { return };
    let sign = &all.first().unwrap().1["sign"];
    let (token, claims) = (&sign["output"]["compact"], &sign["input"]["payload"]);
    let (token, claims) = (token.as_str().unwrap(), claims.as_str().unwrap());
    let key = || checking_key(&sign["input"]).0;
    let (issuers, profile) = trust("hobbiton.example", key(), Limits::DEFAULT);
    let at = |seconds| {
        let now = UnixTime::from_seconds(seconds);
        verify(token.as_bytes(), &issuers, &profile, &[], now).map_err(|reject| reject.reason())
    };
    let proven = at(1_300_819_379).unwrap();
    assert_eq!(proven.algorithm(), Algorithm::Ps256.name());
    assert_eq!(proven.payload(), claims.as_bytes());
    assert_eq!(at(1_300_819_440), Err(Reason::Expired));
    assert_eq!(no_changed_byte_passes(token, &key()), 2 * token.len());
}

#[test]
fn public_keys_load_and_private_ones_refuse_the_set() {
    let Some(keys) = examples(&["jwk"]) else {
        return;
    };
    let (mut loaded, mut refused) = (0, 0);
    let good = &keys.first().unwrap().1;
    for (name, jwk) in &keys {
        let alone = JwkSet::parse(format!(r#"{{"keys":[{jwk}]}}"#).as_bytes());
        if name.contains("public") {
            let set = alone.unwrap();
            let ids: Vec<_> = set.keys.iter().map(|key| key.id.as_deref()).collect();
            assert_eq!(ids, [jwk["kid"].as_str()], "{name}: {:?}", set.skipped);
            loaded += 1;
        } else {
            let private = |index| JwksError::Private { index };
            assert_eq!(alone.unwrap_err(), private(0), "{name}");
            let after = JwkSet::parse(format!(r#"{{"keys":[{good},{jwk}]}}"#).as_bytes());
            assert_eq!(after.unwrap_err(), private(1), "{name}");
            refused += 1;
        }
    }
    assert_eq!((loaded, refused), (2, 4));
}

#[test]
fn only_the_secret_for_signing_loads() {
    let Some(keys) = examples(&["jwk"]) else {
        return;
    };
    for (name, jwk) in keys {
        let set = JwkSet::parse_secrets(format!(r#"{{"keys":[{jwk}]}}"#).as_bytes());
        match name.get(..4) {
            Some("3_5.") => assert_eq!(set.unwrap().keys.len(), 1),
            // An encryption key.
            Some("3_6.") => assert_eq!(set.unwrap().skipped[0].reason, UnusableKey::Use),
            _ => assert_eq!(set.unwrap_err(), JwksError::Mixed { index: 0 }, "{name}"),
        }
    }
}
