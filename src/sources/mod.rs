//! Floor 7: keys that are fetched over HTTP. No token ever causes a fetch here:
//! what is asked for, and when, is the operator's choice alone.
//!
//! `remote` finds and reads one issuer's key set, over `fetch`; `refresh` does so when
//! the machine `keys::Refresh` says, and publishes what it finds; `keeper` has a task do
//! that for each issuer; `state` keeps sets for the next process.

mod caching;
mod clock_watch;
mod destination;
mod error;
mod fetch;
mod keeper;
mod metadata;
mod proxy;
mod refresh;
mod remote;
mod state;
mod tls;

pub use clock_watch::ClockWatch;
pub use error::SourceError;
pub use keeper::Keeper;
pub use metadata::Metadata;
pub use remote::{Fetched, load, read};
pub use state::{Kept, StateError, StateFolder, public_part};
pub use tls::client_config;
