//! Floor 3: the keys of issuers, the selection of those that may have signed a token, and the
//! schedule of their refresh.
//!
//! Key sets are immutable: a refresh builds a new [`KeySet`] and publishes it in place of the old
//! one. [`Refresh`] is a state machine without I/O.

mod candidates;
mod decryption;
mod issuer;
mod issuer_index;
mod key;
mod key_set;
mod loaded;
mod moment;
mod refresh;
mod unknown_ids;
mod warnings;

pub use candidates::{Candidates, KeyError};
pub use decryption::{DecryptionIndex, DecryptionKeyError, DecryptionKeys, Recipient};
pub use issuer::{Issuer, Issuers, KeyState, Leeway, LeewayTooLong, SameIdentifier};
pub use issuer_index::IssuerIndex;
pub use key::Key;
pub use key_set::{KeySet, Unusable};
pub use loaded::LoadedKeys;
pub use moment::Moment;
pub use refresh::{Action, Attempt, Event, Freshness, Pace, Refresh};
