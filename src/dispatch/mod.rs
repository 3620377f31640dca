//! Floor 7: the way of a batch, whatever door it came through: what is taken on, and in which
//! order it is worked off.
//!
//! [`Dispatcher`] says the way from the first look-up to the last verdict. `admission` and
//! `account` bound what is in flight, by shares of the peers; `backlog` and `lag` say whether
//! more can be done in time; `turns` has slices run on the `workers`.

mod account;
mod admission;
mod backlog;
mod dispatcher;
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
