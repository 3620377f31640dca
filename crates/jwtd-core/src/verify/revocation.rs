//! Revocation: what can be revoked, and the set that says what is.
//!
//! The set is exact and pure. It holds 128-bit values of a keyed function, never a token and
//! never a digest of one; an immutable base with a small delta on top makes a changed set cheap.

mod revoked_by;
mod set;
mod target;
#[cfg(test)]
mod tests;
mod values;

pub use revoked_by::RevokedBy;
pub use set::{MergedBase, RevocationMerge, RevocationSet, Standing};
pub use target::{BadTarget, RevocationKind, RevocationTarget};
pub use values::{RevocationKey, TokenValues};
