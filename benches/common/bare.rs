//! The crypto libraries, called with nothing around them.
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a measurement that cannot be made should end"
)]

use crate::tokens::SECRET;
use jwtd::crypto::SigningKey;
use jwtd::jose::{Algorithm, Curve, KeyMaterial};
use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};

/// Whether a signature fits a message.
pub(crate) type Check = Box<dyn Fn(&[u8], &[u8]) -> bool + Send + Sync>;

/// The check for `key` by the library that jwtd uses for it.
pub(crate) fn check(key: &SigningKey) -> Check {
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
        (Some(KeyMaterial::Ec { curve, point }), _) => match curve {
            Curve::P256 => {
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                Box::new(move |message, signature| key.verify(message, signature).is_ok())
            }
            Curve::P384 | Curve::P521 => large(curve, &point),
        },
        (Some(KeyMaterial::Ed25519(point)), _) => {
            let key = UnparsedPublicKey::new(&ED25519, point);
            Box::new(move |message, signature| key.verify(message, signature).is_ok())
        }
        (None, other) => unreachable!("{other} is not measured"),
    }
}

#[cfg(feature = "aws-lc")]
fn large(curve: Curve, point: &[u8]) -> Check {
    use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ParsedPublicKey};
    let checker = match curve {
        Curve::P384 => &ECDSA_P384_SHA384_FIXED,
        Curve::P256 | Curve::P521 => &ECDSA_P521_SHA512_FIXED,
    };
    let key = ParsedPublicKey::new(checker, point).unwrap();
    Box::new(move |message, signature| key.verify_sig(message, signature).is_ok())
}

#[cfg(not(feature = "aws-lc"))]
fn large(_: Curve, point: &[u8]) -> Check {
    let key = UnparsedPublicKey::new(&ring::signature::ECDSA_P384_SHA384_FIXED, point.to_vec());
    Box::new(move |message, signature| key.verify(message, signature).is_ok())
}

/// What the signature of a token covers, and the signature.
pub(crate) fn parts(token: &str) -> (Vec<u8>, Vec<u8>) {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = jwtd::jose::base64url::decode(signature.as_bytes()).unwrap();
    (signed.as_bytes().to_vec(), signature)
}
