//! Floor 7: admission and scheduling of batches, whatever their protocol.
//!
//! [`Dispatcher`] takes a batch from the first look-up to the last verdict. `admission` and
//! `account` limit what is in flight, by shares of the peers; `backlog` and `lag` estimate whether
//! more work can be done in time; `turns` runs slices on the `workers`.

mod account;
mod admission;
mod backlog;
mod dispatcher;
mod footprint;
mod lag;
mod resource;
mod totals;
mod turns;
mod undecided;
mod workers;

pub use account::{Account, Peer, Permit, Share};
pub use admission::Admission;
pub use dispatcher::{Begun, Dispatcher, Suspended, caught};
pub use resource::{Amounts, Resource};
pub use undecided::Undecided;
pub use workers::{Place, Seat, Workers};
