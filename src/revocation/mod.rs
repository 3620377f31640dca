//! Floor 7: what is revoked. One thread records it: it writes to the store, publishes what
//! changed, and only then answers.

mod answer;
mod changes;
mod ends;
mod fault;
pub mod feeds;
mod fleet;
mod ledger;
mod merging;
mod message;
mod opened;
mod recorder;
mod sweeper;
#[cfg(test)]
mod tests;
mod wish;

pub use ends::ends_at;
pub(in crate::revocation) use ends::{has_ended, is_shared};
pub use fault::RevocationFault;
pub use ledger::{Ledger, LedgerNews};
pub use message::{Demand, Gathered, LedgerFault, Merged, NamedRequest, Undone, Wanted};
pub use wish::{Wish, issuer_named};
