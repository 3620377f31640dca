//! The store of revocations: every entry, every undoing, and the log of their changes. It is one
//! file of redb, whose commits are atomic and synced before they return.
//!
//! redb, because it is written in Rust, without unsafe calls of ours and without a C library, is
//! kept up since 2021 with a stable format, does one thing (a B-tree with transactions), and
//! checks every page by a checksum. The only folder that names it.

mod counted;
mod ending;
mod entry;
mod error;
#[cfg(test)]
mod full_disk;
mod held;
mod opening;
mod record;
mod requests;
mod store;
mod streams;
mod sweeping;
mod tables;
mod taking;
#[cfg(test)]
mod tests;
mod writing;

pub use entry::{
    BadEntryId, EntryEnd, EntryId, KnownRequest, RevocationEntry, RevocationRecord, Tombstone,
};
pub use error::RevocationStoreError;
#[cfg(test)]
pub(crate) use full_disk::FullDisk;
pub use store::{EntryFilter, LogChange, RevocationStore};
pub use streams::ToldStream;
pub use sweeping::EndedBy;
pub use taking::OwnNumber;
pub use writing::{Added, Writing};
