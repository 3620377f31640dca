//! Keys, the JWK Sets that publish them, claims, and tokens.

mod claims;
mod proof;
pub mod sender;
mod signer;

pub use claims::{Claims, now};
pub use proof::Proof;
pub use signer::{Signer, junk, set, set_of};
