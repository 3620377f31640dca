//! The only error of a signature check.

/// The signature does not match. It carries no detail, so that an attacker learns nothing from it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the signature does not fit")]
#[non_exhaustive]
pub struct BadSignature;
