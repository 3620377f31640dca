//! Why a token was not read: it is refused, or it waits for a key.

use super::reject::{Refusal, Reject};
use crate::jose::Header;
use crate::keys::IssuerIndex;
use std::sync::Arc;

/// Why a token was not read. It is exhaustive: a caller that cannot fetch keys refuses either
/// way, with [`into_refusal`](Self::into_refusal).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// It is refused, whatever becomes of the keys.
    #[error(transparent)]
    Refused(Refusal),
    /// Its issuer has no such key. After a refresh it may have one.
    #[error("{}", Reject::KeyUnknown)]
    KeyMissing(MissingKey),
}

/// A key that a token needs and its issuer does not have. No token has to be split again to know
/// which: the choice of a key depends on the issuer, `alg` and `kid` alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MissingKey {
    pub(super) issuer: IssuerIndex,
    pub(super) header: Arc<Header>,
}

impl MissingKey {
    /// The configured issuer that the token claims; proven by nothing.
    #[must_use]
    pub fn issuer(&self) -> IssuerIndex {
        self.issuer
    }

    /// The header; its `alg` and `kid` choose the key.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The refusal of a token for which the key does not come.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal { reject: Reject::KeyUnknown, issuer: Some(self.issuer) }
    }
}

impl ReadError {
    /// The refusal of a token that does not wait for keys.
    #[must_use]
    pub fn into_refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::KeyMissing(key) => key.refusal(),
        }
    }

    /// The configured issuer that the token claims, if it got that far.
    #[must_use]
    pub fn issuer(&self) -> Option<IssuerIndex> {
        match self {
            Self::Refused(refusal) => refusal.issuer,
            Self::KeyMissing(key) => Some(key.issuer),
        }
    }
}

impl<R: Into<Refusal>> From<R> for ReadError {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}
