//! Floor 2: keys that verify and keys that sign.
//!
//! A [`VerifyingKey`] binds one key to one algorithm for its whole life, so that no token can
//! choose how a key is used. Each crypto library is named by one module only: `ring` by `ring.rs`,
//! `aws_lc_rs` by `aws_lc.rs`.

#[cfg(feature = "aws-lc")]
mod aws_lc;
mod bad_signature;
mod certificate;
#[cfg(feature = "jwe")]
mod content_key;
#[cfg(feature = "jwe")]
mod decrypt;
mod decryption_key;
#[cfg(feature = "sign")]
mod der;
#[cfg(feature = "jwe")]
mod encryption_key;
#[cfg(feature = "jwe")]
mod key_wrap;
#[cfg(feature = "sign")]
mod private_key;
#[cfg(feature = "sign")]
mod private_key_error;
#[cfg(feature = "sign")]
mod private_members;
#[cfg(feature = "jwe")]
mod recipient_key;
mod ring;
mod rsa_size;
mod signing_key;
#[cfg(test)]
#[cfg(feature = "jwe")]
mod tests;
mod verifying_key;

pub(crate) use self::ring::sha256;
pub use self::ring::{Digest, digest};
pub use bad_signature::BadSignature;
pub use certificate::certificate_thumbprints;
pub use decryption_key::{DecryptionError, DecryptionKey, KeyFit};
#[cfg(feature = "jwe")]
pub use encryption_key::{EncryptionError, EncryptionKey};
#[cfg(feature = "sign")]
pub use private_key::PrivateKey;
#[cfg(feature = "sign")]
pub use private_key_error::PrivateKeyError;
#[cfg(feature = "jwe")]
pub use recipient_key::{RecipientKey, UnusableRecipientKey};
pub use rsa_size::RsaSize;
pub use signing_key::{SigningError, SigningKey, random};
pub use verifying_key::{MacKey, MessageKey, PublicKey, VerifyingKey};
