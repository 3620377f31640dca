//! The one way in which a signature check fails.

/// A signature that does not fit. It says no more, so that nothing can be
/// learned from it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the signature does not fit")]
#[non_exhaustive]
pub struct BadSignature;
