//! A key with its ID, the tokens that it signs, and JWK Sets.

use super::claims::Claims;
use jwtd_core::crypto::{SigningError, SigningKey};
use jwtd_core::jose::{Algorithm, base64url};
use std::fmt;

#[derive(Debug)]
pub struct Signer {
    /// The `kid`, if its tokens and its published key have one.
    pub id: Option<String>,
    pub key: SigningKey,
}

impl Signer {
    /// An Ed25519 key.
    pub fn new(id: &str) -> Self {
        Self::of(Algorithm::EdDsa, id)
    }

    pub fn of(algorithm: Algorithm, id: &str) -> Self {
        let signer = Self::generate(algorithm, Some(id));
        signer.unwrap_or_else(|| panic!("this build makes no keys for {algorithm}"))
    }

    /// Generates a key; `None` if the algorithm needs the feature `aws-lc` and the build lacks it.
    pub fn generate(algorithm: Algorithm, id: Option<&str>) -> Option<Self> {
        match SigningKey::generate(algorithm) {
            Err(SigningError::NotBuiltIn) => None,
            key => Some(Self { id: id.map(str::to_owned), key: key.unwrap() }),
        }
    }

    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    /// The ID of a key that has one.
    pub fn kid(&self) -> &str {
        self.id.as_deref().unwrap()
    }

    /// The public key, or the secret, as a JWK.
    pub fn jwk(&self) -> String {
        match &self.id {
            Some(id) => self.key.to_jwk(id),
            None => self.key.to_jwk("").replace(r#""kid":"","#, ""),
        }
    }

    /// A correct header with additional members, each preceded by a comma.
    pub fn header(&self, more: &str) -> String {
        let kid = self.id.as_deref().map(|id| format!(r#","kid":"{id}""#)).unwrap_or_default();
        format!(r#"{{"alg":"{}"{kid}{more}}}"#, self.algorithm())
    }

    pub fn sign(&self, header: &str, payload: &str) -> String {
        self.key.sign_compact(header, payload).unwrap()
    }

    /// Signs two parts as they are, in any encoding: the signature is valid, so that nothing else
    /// is wrong with the token.
    pub fn sign_parts(&self, header: &[u8], payload: &[u8]) -> Vec<u8> {
        let input = [header, b".", payload].concat();
        let signature = self.key.sign(&input).unwrap();
        [&input[..], b".", base64url::encode(&signature).as_bytes()].concat()
    }

    /// A good token with these claims.
    pub fn signed(&self, claims: impl fmt::Display) -> String {
        self.sign(&self.header(""), &claims.to_string())
    }

    /// A good token of this issuer.
    pub fn token(&self, issuer: &str) -> String {
        self.signed(Claims::of(issuer))
    }

    /// A token of this issuer whose header names the key `id`.
    pub fn token_as(&self, id: &str, issuer: &str) -> String {
        let header = format!(r#"{{"alg":"{}","kid":"{id}"}}"#, self.algorithm());
        self.sign(&header, &Claims::of(issuer).to_string())
    }

    /// Good tokens that all differ.
    pub fn tokens(&self, issuer: &str, count: usize) -> Vec<String> {
        let claims = Claims::of(issuer);
        (0..count)
            .map(|number| self.signed(claims.clone().set("jti", number.to_string())))
            .collect()
    }
}

/// The JWK Set of these keys.
pub fn set(signers: &[&Signer]) -> String {
    set_of(&signers.iter().map(|one| one.jwk()).collect::<Vec<_>>())
}

/// The JWK Set of keys given as JSON text.
pub fn set_of(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

/// A token with a signature that no key made.
pub fn junk(algorithm: &str, id: &str, issuer: &str, signature: &[u8]) -> String {
    let header = format!(r#"{{"alg":"{algorithm}","kid":"{id}"}}"#);
    let claims = Claims::of(issuer).to_string();
    [header.as_bytes(), claims.as_bytes(), signature].map(base64url::encode).join(".")
}
