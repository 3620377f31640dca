//! Keys that sign, for the demo, the tests and token issuers.

use super::ring::{self, Mac};
use super::rsa_size::RsaSize;
use super::verifying_key::{MacKey, PublicKey, VerifyingKey};
use crate::jose::{Algorithm, Curve, Family, KeyMaterial, Secret, base64url};
use zeroize::Zeroizing;

/// A private key or a secret, bound to the algorithm that it signs with.
#[derive(Debug)]
pub struct SigningKey {
    algorithm: Algorithm,
    backend: SigningBackend,
}

#[derive(Debug)]
enum SigningBackend {
    #[cfg(feature = "aws-lc")]
    AwsLc(super::aws_lc::PrivateKey),
    Mac(Secret, Mac),
    Ring(ring::PrivateKey),
}

/// Why a key cannot be generated or cannot sign.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// The key is damaged or does not fit the algorithm.
    #[error("the key is damaged or does not fit the algorithm")]
    Key,
    /// The operating system provided no random bytes, or the crypto library failed.
    #[error("the crypto library failed")]
    Library,
    /// The operation needs the feature `aws-lc`.
    #[error("this needs a build with the feature `aws-lc`")]
    NotBuiltIn,
}

/// Returns random bytes from the operating system.
///
/// # Errors
/// If it provides none.
pub fn random(length: usize) -> Result<Vec<u8>, SigningError> {
    ring::random(length).ok_or(SigningError::Library)
}

/// A freshly generated key, in the form in which its type is generated.
pub(super) enum Fresh {
    Pkcs8(Zeroizing<Vec<u8>>),
    Secret(Secret),
    /// The seed of an Ed25519 key.
    Seed(Zeroizing<Vec<u8>>),
}

/// Generates a key for `algorithm`; `size` applies to RSA only.
pub(super) fn generate(algorithm: Algorithm, size: RsaSize) -> Result<Fresh, SigningError> {
    #[cfg(feature = "aws-lc")]
    let (rsa, p521) = (super::aws_lc::generate_rsa_pkcs8, super::aws_lc::generate_p521_pkcs8);
    #[cfg(not(feature = "aws-lc"))]
    let (rsa, p521) = (|_: RsaSize| None, || None);
    let missing =
        if cfg!(feature = "aws-lc") { SigningError::Library } else { SigningError::NotBuiltIn };
    let document: Vec<u8> = match (algorithm.family(), algorithm) {
        (Family::Hmac, Algorithm::Hs384) => return Ok(Fresh::Secret(Secret::new(random(48)?))),
        (Family::Hmac, Algorithm::Hs512) => return Ok(Fresh::Secret(Secret::new(random(64)?))),
        (Family::Hmac, _) => return Ok(Fresh::Secret(Secret::new(random(32)?))),
        (Family::Ed25519, _) => return Ok(Fresh::Seed(random(32)?.into())),
        (Family::Rsa, _) => rsa(size).ok_or(missing)?,
        (Family::Ecdsa(Curve::P521), _) => p521().ok_or(missing)?,
        (Family::Ecdsa(_), _) => {
            ring::PrivateKey::generate_pkcs8(algorithm).ok_or(SigningError::Library)?
        }
    };
    Ok(Fresh::Pkcs8(document.into()))
}

/// The public half of an Ed25519 key.
#[cfg(feature = "sign")]
pub(super) fn public_of_seed(seed: &[u8]) -> Option<KeyMaterial> {
    ring::PrivateKey::from_seed(seed)?.public(None)
}

impl SigningKey {
    /// Generates a key: for RSA one of 2,048 bits, for HMAC a secret as long as the hash.
    ///
    /// # Errors
    /// If the crypto library fails.
    pub fn generate(algorithm: Algorithm) -> Result<Self, SigningError> {
        match generate(algorithm, RsaSize::default())? {
            Fresh::Pkcs8(document) => Self::from_pkcs8(&document, algorithm),
            Fresh::Secret(secret) => Self::from_secret(secret, algorithm),
            Fresh::Seed(seed) => ring::PrivateKey::from_seed(&seed)
                .map(|key| Self { algorithm, backend: SigningBackend::Ring(key) })
                .ok_or(SigningError::Key),
        }
    }

    /// Reads a private key in PKCS #8 (RFC 5208).
    ///
    /// # Errors
    /// If it is damaged or does not fit the algorithm.
    pub fn from_pkcs8(document: &[u8], algorithm: Algorithm) -> Result<Self, SigningError> {
        let backend = match algorithm {
            #[cfg(feature = "aws-lc")]
            Algorithm::Es512 => {
                super::aws_lc::PrivateKey::from_pkcs8(document).map(SigningBackend::AwsLc)
            }
            #[cfg(not(feature = "aws-lc"))]
            Algorithm::Es512 => return Err(SigningError::NotBuiltIn),
            _ => ring::PrivateKey::from_pkcs8(document, algorithm).map(SigningBackend::Ring),
        };
        backend.map(|backend| Self { algorithm, backend }).ok_or(SigningError::Key)
    }

    /// Binds a secret to an HMAC algorithm.
    ///
    /// # Errors
    /// If the algorithm is not HMAC, or if the secret is shorter than its hash.
    pub fn from_secret(secret: Secret, algorithm: Algorithm) -> Result<Self, SigningError> {
        let mac = Mac::new(secret.expose(), algorithm).ok_or(SigningError::Key)?;
        Ok(Self { algorithm, backend: SigningBackend::Mac(secret, mac) })
    }

    /// The algorithm that the key signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public half, if it has one.
    #[must_use]
    pub fn public(&self) -> Option<KeyMaterial> {
        match &self.backend {
            #[cfg(feature = "aws-lc")]
            SigningBackend::AwsLc(key) => key.public(),
            SigningBackend::Mac(..) => None,
            SigningBackend::Ring(key) => key.public(match self.algorithm.family() {
                Family::Ecdsa(curve) => Some(curve),
                Family::Ed25519 | Family::Hmac | Family::Rsa => None,
            }),
        }
    }

    /// The public half as a JWK (RFC 7517), or a JWK that holds the secret.
    #[must_use]
    pub fn to_jwk(&self, id: &str) -> String {
        let members = match (&self.backend, self.public()) {
            (SigningBackend::Mac(secret, _), _) => {
                format!(r#"{{"k":"{}","kty":"oct"}}"#, base64url::encode(secret.expose()))
            }
            (_, Some(public)) => public.to_json(),
            (_, None) => "{}".to_owned(),
        };
        let id = serde_json::Value::from(id);
        let open = members.strip_suffix('}').unwrap_or_default();
        format!(r#"{open},"alg":"{}","kid":{id},"use":"sig"}}"#, self.algorithm)
    }

    /// The key that verifies the signatures of this one.
    #[must_use]
    pub fn verifying_key(&self) -> Option<VerifyingKey> {
        match &self.backend {
            SigningBackend::Mac(secret, _) => {
                MacKey::bind(secret, self.algorithm).ok().map(VerifyingKey::Mac)
            }
            _ => PublicKey::bind(&self.public()?, self.algorithm).ok().map(VerifyingKey::Public),
        }
    }

    /// Signs `message`.
    ///
    /// # Errors
    /// If the crypto library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        match &self.backend {
            #[cfg(feature = "aws-lc")]
            SigningBackend::AwsLc(key) => key.sign(message),
            SigningBackend::Mac(_, key) => Some(key.sign(message)),
            SigningBackend::Ring(key) => key.sign(message),
        }
        .ok_or(SigningError::Library)
    }

    /// Signs a header and a payload, both JSON texts, into a token in compact serialization (RFC
    /// 7515, section 5.1). Neither text is checked: tests need tokens that no honest issuer would
    /// sign.
    ///
    /// # Errors
    /// If the crypto library fails.
    pub fn sign_compact(&self, header: &str, payload: &str) -> Result<String, SigningError> {
        let mut token = base64url::encode(header.as_bytes());
        token.push('.');
        token.push_str(&base64url::encode(payload.as_bytes()));
        let signature = self.sign(token.as_bytes())?;
        token.push('.');
        token.push_str(&base64url::encode(&signature));
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::BadSignature;

    /// Generated once for all tests, because each RSA key takes a fraction of a second.
    fn keys() -> Vec<SigningKey> {
        let generate = |algorithm: &Algorithm| match SigningKey::generate(*algorithm) {
            Err(SigningError::NotBuiltIn) => None,
            key => Some(key.unwrap()),
        };
        Algorithm::ALL.iter().filter_map(generate).collect()
    }

    #[test]
    fn r14_r15_r16_what_each_algorithm_signs_it_accepts_and_nothing_else() {
        for key in keys() {
            let checker = key.verifying_key().unwrap();
            assert_eq!(checker.algorithm(), key.algorithm());
            let signature = key.sign(b"message").unwrap();
            assert_eq!(checker.verify(b"message", &signature), Ok(()), "{}", key.algorithm());
            assert_eq!(checker.verify(b"messagf", &signature), Err(BadSignature));
            for position in 0..signature.len() {
                let mut other = signature.clone();
                other[position] ^= 1;
                assert_eq!(checker.verify(b"message", &other), Err(BadSignature));
            }
            for length in [0, 1, signature.len() - 1] {
                assert_eq!(checker.verify(b"message", &signature[..length]), Err(BadSignature));
            }
            assert_eq!(
                checker.verify(b"message", &[&signature[..], &[0]].concat()),
                Err(BadSignature)
            );
        }
    }

    #[test]
    fn r11_a_key_serves_one_algorithm_only() {
        for key in keys() {
            let Some(public) = key.public() else { continue };
            for other in Algorithm::ALL {
                let fits = other.family() == key.algorithm().family();
                assert_eq!(PublicKey::bind(&public, *other).is_ok(), fits);
                if fits && *other != key.algorithm() {
                    let wrong = VerifyingKey::Public(PublicKey::bind(&public, *other).unwrap());
                    let signature = key.sign(b"message").unwrap();
                    assert_eq!(wrong.verify(b"message", &signature), Err(BadSignature));
                }
            }
        }
    }

    #[test]
    fn r17_a_secret_shorter_than_its_hash_never_becomes_a_key() {
        for (algorithm, least) in
            [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)]
        {
            for (length, fits) in [(0, false), (least - 1, false), (least, true)] {
                let secret = Secret::new(vec![7; length]);
                assert_eq!(MacKey::bind(&secret, algorithm).is_ok(), fits);
            }
        }
    }

    #[test]
    fn r15_a_point_off_the_curve_never_becomes_a_key() {
        for key in keys() {
            let Some(KeyMaterial::Ec { curve, mut point }) = key.public() else {
                continue;
            };
            *point.last_mut().unwrap() ^= 1;
            let off = KeyMaterial::ec(curve, point.into_vec()).unwrap();
            let refused = PublicKey::bind(&off, key.algorithm()).unwrap_err();
            assert_eq!(refused, crate::jose::jwk::UnusableKey::Point);
        }
    }

    #[test]
    fn a_thumbprint_is_that_of_rfc_7638() {
        // RFC 7638, section 3.1.
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR\
            1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v\
            -65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLy\
            rdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKn\
            qDKgw";
        let modulus = base64url::decode(n.as_bytes()).unwrap();
        let material = KeyMaterial::rsa(&modulus, &[1, 0, 1]).unwrap();
        let key = VerifyingKey::Public(PublicKey::bind(&material, Algorithm::Rs256).unwrap());
        let expected = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
        assert_eq!(base64url::encode(key.thumbprint()), expected);
    }
}
