//! Floor 6, above the engine: keys that are fetched over HTTP. No token ever determines a URL: the
//! operator alone decides what is fetched and how often.
//!
//! `remote` finds and reads one issuer's key set, over `fetch`; `refresh` does so when the state
//! machine `keys::Refresh` says, and publishes the result; `keeper` runs one such task per issuer.

mod caching;
mod clock_watch;
mod coding;
mod credentials;
mod destination;
mod error;
mod fetch;
mod keeper;
mod key_watch;
mod key_watches;
mod loaded;
mod metadata;
mod parts;
mod proxy;
mod race;
mod refresh;
mod remote;
mod rotation;
mod tls;

pub use clock_watch::ClockWatch;
pub use error::SourceError;
pub use keeper::Keeper;
pub use key_watch::{AttemptEnd, KeyWatch, Outlook};
pub use key_watches::{KeyNews, KeyWatches};
pub use loaded::{Loaded, load};
pub use metadata::Metadata;
pub use parts::{Merged, Parts};
pub use race::dial;
pub use remote::{Fetched, ListDocument, fetch, post, read, read_list};
pub use rotation::{KEYS_CHANGED, Rotation};
pub use tls::client_config;
