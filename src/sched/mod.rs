//! Floor 7: how much is taken on, and in which order it is worked off.

mod admission;
mod backlog;
mod lag;
mod turns;

pub use admission::{Admission, Budget, Leave};
pub use turns::{Begun, Opened, Scheduler, Undecided};
