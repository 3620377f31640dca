//! JWK Sets (RFC 7517, section 5). An unusable key is skipped and reported; it never makes the
//! whole set unusable.

use super::json::{self, JsonFault, Value};
use super::jwk::{Jwk, KeyMaterial, Members, Secret, UnusableKey};
use super::limits::{JWKS_BYTES, JWKS_JSON, JWKS_KEYS};
use std::borrow::Cow;
use std::fmt;

/// The usable keys of a set, and the skipped keys with the reason.
#[derive(Clone, Debug)]
pub struct JwkSet<M = KeyMaterial> {
    /// The usable keys, in the order of the set.
    pub keys: Vec<Jwk<M>>,
    /// The skipped keys, in the order of the set.
    pub skipped: Vec<SkippedKey>,
}

/// A key of a set that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("key {index}{} is skipped: {reason}", in_brackets(id.as_deref()))]
#[non_exhaustive]
pub struct SkippedKey {
    /// The index in the set, counted from 0.
    pub index: usize,
    /// The `kid`, if it has one.
    pub id: Option<Box<str>>,
    /// Why it cannot be used.
    pub reason: UnusableKey,
}

fn in_brackets(id: Option<&str>) -> String {
    id.map_or_else(String::new, |id| format!(" ({id:?})"))
}

/// Why a whole set is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JwksError {
    /// The text is not acceptable JSON.
    #[error(fmt = write_json_fault)]
    Json(JsonFault),
    /// The text is not an object with an array `keys`.
    #[error("not a JWK Set: an object with an array `keys`")]
    NotSet,
    /// A key among the public ones discloses a secret: anyone who can read the set can sign, so no
    /// signature under it can be trusted (R20).
    #[error(
        "key {index} holds private members; whoever can read this set can sign tokens: \
         replace that key, and publish only public ones"
    )]
    Private {
        /// The index of the first such key, counted from 0.
        index: usize,
    },
    /// A public key among shared secrets.
    #[error("key {index} is not a shared secret (`kty` must be `oct`)")]
    Mixed {
        /// The index of the first such key, counted from 0.
        index: usize,
    },
    /// The set is larger than 512 KiB.
    #[error("larger than {JWKS_BYTES} bytes")]
    TooLarge,
}

fn write_json_fault(fault: &JsonFault, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match fault {
        JsonFault::Syntax { line, column } => write!(f, "not JSON at line {line}, column {column}"),
        JsonFault::Duplicate => f.write_str("a member appears twice in an object"),
        JsonFault::TooDeep | JsonFault::TooLong | JsonFault::TooMany => {
            f.write_str("the JSON is too deep or too large")
        }
    }
}

impl JwkSet {
    /// Reads a set of public keys.
    ///
    /// # Errors
    /// If the text is not a set, or any of its keys is private.
    pub fn parse(text: &[u8]) -> Result<Self, JwksError> {
        parse(
            text,
            |members, index| {
                if members.is_private() { Err(JwksError::Private { index }) } else { Ok(()) }
            },
            |members| members.public(),
        )
    }
}

impl JwkSet<Secret> {
    /// Reads a set of shared secrets.
    ///
    /// # Errors
    /// If the text is not a set, or any of its keys is not a shared secret.
    pub fn parse_secrets(text: &[u8]) -> Result<Self, JwksError> {
        parse(
            text,
            |members, index| {
                let secret = members.0.iter().any(|(n, v)| n == "kty" && v.as_str() == Some("oct"));
                if secret { Ok(()) } else { Err(JwksError::Mixed { index }) }
            },
            |members| members.secret(),
        )
    }
}

fn parse<M>(
    text: &[u8],
    check: fn(&Members<'_, '_>, usize) -> Result<(), JwksError>,
    read: fn(&Members<'_, '_>) -> Result<Jwk<M>, UnusableKey>,
) -> Result<JwkSet<M>, JwksError> {
    if text.len() > JWKS_BYTES {
        return Err(JwksError::TooLarge);
    }
    let members = json::parse(text, &JWKS_JSON)
        .map_err(JwksError::Json)?
        .into_object()
        .ok_or(JwksError::NotSet)?;
    let Some((_, Value::Array(keys))) = members.into_iter().find(|(name, _)| name == "keys") else {
        return Err(JwksError::NotSet);
    };

    let mut set = JwkSet { keys: Vec::new(), skipped: Vec::new() };
    for (index, key) in keys.into_iter().enumerate() {
        let skip = |id: Option<&str>, reason| SkippedKey { index, id: id.map(Box::from), reason };
        let Some(members): Option<Vec<(Cow<'_, str>, Value<'_>)>> = key.into_object() else {
            set.skipped.push(skip(None, UnusableKey::NotObject));
            continue;
        };
        let members = Members(&members);
        // Checked even for a key that would be skipped.
        check(&members, index)?;
        let usable =
            if set.keys.len() < JWKS_KEYS { read(&members) } else { Err(UnusableKey::TooMany) };
        match usable {
            Ok(key) => set.keys.push(key),
            Err(reason) => set.skipped.push(skip(members.id(), reason)),
        }
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Algorithm, Family};

    const ED: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"ed",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    fn set(keys: &[&str]) -> Result<JwkSet, JwksError> {
        JwkSet::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes())
    }

    #[test]
    fn a_key_that_cannot_be_used_never_loses_the_set() {
        let set = set(&[
            r#"{"kty":"AKP","alg":"ML-DSA-44","kid":"pq","pub":"AAAA"}"#,
            ED,
            r#"{"kty":"RSA","kid":"enc","use":"enc","n":"AQAB","e":"AQAB"}"#,
            r#"{"kty":"RSA","kid":"weak","n":"AQAB","e":"AQAB"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA","alg":"EdDSA"}"#,
            r#"{"kty":"OKP","crv":"X25519","x":"AAAA"}"#,
            r#"{"kty":"EC","crv":"secp256k1","x":"AAAA","y":"AAAA"}"#,
            r#"{"kty":"EC","crv":"P-256","x":7,"y":"AAAA"}"#,
            "7",
            r#"{"kid":"kindless"}"#,
            r#"{"kty":"RSA","alg":"RSA-OAEP","n":"AQAB","e":"AQAB"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","key_ops":["sign"],"x":"AAAA"}"#,
        ])
        .unwrap();
        assert_eq!(set.keys.len(), 1);
        assert_eq!(set.keys[0].id.as_deref(), Some("ed"));
        assert_eq!(set.keys[0].material.family(), Family::Ed25519);
        use UnusableKey::*;
        let reasons: Vec<_> = set.skipped.iter().map(|key| (key.index, key.reason)).collect();
        assert_eq!(
            reasons,
            [
                (0, Type),
                (2, Use),
                (3, Size),
                (4, Parameter("x")),
                (5, Curve),
                (6, Curve),
                (7, Parameter("x")),
                (8, NotObject),
                (9, Parameter("kty")),
                (10, Size),
                (11, Operations),
            ]
        );
        assert_eq!(
            set.skipped[0].to_string(),
            r#"key 0 ("pq") is skipped: its `kty` is not implemented"#
        );
    }

    #[test]
    fn r20_private_members_and_mixed_sets_are_refused() {
        for private in [r#"{"kty":"oct","k":"AAAA"}"#, r#"{"kty":"RSA","d":"AQAB"}"#] {
            assert_eq!(set(&[ED, private]).unwrap_err(), JwksError::Private { index: 1 });
        }
        let mixed = JwkSet::parse_secrets(format!(r#"{{"keys":[{ED}]}}"#).as_bytes());
        assert_eq!(mixed.unwrap_err(), JwksError::Mixed { index: 0 });
    }

    #[test]
    fn r13_r11_use_and_algorithm_bind_the_key() {
        let bound =
            ED.replace(r#""kid":"ed","#, r#""alg":"EdDSA","use":"sig","key_ops":["verify"],"#);
        assert_eq!(set(&[&bound]).unwrap().keys[0].algorithm, Some(Algorithm::EdDsa));
        let other = ED.replace(r#""kid":"ed","#, r#""alg":"RS256","#);
        assert_eq!(set(&[&other]).unwrap().skipped[0].reason, UnusableKey::AlgorithmMismatch);
        for (purpose, usable) in [("jwt-svid", true), ("x509-svid", false), ("enc", false)] {
            let key = ED.replace(r#""kid":"ed","#, &format!(r#""use":"{purpose}","#));
            assert_eq!(set(&[&key]).unwrap().keys.len(), usize::from(usable), "{purpose}");
        }
    }

    #[test]
    fn what_is_not_a_set_is_refused() {
        for text in
            ["", "[]", "{}", r#"{"keys":null}"#, r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#]
        {
            assert!(JwkSet::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(set(&[]).unwrap().keys.is_empty());
        let many = vec![ED; 101];
        let set = set(&many).unwrap();
        assert_eq!((set.keys.len(), set.skipped[0].reason), (100, UnusableKey::TooMany));
    }

    #[test]
    fn the_fault_of_a_secret_does_not_show_it() {
        let secrets =
            JwkSet::parse_secrets(br#"{"keys":[{"kty":"oct","kid":"s","k":"c2VjcmV0"}]}"#).unwrap();
        assert_eq!(secrets.keys[0].material.expose(), b"secret");
        assert!(!format!("{secrets:?}").contains("115"));
        assert!(format!("{secrets:?}").contains("redacted"));
    }
}
