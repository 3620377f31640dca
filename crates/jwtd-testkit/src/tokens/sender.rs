//! The sender of tokens that are bound to its key (RFC 9449).

use super::claims::{Claims, now};
use super::signer::Signer;
use jwtd_core::crypto::certificate_thumbprints;
use jwtd_core::jose::{Algorithm, base64url};

/// The method of the requests.
pub const METHOD: &str = "POST";

/// The URL of the requests.
pub const URL: &str = "https://api.example.com/orders/7";

/// A key that makes DPoP proofs.
#[derive(Debug)]
pub struct Sender(Signer);

/// The SHA-256 hash of some bytes, in base64url.
pub fn sha256(bytes: &[u8]) -> String {
    // That of a certificate is the same function.
    base64url::encode(&certificate_thumbprints(bytes).sha256.unwrap())
}

impl Sender {
    pub fn new(algorithm: Algorithm) -> Self {
        Self(Signer::generate(algorithm, None).unwrap())
    }

    /// The claims of a token that is bound to this key.
    pub fn claims(&self, issuer: &str) -> Claims {
        let thumbprint = base64url::encode(self.0.key.verifying_key().unwrap().thumbprint());
        Claims::of(issuer).raw("cnf", &format!(r#"{{"jkt":"{thumbprint}"}}"#))
    }

    /// A good proof for this token, made now.
    pub fn proof(&self, token: &str, id: &str) -> String {
        self.proof_with(token, id, "")
    }

    /// A good proof with a nonce.
    pub fn proof_with(&self, token: &str, id: &str, nonce: &str) -> String {
        let Self(key) = self;
        let header =
            format!(r#"{{"typ":"dpop+jwt","alg":"{}","jwk":{}}}"#, key.algorithm(), key.jwk());
        let claims = serde_json::json!({
            "jti": id, "htm": METHOD, "htu": URL, "iat": now(), "ath": sha256(token.as_bytes()),
            "nonce": nonce,
        });
        key.sign(&header, &claims.to_string())
    }
}
