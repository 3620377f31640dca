//! Keys in DER and PEM: PKCS #8 (RFC 5958), PKCS #1 (RFC 8017), SEC 1 (RFC 5915)
//! and SubjectPublicKeyInfo (RFC 5480, RFC 8410). The only file that names
//! `pkcs1`, `pkcs8` and `sec1`.

use crate::jose::{Curve, KeyMaterial};
use pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef};
use pkcs8::der::asn1::{BitStringRef, OctetStringRef, UintRef};
use pkcs8::der::{AnyRef, Decode as _, Encode};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use pkcs8::{Document, LineEnding, ObjectIdentifier, PrivateKeyInfoRef, SecretDocument};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::{self, PemObject as _};
use sec1::EcPrivateKey;
use zeroize::Zeroizing;

/// Bytes that are wiped when dropped.
pub(super) type Bytes = Zeroizing<Vec<u8>>;

/// The components of a private key.
pub(super) enum Numbers {
    Ec {
        curve: Curve,
        scalar: Bytes,
        /// The uncompressed public point.
        point: Vec<u8>,
    },
    /// The seed.
    Ed25519(Bytes),
    /// `n`, `e`, `d`, `p`, `q`, `dp`, `dq`, `qi`.
    Rsa(Box<[Bytes; 8]>),
}

/// Why no private key can be read from a PEM file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PemFault {
    Damaged,
    /// The file has no private key.
    Missing,
    /// The file has more than one private key.
    Several,
}

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
#[cfg(feature = "jwe")]
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const CURVES: [(Curve, ObjectIdentifier); 3] = [
    (Curve::P256, ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7")),
    (Curve::P384, ObjectIdentifier::new_unwrap("1.3.132.0.34")),
    (Curve::P521, ObjectIdentifier::new_unwrap("1.3.132.0.35")),
];

fn identifier(curve: Curve) -> Option<&'static ObjectIdentifier> {
    CURVES.iter().find(|(one, _)| *one == curve).map(|(_, identifier)| identifier)
}

fn curve(identifier: ObjectIdentifier) -> Option<Curve> {
    CURVES.iter().find(|(_, one)| *one == identifier).map(|(curve, _)| *curve)
}

impl Numbers {
    /// Returns `None` if the document is damaged or of another key type.
    pub(super) fn from_pkcs8(document: &[u8]) -> Option<Self> {
        let info = PrivateKeyInfoRef::try_from(document).ok()?;
        let inner = info.private_key.as_bytes();
        match info.algorithm.oid {
            EC => {
                let curve = curve(info.algorithm.parameters_oid().ok()?)?;
                Self::from_sec1(inner, Some(curve))
            }
            ED25519 => {
                let seed = <&OctetStringRef>::from_der(inner).ok()?;
                Some(Self::Ed25519(seed.as_bytes().to_vec().into()))
            }
            pkcs1::ALGORITHM_OID => Self::from_pkcs1(inner),
            _ => None,
        }
    }

    fn from_pkcs1(document: &[u8]) -> Option<Self> {
        let key = RsaPrivateKeyRef::try_from(document).ok()?;
        let numbers = [
            key.modulus,
            key.public_exponent,
            key.private_exponent,
            key.prime1,
            key.prime2,
            key.exponent1,
            key.exponent2,
            key.coefficient,
        ];
        Some(Self::Rsa(Box::new(numbers.map(|number| number.as_bytes().to_vec().into()))))
    }

    fn from_sec1(document: &[u8], outer: Option<Curve>) -> Option<Self> {
        let key = EcPrivateKey::try_from(document).ok()?;
        let curve = outer.or_else(|| curve(key.parameters?.named_curve()?))?;
        // Without the point, nothing shows which public key the scalar belongs to.
        let (scalar, point) = (key.private_key.to_vec().into(), key.public_key?.to_vec());
        Some(Self::Ec { curve, scalar, point })
    }

    /// Reads the only private key of a PEM file, in any of its three forms.
    pub(super) fn from_pem(text: &[u8]) -> Result<Self, PemFault> {
        match &only_key(text)? {
            PrivateKeyDer::Pkcs1(key) => Self::from_pkcs1(key.secret_pkcs1_der()),
            PrivateKeyDer::Sec1(key) => Self::from_sec1(key.secret_sec1_der(), None),
            PrivateKeyDer::Pkcs8(key) => Self::from_pkcs8(key.secret_pkcs8_der()),
            _ => None,
        }
        .ok_or(PemFault::Damaged)
    }

    /// Returns `None` if a number is too long for DER.
    pub(super) fn to_pkcs8(&self) -> Option<Bytes> {
        match self {
            Self::Ec { curve, scalar, point } => {
                let key =
                    EcPrivateKey { private_key: scalar, parameters: None, public_key: Some(point) };
                wrap(EC, Some(AnyRef::from(identifier(*curve)?)), &secret(&key)?)
            }
            Self::Ed25519(seed) => wrap(ED25519, None, &secret(&OctetStringRef::new(seed).ok()?)?),
            Self::Rsa(numbers) => {
                let mut rest = numbers.iter();
                let mut next = || UintRef::new(rest.next()?).ok();
                let key = RsaPrivateKeyRef {
                    modulus: next()?,
                    public_exponent: next()?,
                    private_exponent: next()?,
                    prime1: next()?,
                    prime2: next()?,
                    exponent1: next()?,
                    exponent2: next()?,
                    coefficient: next()?,
                    other_prime_infos: None,
                };
                wrap(pkcs1::ALGORITHM_OID, Some(AnyRef::NULL), &secret(&key)?)
            }
        }
    }

    /// The key as PKCS #8 in PEM.
    pub(super) fn to_pem(&self) -> Option<Zeroizing<String>> {
        let document = SecretDocument::try_from(&**self.to_pkcs8()?).ok()?;
        document.to_pem("PRIVATE KEY", LineEnding::LF).ok()
    }
}

/// Returns the only private key of a PEM file.
fn only_key(text: &[u8]) -> Result<PrivateKeyDer<'_>, PemFault> {
    let mut keys = PrivateKeyDer::pem_slice_iter(text);
    let key = match keys.next() {
        None | Some(Err(pem::Error::NoItemsFound)) => return Err(PemFault::Missing),
        Some(Err(_)) => return Err(PemFault::Damaged),
        Some(Ok(key)) => key,
    };
    if keys.next().is_some() { Err(PemFault::Several) } else { Ok(key) }
}

/// Reads the X25519 private key of a PEM file (RFC 8410); `None` if the key is of another type.
#[cfg(feature = "jwe")]
pub(super) fn x25519_from_pem(text: &[u8]) -> Result<Option<Bytes>, PemFault> {
    let key = only_key(text)?;
    let PrivateKeyDer::Pkcs8(document) = &key else { return Ok(None) };
    let Ok(info) = PrivateKeyInfoRef::try_from(document.secret_pkcs8_der()) else {
        return Ok(None);
    };
    if info.algorithm.oid != X25519 {
        return Ok(None);
    }
    let inner = <&OctetStringRef>::from_der(info.private_key.as_bytes());
    let inner = inner.map_err(|_| PemFault::Damaged)?;
    Ok(Some(inner.as_bytes().to_vec().into()))
}

/// Writes an X25519 private key as PKCS #8 in PEM.
#[cfg(feature = "jwe")]
pub(super) fn x25519_to_pem(private: &[u8]) -> Option<Zeroizing<String>> {
    let document = wrap(X25519, None, &secret(&OctetStringRef::new(private).ok()?)?)?;
    let document = SecretDocument::try_from(&**document).ok()?;
    document.to_pem("PRIVATE KEY", LineEnding::LF).ok()
}

/// Writes an X25519 public key as SubjectPublicKeyInfo in PEM.
#[cfg(feature = "jwe")]
pub(super) fn x25519_public_pem(point: &[u8]) -> Option<String> {
    let info = SubjectPublicKeyInfoRef {
        algorithm: AlgorithmIdentifierRef { oid: X25519, parameters: None },
        subject_public_key: BitStringRef::from_bytes(point).ok()?,
    };
    Document::encode_msg(&info).ok()?.to_pem("PUBLIC KEY", LineEnding::LF).ok()
}

/// Writes the version of PKCS #8 without the public key, which every reader supports.
fn wrap(oid: ObjectIdentifier, parameters: Option<AnyRef<'_>>, inner: &[u8]) -> Option<Bytes> {
    let algorithm = AlgorithmIdentifierRef { oid, parameters };
    secret(&PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(inner).ok()?))
}

fn secret(message: &impl Encode) -> Option<Bytes> {
    message.to_der().ok().map(Zeroizing::new)
}

/// Writes SubjectPublicKeyInfo in PEM.
pub(super) fn public_pem(material: &KeyMaterial) -> Option<String> {
    public_der(material)?.to_pem("PUBLIC KEY", LineEnding::LF).ok()
}

/// Writes SubjectPublicKeyInfo in DER.
pub(super) fn public_der(material: &KeyMaterial) -> Option<Document> {
    let rsa;
    let (oid, parameters, bits) = match material {
        KeyMaterial::Ec { curve, point } => (EC, Some(AnyRef::from(identifier(*curve)?)), &**point),
        KeyMaterial::Ed25519(key) => (ED25519, None, &key[..]),
        KeyMaterial::Rsa { modulus, exponent } => {
            let key = RsaPublicKeyRef {
                modulus: UintRef::new(modulus).ok()?,
                public_exponent: UintRef::new(exponent).ok()?,
            };
            rsa = key.to_der().ok()?;
            (pkcs1::ALGORITHM_OID, Some(AnyRef::NULL), &*rsa)
        }
    };
    let info = SubjectPublicKeyInfoRef {
        algorithm: AlgorithmIdentifierRef { oid, parameters },
        subject_public_key: BitStringRef::from_bytes(bits).ok()?,
    };
    Document::encode_msg(&info).ok()
}
