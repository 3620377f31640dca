//! The index of an issuer.

/// The index of an issuer in [`Issuers`](super::Issuers).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct IssuerIndex(pub(super) usize);

impl IssuerIndex {
    /// The index as a number, counted from 0.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }
}
