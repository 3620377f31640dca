//! The only module that names `aws_lc_rs`. It covers what ring lacks (ES512, RSA key generation)
//! and what ring verifies more slowly: ES384 (4 times), RSA (1.35 times, because ring prepares the
//! key for each check) and Ed25519 (1.25 times).

#[cfg(feature = "jwe")]
mod encryption;

#[cfg(feature = "jwe")]
pub(super) use encryption::{
    AgreementPeer, AgreementPrivateKey, RsaDecrypter, RsaEncrypter, open_content, seal_content,
    seal_gcm, unwrap_gcm,
};

use super::bad_signature::BadSignature;
use super::rsa_size::RsaSize;
use crate::jose::{Algorithm, Curve, KeyMaterial};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, ParsedPublicKey, RsaParameters,
    RsaPublicKeyComponents,
};

/// A parsed public key. ES384 and ES512 keys were checked to lie on their curve.
#[derive(Debug)]
pub(super) struct PublicKey(ParsedPublicKey);

impl PublicKey {
    /// Returns `None` if ring handles the algorithm, if the algorithm does not fit the key, or if
    /// the key's point is not on its curve.
    pub(super) fn bind(material: &KeyMaterial, algorithm: Algorithm) -> Option<Self> {
        let key = match (material, algorithm) {
            (KeyMaterial::Ec { curve: Curve::P384, point }, Algorithm::Es384) => {
                ParsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point)
            }
            (KeyMaterial::Ec { curve: Curve::P521, point }, Algorithm::Es512) => {
                ParsedPublicKey::new(&signature::ECDSA_P521_SHA512_FIXED, point)
            }
            (KeyMaterial::Ed25519(point), Algorithm::EdDsa) => {
                ParsedPublicKey::new(&signature::ED25519, point)
            }
            (KeyMaterial::Rsa { modulus: n, exponent: e }, _) => {
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(rsa(algorithm)?)
            }
            _ => return None,
        };
        key.ok().map(Self)
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.0.verify_sig(message, signature).map_err(|aws_lc_rs::error::Unspecified| BadSignature)
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// A P-521 private key.
#[derive(Debug)]
pub(super) struct PrivateKey(EcdsaKeyPair);

const P521: &EcdsaSigningAlgorithm = &signature::ECDSA_P521_SHA512_FIXED_SIGNING;

impl PrivateKey {
    pub(super) fn from_pkcs8(document: &[u8]) -> Option<Self> {
        EcdsaKeyPair::from_pkcs8(P521, document).ok().map(Self)
    }

    pub(super) fn public(&self) -> Option<KeyMaterial> {
        KeyMaterial::ec(Curve::P521, self.0.public_key().as_ref().to_vec()).ok()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let signature = self.0.sign(&SystemRandom::new(), message).ok()?;
        Some(signature.as_ref().to_vec())
    }
}

/// Generates a P-521 key, in PKCS #8.
pub(super) fn generate_p521_pkcs8() -> Option<Vec<u8>> {
    let document = EcdsaKeyPair::generate_pkcs8(P521, &SystemRandom::new()).ok()?;
    Some(document.as_ref().to_vec())
}

/// Generates an RSA key, in PKCS #8.
pub(super) fn generate_rsa_pkcs8(size: RsaSize) -> Option<Vec<u8>> {
    let size = match size {
        RsaSize::Bits2048 => KeySize::Rsa2048,
        RsaSize::Bits3072 => KeySize::Rsa3072,
        RsaSize::Bits4096 => KeySize::Rsa4096,
    };
    let pair = signature::RsaKeyPair::generate(size).ok()?;
    let document: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    Some(document.as_ref().to_vec())
}
