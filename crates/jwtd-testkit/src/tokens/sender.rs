//! The sender of tokens that are bound to its key (RFC 9449) or its certificate (RFC 8705).

use super::claims::{Claims, now};
use super::proof::Proof;
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

/// The thumbprint of a key (RFC 7638), in base64url.
pub fn thumbprint(key: &Signer) -> String {
    base64url::encode(key.key.verifying_key().unwrap().thumbprint())
}

/// The `cnf` of a token that is bound to this key.
pub fn bound_to_key(key: &Signer) -> String {
    format!(r#"{{"jkt":"{}"}}"#, thumbprint(key))
}

/// The `cnf` of a token that is bound to the certificate with these bytes.
pub fn bound_to_certificate(der: &[u8]) -> String {
    format!(r#"{{"x5t#S256":"{}"}}"#, sha256(der))
}

impl Sender {
    pub fn new(algorithm: Algorithm) -> Self {
        Self(Signer::generate(algorithm, None).unwrap())
    }

    /// The claims of a token that is bound to this key.
    pub fn claims(&self, issuer: &str) -> Claims {
        Claims::of(issuer).raw("cnf", &bound_to_key(&self.0))
    }

    /// A good proof for this token, made now.
    pub fn proof(&self, token: &str, id: &str) -> String {
        Proof::new(&self.0, token, id, now()).signed()
    }

    /// A good proof with a nonce.
    pub fn proof_with(&self, token: &str, id: &str, nonce: &str) -> String {
        Proof::new(&self.0, token, id, now()).text("nonce", nonce).signed()
    }
}
