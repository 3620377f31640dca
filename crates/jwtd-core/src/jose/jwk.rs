//! JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037). Public keys and shared secrets are
//! different types that cannot be converted into each other.

mod members;
#[cfg(test)]
mod tests;

pub(super) use members::Members;

use super::algorithm::{Algorithm, Curve, Family};
use super::base64url;
use super::certificate::CertificateThumbprints;
use super::roca;
use super::small_order;
use std::fmt;
use zeroize::Zeroizing;

/// A public key, checked for form and size. It is not yet bound to an algorithm and cannot verify
/// anything.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum KeyMaterial {
    /// A point on a curve.
    Ec {
        /// The curve.
        curve: Curve,
        /// The point, uncompressed: 4, x and y (SEC 1, section 2.3.3).
        point: Box<[u8]>,
    },
    /// An Ed25519 public key.
    Ed25519([u8; 32]),
    /// An RSA public key.
    Rsa {
        /// The modulus, big-endian, without leading zeros.
        modulus: Box<[u8]>,
        /// The exponent, big-endian, without leading zeros.
        exponent: Box<[u8]>,
    },
}

/// A secret shared with an issuer. No public key can become one (R12). It is wiped from memory when
/// dropped.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Wraps the bytes of a secret.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret([redacted])")
    }
}

/// One key of a set. `M` is [`KeyMaterial`] or [`Secret`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Jwk<M = KeyMaterial> {
    /// `kid`
    pub id: Option<Box<str>>,
    /// `alg`: if present, the only algorithm that may be used with the key.
    pub algorithm: Option<Algorithm>,
    /// `x5t` and `x5t#S256`
    pub thumbprints: CertificateThumbprints,
    /// The first certificate of `x5c`, or the certificate that holds the key, in DER. It supplies
    /// the thumbprints that the key does not state, and is not used otherwise.
    pub certificate: Option<Box<[u8]>>,
    /// The key itself.
    pub material: M,
}

impl<M> Jwk<M> {
    /// Builds a key with no known attributes except its material.
    #[must_use]
    pub fn bare(material: M) -> Self {
        let thumbprints = CertificateThumbprints::default();
        Self { id: None, algorithm: None, thumbprints, certificate: None, material }
    }
}

/// Why a key cannot be used to verify signatures.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableKey {
    /// The `alg` is not implemented.
    #[error("its `alg` is not implemented")]
    Algorithm,
    /// The `alg` does not fit the key type.
    #[error("its `alg` does not fit its kind")]
    AlgorithmMismatch,
    /// The `crv` is not implemented.
    #[error("its `crv` is not implemented")]
    Curve,
    /// The RSA exponent is even, below 3 or longer than 33 bits.
    #[error("its exponent `e` must be odd, from 3 to 33 bits")]
    Exponent,
    /// The issuer allows no algorithm that fits the key.
    #[error("no allowed algorithm fits it")]
    NotAllowed,
    /// The key is not a JSON object.
    #[error("it is not a JSON object")]
    NotObject,
    /// `key_ops` does not contain `verify`, or contains an operation twice.
    #[error("its `key_ops` must hold `verify`, and no operation twice")]
    Operations,
    /// The key is for another `alg` than the one with which it is used (RFC 7517, section 4.4).
    #[error("it is for another `alg`")]
    OtherAlgorithm,
    /// A member that the key type requires is missing or malformed.
    #[error("its `{0}` is missing or has a wrong form")]
    Parameter(&'static str),
    /// The point does not lie on the curve.
    #[error("its point does not lie on its curve")]
    Point,
    /// The key has private members although the set publishes public keys.
    #[error("it has private members")]
    Private,
    /// The RSA modulus has the ROCA fingerprint (CVE-2017-15361): its private key can be computed.
    #[error("its modulus has the mark of CVE-2017-15361 (ROCA): replace the key")]
    Roca,
    /// The secret is shorter than the hash of its algorithm (RFC 7518,
    /// section 3.2).
    #[error("its secret is shorter than the hash of its algorithm")]
    SecretTooShort,
    /// The RSA modulus has fewer than 2,048 or more than 8,192 bits.
    #[error("its modulus must have 2048 to 8192 bits")]
    Size,
    /// The Ed25519 point has small order: anybody can make signatures that verify under it.
    #[error("anybody can sign for its point, which has small order: replace the key")]
    SmallOrder,
    /// The key lies beyond the largest number of keys in a set.
    #[error("the set holds too many keys")]
    TooMany,
    /// The `kty` is not implemented.
    #[error("its `kty` is not implemented")]
    Type,
    /// `use` is not `sig`.
    #[error("its `use` is not `sig`")]
    Use,
}

impl KeyMaterial {
    /// Builds an RSA public key from big-endian numbers.
    ///
    /// # Errors
    /// If the modulus has fewer than 2,048 or more than 8,192 bits or the ROCA fingerprint, or if
    /// the exponent is even, below 3 or longer than 33 bits (R14).
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, UnusableKey> {
        let (modulus, exponent) = (trim(modulus), trim(exponent));
        let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
        if !(2048..=8192).contains(&bits(modulus)) || !odd(modulus) {
            return Err(UnusableKey::Size);
        }
        if !(2..=33).contains(&bits(exponent)) || !odd(exponent) {
            return Err(UnusableKey::Exponent);
        }
        if roca::is_marked(modulus) {
            return Err(UnusableKey::Roca);
        }
        Ok(Self::Rsa { modulus: modulus.into(), exponent: exponent.into() })
    }

    /// Builds an elliptic curve public key from an uncompressed point.
    ///
    /// # Errors
    /// If the point has another length or is compressed. Binding the key to an algorithm checks
    /// that the point lies on the curve.
    pub fn ec(curve: Curve, point: Vec<u8>) -> Result<Self, UnusableKey> {
        let length = curve.coordinate_bytes().saturating_mul(2).saturating_add(1);
        if point.len() != length || point.first() != Some(&4) {
            return Err(UnusableKey::Parameter("x"));
        }
        Ok(Self::Ec { curve, point: point.into() })
    }

    /// Builds an Ed25519 public key.
    ///
    /// # Errors
    /// If `key` does not have 32 bytes, or if it is one of the few points of small order, for which
    /// anybody can make signatures (RFC 7748, section 6.1; RFC 8032, section 8.9).
    pub fn ed25519(key: &[u8]) -> Result<Self, UnusableKey> {
        let key = key.try_into().map_err(|_| UnusableKey::Parameter("x"))?;
        if small_order::is_small(&key) {
            return Err(UnusableKey::SmallOrder);
        }
        Ok(Self::Ed25519(key))
    }

    /// The algorithm family that the key fits.
    #[must_use]
    pub fn family(&self) -> Family {
        match self {
            Self::Ec { curve, .. } => Family::Ecdsa(*curve),
            Self::Ed25519(_) => Family::Ed25519,
            Self::Rsa { .. } => Family::Rsa,
        }
    }

    /// The nominal key size in bits.
    #[must_use]
    pub fn bits(&self) -> usize {
        match self {
            Self::Ec { curve: Curve::P521, .. } => 521,
            Self::Ec { curve, .. } => curve.coordinate_bytes().saturating_mul(8),
            Self::Ed25519(_) => 256,
            Self::Rsa { modulus, .. } => bits(modulus),
        }
    }

    /// The required members of the JWK, in the order of RFC 7638, section 3.2: the input of the
    /// thumbprint, and enough to publish the key.
    #[must_use]
    pub fn to_json(&self) -> String {
        let text = base64url::encode;
        match self {
            Self::Ec { curve, point } => {
                let half = curve.coordinate_bytes();
                let coordinates = point.split_first().map_or(&[][..], |(_, rest)| rest);
                let (x, y) = coordinates.split_at(half.min(coordinates.len()));
                let (x, y) = (text(x), text(y));
                format!(r#"{{"crv":"{}","kty":"EC","x":"{x}","y":"{y}"}}"#, curve.name())
            }
            Self::Ed25519(key) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(key))
            }
            Self::Rsa { modulus, exponent } => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(exponent), text(modulus))
            }
        }
    }
}

/// Pads or trims a big-endian number to `length` bytes. RFC 7518, section 6.2.1.2 requires the full
/// length, but issuers strip leading zeros or prepend one as a sign.
#[must_use]
pub(crate) fn fit(number: &[u8], length: usize) -> Option<Vec<u8>> {
    let digits = trim(number);
    let mut fitted = Vec::with_capacity(length);
    fitted.resize(length.checked_sub(digits.len())?, 0);
    fitted.extend_from_slice(digits);
    Some(fitted)
}

fn trim(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The number of bits of a big-endian number without leading zeros.
fn bits(number: &[u8]) -> usize {
    number.split_first().map_or(0, |(first, rest)| {
        let top = 8_u32.saturating_sub(first.leading_zeros());
        rest.len().saturating_mul(8).saturating_add(usize::try_from(top).unwrap_or_default())
    })
}
