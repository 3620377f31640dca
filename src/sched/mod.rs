//! Floor 7: how much is taken on, and in which order it is worked off.

mod account;
mod admission;
mod backlog;
mod lag;
mod turns;

pub use account::{Account, Leave, Peer};
pub use admission::{Admission, Amounts, Resource};
pub use turns::{Begun, Opened, Scheduler, Undecided};
