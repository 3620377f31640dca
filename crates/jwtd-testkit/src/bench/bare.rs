//! Direct calls of the crypto libraries.
#![expect(clippy::wildcard_enum_match_arm, reason = "a measurement that cannot be made should end")]

use super::tokens::SECRET;
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, Curve, KeyMaterial};
use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

/// Returns true if a signature matches a message.
pub type Check = Box<dyn Fn(&[u8], &[u8]) -> bool + Send + Sync>;

/// The check for `key` in the library that jwtd uses for it, with the key prepared as jwtd keeps
/// it.
pub fn used(key: &SigningKey) -> Check {
    #[cfg(feature = "aws-lc")]
    if let Some(check) = aws_lc(key) {
        return check;
    }
    ring(key)
}

/// The check for `key` in ring.
pub fn ring(key: &SigningKey) -> Check {
    match (key.public(), key.algorithm()) {
        (None, Algorithm::Hs256) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
            Box::new(move |message, tag| hmac::verify(&key, message, tag).is_ok())
        }
        (Some(KeyMaterial::Rsa { modulus, exponent }), algorithm) => {
            let parameters = match algorithm {
                Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
                Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                other => unreachable!("{other} is not measured"),
            };
            let (n, e) = (modulus, exponent);
            let key = RsaPublicKeyComponents { n, e };
            Box::new(move |message, signature| key.verify(parameters, message, signature).is_ok())
        }
        (Some(KeyMaterial::Ec { curve, point }), _) => {
            let algorithm = match curve {
                Curve::P256 => &ECDSA_P256_SHA256_FIXED,
                Curve::P384 => &ECDSA_P384_SHA384_FIXED,
                Curve::P521 => unreachable!("ring has no P-521"),
            };
            unparsed(algorithm, point.into())
        }
        (Some(KeyMaterial::Ed25519(point)), _) => unparsed(&ED25519, point.into()),
        (None, other) => unreachable!("{other} is not measured"),
    }
}

fn unparsed(algorithm: &'static dyn VerificationAlgorithm, point: Vec<u8>) -> Check {
    let key = UnparsedPublicKey::new(algorithm, point);
    Box::new(move |message, signature| key.verify(message, signature).is_ok())
}

/// Returns `None` for algorithms that jwtd leaves to ring.
#[cfg(feature = "aws-lc")]
fn aws_lc(key: &SigningKey) -> Option<Check> {
    use aws_lc_rs::signature::{self, ParsedPublicKey};
    let key = match (key.public()?, key.algorithm()) {
        (KeyMaterial::Rsa { modulus: n, exponent: e }, algorithm) => {
            let parameters = match algorithm {
                Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
                other => unreachable!("{other} is not measured"),
            };
            signature::RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters)
        }
        (KeyMaterial::Ec { curve: Curve::P256, .. }, _) => return None,
        (KeyMaterial::Ec { curve: Curve::P384, point }, _) => {
            ParsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point)
        }
        (KeyMaterial::Ec { curve: Curve::P521, point }, _) => {
            ParsedPublicKey::new(&signature::ECDSA_P521_SHA512_FIXED, point)
        }
        (KeyMaterial::Ed25519(point), _) => ParsedPublicKey::new(&signature::ED25519, point),
    };
    let key = key.unwrap();
    Some(Box::new(move |message, signature| key.verify_sig(message, signature).is_ok()))
}

/// The signing input and the signature of a token.
pub fn parts(token: &str) -> (Vec<u8>, Vec<u8>) {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = jwtd_core::jose::base64url::decode(signature.as_bytes()).unwrap();
    (signed.as_bytes().to_vec(), signature)
}
