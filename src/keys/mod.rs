//! Floor 3: the keys of issuers, and which of them may have signed a token.
//!
//! Everything here is immutable: a refresh builds a new [`KeySet`] and publishes
//! it in place of the old one.

mod issuer;
mod key_set;
mod loaded;

pub use issuer::{Issuer, IssuerIndex, Issuers, KeyState, Leeway, LeewayTooLong, SameIdentifier};
pub use key_set::{Candidates, Key, KeyError, KeySet, Unusable};
pub use loaded::LoadedKeys;
