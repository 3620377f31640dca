//! The only file that names `ring`.

use super::bad_signature::BadSignature;
use crate::jose::{Algorithm, Curve, KeyMaterial};
use ring::rand::SystemRandom;
use ring::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, Ed25519KeyPair,
    KeyPair as _, RsaEncoding, RsaKeyPair, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use ring::{agreement, hmac};

/// A SHA-256 hash.
pub type Digest = [u8; 32];

/// The SHA-256 hash of `parts`, each preceded by its length, so that no two lists of parts have the
/// same input.
#[must_use]
pub fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Digest {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for part in parts {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part);
    }
    into_digest(&context.finish())
}

/// The SHA-1 hash of `text`, used only for certificate thumbprints: it proves nothing.
pub(crate) fn sha1_name(text: &[u8]) -> [u8; 20] {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, text);
    let mut bytes = [0; 20];
    for (to, from) in bytes.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    bytes
}

/// The SHA-256 hash of `text` alone.
pub(crate) fn sha256(text: &[u8]) -> Digest {
    into_digest(&ring::digest::digest(&ring::digest::SHA256, text))
}

fn into_digest(digest: &ring::digest::Digest) -> Digest {
    let mut bytes = Digest::default();
    for (to, from) in bytes.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    bytes
}

/// A public key and the algorithm to verify with.
#[derive(Debug)]
pub(super) enum PublicKey {
    Ecdsa(&'static EcdsaVerificationAlgorithm, Box<[u8]>),
    Ed25519([u8; 32]),
    Rsa(&'static RsaParameters, RsaPublicKeyComponents<Box<[u8]>>),
}

impl PublicKey {
    /// Returns `None` if ring lacks the algorithm, if the algorithm does not fit the key, or if the
    /// key's point is not on its curve.
    pub(super) fn bind(material: &KeyMaterial, algorithm: Algorithm) -> Option<Self> {
        let rsa = match algorithm {
            Algorithm::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
            Algorithm::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
            Algorithm::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
            Algorithm::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
            Algorithm::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
            Algorithm::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
            _ => None,
        };
        match (material, algorithm) {
            (KeyMaterial::Rsa { modulus, exponent }, _) => {
                let components = RsaPublicKeyComponents { n: modulus.clone(), e: exponent.clone() };
                rsa.map(|parameters| Self::Rsa(parameters, components))
            }
            (KeyMaterial::Ec { curve: Curve::P256, point }, Algorithm::Es256) => {
                on_curve(&agreement::ECDH_P256, point)
                    .then(|| Self::Ecdsa(&signature::ECDSA_P256_SHA256_FIXED, point.clone()))
            }
            (KeyMaterial::Ec { curve: Curve::P384, point }, Algorithm::Es384) => {
                on_curve(&agreement::ECDH_P384, point)
                    .then(|| Self::Ecdsa(&signature::ECDSA_P384_SHA384_FIXED, point.clone()))
            }
            (KeyMaterial::Ed25519(key), Algorithm::EdDsa) => Some(Self::Ed25519(*key)),
            _ => None,
        }
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        match self {
            Self::Ecdsa(algorithm, point) => {
                UnparsedPublicKey::new(*algorithm, point).verify(message, signature)
            }
            Self::Ed25519(key) => {
                UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature)
            }
            Self::Rsa(parameters, components) => components.verify(parameters, message, signature),
        }
        .map_err(|ring::error::Unspecified| BadSignature)
    }
}

/// Checks that a point lies on its curve. ring checks that only when it uses the point; a key
/// agreement with an ephemeral key uses it without needing a signature.
fn on_curve(curve: &'static agreement::Algorithm, point: &[u8]) -> bool {
    agreement::EphemeralPrivateKey::generate(curve, &SystemRandom::new()).is_ok_and(|private| {
        let peer = agreement::UnparsedPublicKey::new(curve, point);
        agreement::agree_ephemeral(private, &peer, |_| ()).is_ok()
    })
}

fn mac_algorithm(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    match algorithm {
        Algorithm::Hs256 => Some(hmac::HMAC_SHA256),
        Algorithm::Hs384 => Some(hmac::HMAC_SHA384),
        Algorithm::Hs512 => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

/// An HMAC key.
#[derive(Clone, Debug)]
pub(super) struct Mac(hmac::Key);

impl Mac {
    /// Returns `None` if `algorithm` is not HMAC, or if the secret is shorter than its hash (RFC
    /// 7518, section 3.2).
    pub(super) fn new(secret: &[u8], algorithm: Algorithm) -> Option<Self> {
        let algorithm = mac_algorithm(algorithm)?;
        let long_enough = secret.len() >= algorithm.digest_algorithm().output_len();
        long_enough.then(|| Self(hmac::Key::new(algorithm, secret)))
    }

    /// Builds an HMAC-SHA-256 key from a secret as long as the hash.
    pub(super) fn sha256(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Compares in constant time, and accepts only full-length tags.
    pub(super) fn verify(&self, message: &[u8], tag: &[u8]) -> Result<(), BadSignature> {
        hmac::verify(&self.0, message, tag).map_err(|ring::error::Unspecified| BadSignature)
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        hmac::sign(&self.0, message).as_ref().to_vec()
    }
}

/// A private key.
#[derive(Debug)]
pub(super) enum PrivateKey {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

impl PrivateKey {
    /// Returns `None` if the algorithm is not ECDSA on a curve that ring has.
    pub(super) fn generate_pkcs8(algorithm: Algorithm) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(ecdsa(algorithm)?, &random);
        document.ok().map(|document| document.as_ref().to_vec())
    }

    /// Builds an Ed25519 key from its seed of 32 random bytes. ring writes PKCS #8 for such keys
    /// differently from RFC 8410, so keys are generated as seeds.
    pub(super) fn from_seed(seed: &[u8]) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(seed).ok().map(Self::Ed25519)
    }

    /// Returns `None` if the document is damaged, or does not fit the algorithm.
    pub(super) fn from_pkcs8(document: &[u8], algorithm: Algorithm) -> Option<Self> {
        let encoding: &'static dyn RsaEncoding = match algorithm {
            Algorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
            Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
            Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
            Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
            Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
            Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
            Algorithm::EdDsa => {
                return Ed25519KeyPair::from_pkcs8_maybe_unchecked(document)
                    .ok()
                    .map(Self::Ed25519);
            }
            _ => {
                let algorithm = ecdsa(algorithm)?;
                return EcdsaKeyPair::from_pkcs8(algorithm, document, &SystemRandom::new())
                    .ok()
                    .map(Self::Ecdsa);
            }
        };
        RsaKeyPair::from_pkcs8(document).ok().map(|pair| Self::Rsa(pair, encoding))
    }

    pub(super) fn public(&self, curve: Option<Curve>) -> Option<KeyMaterial> {
        match self {
            Self::Ecdsa(pair) => KeyMaterial::ec(curve?, pair.public_key().as_ref().to_vec()).ok(),
            Self::Ed25519(pair) => KeyMaterial::ed25519(pair.public_key().as_ref()).ok(),
            Self::Rsa(pair, _) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                KeyMaterial::rsa(&public.n, &public.e).ok()
            }
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(pair) => {
                pair.sign(&random, message).ok().map(|signature| signature.as_ref().to_vec())
            }
            Self::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).ok().map(|()| signature)
            }
        }
    }
}

fn ecdsa(algorithm: Algorithm) -> Option<&'static EcdsaSigningAlgorithm> {
    match algorithm {
        Algorithm::Es256 => Some(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::Es384 => Some(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
        _ => None,
    }
}

/// Returns `length` random bytes from the operating system.
pub(super) fn random(length: usize) -> Option<Vec<u8>> {
    use ring::rand::SecureRandom as _;
    let mut bytes = vec![0; length];
    SystemRandom::new().fill(&mut bytes).ok().map(|()| bytes)
}
