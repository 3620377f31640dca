//! Keys, sets and tokens of the issuers.

use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, base64url};
use std::time::{SystemTime, UNIX_EPOCH};

/// A key with its id.
#[derive(Debug)]
pub(crate) struct Signer {
    key: SigningKey,
    pub(crate) id: String,
}

impl Signer {
    pub(crate) fn new(id: &str) -> Self {
        Self { key: SigningKey::generate(Algorithm::EdDsa).unwrap(), id: id.to_owned() }
    }

    pub(crate) fn jwk(&self) -> String {
        self.key.to_jwk(&self.id)
    }

    /// A token of the issuer with this `iss`, good for an hour.
    pub(crate) fn token(&self, iss: &str) -> String {
        self.token_as(&self.id, iss)
    }

    /// A token with these claims.
    pub(crate) fn signed(&self, claims: &str) -> String {
        let header = format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, self.id);
        self.key.sign_compact(&header, claims).unwrap()
    }

    /// A token that claims to be signed by the key `id`.
    pub(crate) fn token_as(&self, id: &str, iss: &str) -> String {
        let header = format!(r#"{{"alg":"EdDSA","kid":"{id}"}}"#);
        self.key.sign_compact(&header, &claims(iss)).unwrap()
    }

    /// Good tokens, of which no two are equal.
    pub(crate) fn tokens(&self, iss: &str, count: usize) -> Vec<String> {
        let claims = claims(iss);
        let token =
            |number| self.signed(&claims.replacen('{', &format!(r#"{{"jti":"{number}","#), 1));
        (0..count).map(token).collect()
    }
}

/// A set of these keys.
pub(crate) fn set(keys: &[&Signer]) -> String {
    set_of(&keys.iter().map(|key| key.jwk()).collect::<Vec<_>>())
}

/// A set of keys that are written out.
pub(crate) fn set_of(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

/// A token that nobody signed.
pub(crate) fn junk(algorithm: &str, id: &str, iss: &str, signature: &[u8]) -> String {
    let header = format!(r#"{{"alg":"{algorithm}","kid":"{id}"}}"#);
    let part = |bytes: &[u8]| base64url::encode(bytes);
    let claims = claims(iss);
    [part(header.as_bytes()), part(claims.as_bytes()), part(signature)].join(".")
}

fn claims(iss: &str) -> String {
    format!(r#"{{"iss":"{iss}","aud":"a","sub":"alice","exp":{}}}"#, now() + 3600)
}

#[expect(clippy::disallowed_methods, reason = "the daemon asks the same clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
