//! Why a text is no private key.

use super::der::PemFault;
use crate::jose::limits::{JWKS_BYTES, JWKS_KEYS};

/// Why a text is no private key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateKeyError {
    /// `alg` is not an algorithm that is implemented.
    #[error("its `alg` is not implemented")]
    Algorithm,
    /// `crv` is not a curve that is implemented.
    #[error("its `crv` is not implemented")]
    Curve,
    /// Not acceptable JSON, or not a JWK and no set of them.
    #[error("neither a JWK, a JWK Set nor PEM")]
    NotJwk,
    /// A member that the kind of key needs is missing or has a wrong form.
    #[error("its `{0}` is missing or has a wrong form")]
    Parameter(&'static str),
    /// A section of PEM that cannot be read, or a kind of key that is not
    /// implemented.
    #[error("the PEM section is damaged or holds a key of an unknown kind")]
    PemDamaged,
    /// No private key in the PEM file.
    #[error("no unencrypted private key in the PEM file; decrypt one with `openssl pkey`")]
    PemMissing,
    /// More than one private key in the PEM file.
    #[error("more than one private key in the PEM file")]
    PemSeveral,
    /// Only the public half.
    #[error("it is a public key; the private one is needed")]
    Public,
    /// The private half does not belong to the public one.
    #[error("its private half does not belong to its public one")]
    Pair,
    /// More than 512 KiB or 100 keys.
    #[error("more than {JWKS_BYTES} bytes or {JWKS_KEYS} keys")]
    TooLarge,
    /// `kty` is not one that is implemented.
    #[error("its `kty` is not implemented")]
    Type,
    /// `use` or `key_ops` says that the key is for something else.
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
