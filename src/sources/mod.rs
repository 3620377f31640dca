//! Floor 7: keys that are fetched over HTTP. No token ever causes a fetch here:
//! what is asked for, and when, is the operator's choice alone.
//!
//! `remote` finds and reads one issuer's key set, over `fetch`; `refresh` does so when
//! the machine `keys::Refresh` says, and publishes what it finds.

mod caching;
mod destination;
mod error;
mod fetch;
mod metadata;
mod proxy;
mod refresh;
mod remote;
mod tls;

pub use error::SourceError;
pub use refresh::keep_fresh;
pub use remote::{Fetched, load};
