//! The reasons why a text is not a usable private key.

use super::der::PemFault;
use crate::jose::limits::{JWKS_BYTES, JWKS_KEYS};

/// Why a text is not a usable private key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateKeyError {
    /// The `alg` is not implemented.
    #[error("its `alg` is not implemented")]
    Algorithm,
    /// The `crv` is not implemented.
    #[error("its `crv` is not implemented")]
    Curve,
    /// The text is not acceptable JSON, or neither a JWK nor a JWK Set.
    #[error("neither a JWK, a JWK Set nor PEM")]
    NotJwk,
    /// A member that the key type requires is missing or malformed.
    #[error("its `{0}` is missing or has a wrong form")]
    Parameter(&'static str),
    /// The PEM section is damaged, or holds a key of a type that is not implemented.
    #[error("the PEM section is damaged or holds a key of an unknown kind")]
    PemDamaged,
    /// The PEM file has no private key.
    #[error("no unencrypted private key in the PEM file; decrypt one with `openssl pkey`")]
    PemMissing,
    /// The PEM file has more than one private key.
    #[error("more than one private key in the PEM file")]
    PemSeveral,
    /// The key has only its public half.
    #[error("it is a public key; the private one is needed")]
    Public,
    /// The private half does not belong to the public half.
    #[error("its private half does not belong to its public one")]
    Pair,
    /// The text is larger than 512 KiB, or has more than 100 keys.
    #[error("more than {JWKS_BYTES} bytes or {JWKS_KEYS} keys")]
    TooLarge,
    /// The `kty` is not implemented.
    #[error("its `kty` is not implemented")]
    Type,
    /// `use` or `key_ops` declares another use of the key.
    #[error("its `use` or `key_ops` says that it is for something else")]
    Use,
}

impl From<PemFault> for PrivateKeyError {
    fn from(fault: PemFault) -> Self {
        match fault {
            PemFault::Damaged => Self::PemDamaged,
            PemFault::Missing => Self::PemMissing,
            PemFault::Several => Self::PemSeveral,
        }
    }
}
