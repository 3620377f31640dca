//! The place of an issuer.

/// The place of an issuer among [`Issuers`](super::Issuers).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct IssuerIndex(pub(super) usize);

impl IssuerIndex {
    /// As a number, counted from 0.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }
}
