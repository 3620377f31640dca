//! Connections to Redis or Valkey: one finds the master, and each answer has a bound of time and of
//! size. What is shared over them is for other rooms to say.

mod answers;
mod bounded;
mod link;
pub(crate) mod master;
mod trouble;

pub(crate) use answers::{Replication, items, replication, text};
pub(crate) use link::{ANSWERING, Link};
pub(crate) use trouble::Trouble;
