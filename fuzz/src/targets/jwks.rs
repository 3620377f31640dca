//! Fuzzes a JWK Set, and the part of it that `state_dir` keeps for the next process.

use crate::{json, memory};
use jwtd::state::public_part;
use jwtd_core::jose::jwks::JwksError;
use jwtd_core::jose::limits::{JWKS_JSON, JWKS_KEYS};
use jwtd_core::jose::{Algorithm, JwkSet};
use jwtd_core::keys::LoadedKeys;
use serde_json::Value;

/// All public members of keys (RFC 7517, section 4; RFC 7518, section 6; RFC 8037).
const PUBLIC: [&str; 13] =
    ["kty", "kid", "alg", "use", "key_ops", "n", "e", "crv", "x", "y", "x5c", "x5t", "x5t#S256"];
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

fn keys(set: &Value) -> &[Value] {
    set["keys"].as_array().map_or(&[], Vec::as_slice)
}

fn gives_away(key: &Value) -> bool {
    PRIVATE.iter().any(|name| key.get(name).is_some_and(json::holds_value))
}

/// Runs the target on one input.
pub fn run(input: &[u8]) {
    let value = json::strict(input, &JWKS_JSON);
    let parsed = memory::bounded(input.len(), 128, || JwkSet::parse(input));
    let set = match (parsed, &value) {
        (Ok(set), Some(value)) => {
            assert!(value["keys"].is_array() && !keys(value).iter().any(gives_away));
            set
        }
        (Ok(_), None) => panic!("this is no strict JSON"),
        (Err(error), value) => {
            assert!(error.to_string().len() < 300);
            let value = value.as_ref().map(|value| &value["keys"]);
            match error {
                JwksError::Json(_) => assert!(value.is_none()),
                JwksError::NotSet => assert!(value.is_none_or(|keys| !keys.is_array())),
                JwksError::Private { index } => {
                    let key = &value.unwrap()[index];
                    assert!(gives_away(key) || key.get("priv").is_some_and(json::holds_value));
                }
                other => panic!("{other}"),
            }
            // Nothing of a refused set is kept.
            assert!(LoadedKeys::from_jwks(input, Algorithm::ALL).is_err());
            return;
        }
    };
    let value = value.unwrap();
    // Every key is either used or reported, with its own index.
    assert_eq!(set.keys.len() + set.skipped.len(), keys(&value).len());
    assert!(set.keys.len() <= JWKS_KEYS);
    assert!(set.skipped.iter().all(|skipped| skipped.to_string().len() < 4096));
    assert!(set.skipped.windows(2).all(|two| two[0].index < two[1].index));

    let loaded = LoadedKeys::from_jwks(input, Algorithm::ALL).unwrap();
    let kept = public_part(input);
    let text = kept.to_string();
    for key in keys(&kept) {
        let members = key.as_object().unwrap();
        assert!(members.keys().all(|name| PUBLIC.contains(&name.as_str())), "{key}");
    }
    let again = LoadedKeys::from_jwks(text.as_bytes(), Algorithm::ALL).unwrap();
    assert_eq!(
        loaded.set.fingerprint(),
        again.set.fingerprint(),
        "the next process has other keys"
    );
    assert_eq!(public_part(text.as_bytes()), kept, "it changes when it is kept twice");
}
