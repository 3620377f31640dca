//! Keys, the JWK Sets that publish them, claims, and tokens.

mod claims;
pub mod sender;
mod signer;

pub use claims::{Claims, now};
pub use signer::{Signer, junk, set, set_of};
