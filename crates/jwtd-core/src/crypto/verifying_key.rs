//! Keys that verify signatures, each bound to its algorithm when it is created.

use super::bad_signature::BadSignature;
use super::ring::{self, Digest, sha256};
use crate::jose::jwk::UnusableKey;
use crate::jose::{Algorithm, KeyMaterial, Secret, base64url};
use std::fmt;

/// A key and the only algorithm that it is used with.
#[derive(Debug)]
pub enum VerifyingKey {
    /// A secret shared with the issuer.
    Mac(MacKey),
    /// A public key.
    Public(PublicKey),
}

/// A public key, bound to one asymmetric algorithm.
#[derive(Debug)]
pub struct PublicKey {
    algorithm: Algorithm,
    bits: usize,
    thumbprint: Digest,
    backend: VerifyingBackend,
}

/// The library that verifies with the key.
#[derive(Debug)]
enum VerifyingBackend {
    #[cfg(feature = "aws-lc")]
    AwsLc(super::aws_lc::PublicKey),
    Ring(ring::PublicKey),
}

/// A shared secret, bound to one HMAC algorithm.
///
/// It can only be built from a [`Secret`], so that no public key can be used as one (R12):
///
/// ```compile_fail,E0308
/// use jwtd_core::crypto::MacKey;
/// use jwtd_core::jose::{Algorithm, KeyMaterial};
///
/// let public = KeyMaterial::ed25519(&[9; 32]).unwrap();
/// MacKey::bind(&public, Algorithm::Hs256);
/// ```
pub struct MacKey {
    algorithm: Algorithm,
    thumbprint: Digest,
    mac: ring::Mac,
}

/// Shows only the algorithm: the thumbprint of a weak secret would reveal it.
impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MacKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl PublicKey {
    /// Binds a key to an algorithm.
    ///
    /// # Errors
    /// If the algorithm does not fit the key or is not built in, or if the key's point does not lie
    /// on its curve.
    pub fn bind(material: &KeyMaterial, algorithm: Algorithm) -> Result<Self, UnusableKey> {
        if material.family() != algorithm.family() {
            return Err(UnusableKey::AlgorithmMismatch);
        }
        #[cfg(feature = "aws-lc")]
        let first =
            super::aws_lc::PublicKey::bind(material, algorithm).map(VerifyingBackend::AwsLc);
        #[cfg(not(feature = "aws-lc"))]
        let first = None;
        let backend = first
            .or_else(|| ring::PublicKey::bind(material, algorithm).map(VerifyingBackend::Ring))
            .ok_or(match (material, algorithm, cfg!(feature = "aws-lc")) {
                (_, Algorithm::Es512, false) => UnusableKey::Algorithm,
                (KeyMaterial::Ec { .. }, _, _) => UnusableKey::Point,
                _ => UnusableKey::Algorithm,
            })?;
        let thumbprint = sha256(material.to_json().as_bytes());
        Ok(Self { algorithm, bits: material.bits(), thumbprint, backend })
    }
}

impl MacKey {
    /// Binds a secret to an algorithm.
    ///
    /// # Errors
    /// If the algorithm is not HMAC, or if the secret is shorter than its hash.
    pub fn bind(secret: &Secret, algorithm: Algorithm) -> Result<Self, UnusableKey> {
        if algorithm.family() != crate::jose::Family::Hmac {
            return Err(UnusableKey::AlgorithmMismatch);
        }
        let mac = ring::Mac::new(secret.expose(), algorithm).ok_or(UnusableKey::SecretTooShort)?;
        let k = base64url::encode(secret.expose());
        let thumbprint = sha256(format!(r#"{{"k":"{k}","kty":"oct"}}"#).as_bytes());
        Ok(Self { algorithm, thumbprint, mac })
    }
}

impl VerifyingKey {
    /// The algorithm that the key is bound to.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Mac(key) => key.algorithm,
            Self::Public(key) => key.algorithm,
        }
    }

    /// The size of the key in bits; together with the algorithm it determines the cost of a check.
    /// Zero for a secret.
    #[must_use]
    pub fn bits(&self) -> usize {
        match self {
            Self::Mac(_) => 0,
            Self::Public(key) => key.bits,
        }
    }

    /// The SHA-256 thumbprint of the key (RFC 7638), which identifies it whatever its ID. The
    /// thumbprint of a secret must not leave the process.
    #[must_use]
    pub fn thumbprint(&self) -> &Digest {
        match self {
            Self::Mac(key) => &key.thumbprint,
            Self::Public(key) => &key.thumbprint,
        }
    }

    /// Checks that `signature` was made over `message` with the private half or the shared secret.
    ///
    /// # Errors
    /// If it was not, whatever the cause.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        match self {
            Self::Mac(key) => key.mac.verify(message, signature),
            Self::Public(key) => match &key.backend {
                #[cfg(feature = "aws-lc")]
                VerifyingBackend::AwsLc(key) => key.verify(message, signature),
                VerifyingBackend::Ring(key) => key.verify(message, signature),
            },
        }
    }
}

/// A secret of this process or its operator that authenticates texts with HMAC-SHA-256.
#[derive(Clone, Debug)]
pub struct MessageKey(ring::Mac);

impl MessageKey {
    /// The shortest secret, in bytes: as long as the hash (RFC 7518, section 3.2).
    pub const LEAST_BYTES: usize = 32;

    /// Returns `None` if the secret is too short.
    #[must_use]
    pub fn new(secret: &[u8]) -> Option<Self> {
        ring::Mac::new(secret, Algorithm::Hs256).map(Self)
    }

    /// Builds the key from a secret as long as the hash.
    #[must_use]
    pub fn of(secret: &[u8; Self::LEAST_BYTES]) -> Self {
        Self(ring::Mac::sha256(secret))
    }

    /// The tag of a text, 32 bytes long.
    #[must_use]
    pub fn tag(&self, text: &[u8]) -> Vec<u8> {
        self.0.sign(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r16_a_key_for_which_anybody_can_sign_is_refused() {
        // Checks the all-zero signature, and one that encodes the identity, under points of order
        // 1, 2, 4 and 8 in all their encodings.
        let fits = |point: [u8; 32]| {
            let key = PublicKey::bind(&KeyMaterial::Ed25519(point), Algorithm::EdDsa).unwrap();
            let key = VerifyingKey::Public(key);
            let zeros = [[0; 32], [0; 32]].concat();
            let one = [&[1][..], &[0; 63]].concat();
            (0..64_u8).any(|n| key.verify(&[n], &zeros).is_ok() || key.verify(&[n], &one).is_ok())
        };
        let mut small = Vec::new();
        for (first, rest) in [(0, 0), (1, 0), (0xec, 0xff), (0xed, 0xff), (0xee, 0xff)] {
            let mut point = [rest; 32];
            (point[0], point[31]) = (first, rest & 0x7f);
            small.push(point);
        }
        for text in [
            "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
            "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
        ] {
            small.push(base64url::decode(text.as_bytes()).unwrap().try_into().unwrap());
        }
        let mut forged = 0;
        for mut point in small {
            for _ in 0..2 {
                point[31] ^= 0x80;
                let refused = Err(UnusableKey::SmallOrder);
                assert_eq!(KeyMaterial::ed25519(&point), refused, "{point:x?}");
                forged += usize::from(fits(point));
            }
        }
        // ring accepts most of them: without the refusal, forged tokens would pass.
        assert!(forged >= 8, "{forged}");
        assert!(KeyMaterial::ed25519(&[9; 32]).is_ok());
    }
}
