//! What daemons of a fleet tell each other, without the way that it goes: records as they are
//! written, and holdings compared.
//!
//! **What is shared** is a set of records: each entry bears the daemon that recorded it and a
//! number of its own there, and never changes; undone, it is a tombstone for as long as it would
//! have lived. Each daemon keeps all records in its own store, so that what it holds is the union
//! of what all of them recorded, and an undoing wins whichever comes first.
//!
//! **In Redis** stand three things. The *blocks* are hashes with every record, 256 numbers of an
//! origin each: whoever is new reads them. The *sums* are one hash with the sum of the marks of
//! each block, changed by the script that puts a record, in the same step. The *stream* has the
//! last ten thousand or so records, and is only the fast way: what was trimmed from it stands in
//! the blocks.
//!
//! **Compared** are the sums, and the lengths of the blocks, with what the own store holds. Where
//! they differ, the block is read: what is missing here is merged, what is missing there is put
//! back. So no acknowledged record is lost as long as one daemon holds it: Redis carries, and does
//! not decide. Since a sum may be wrong (by the hand of others), one block in turn is read at each
//! comparison without need.
//!
//! **What has ended** goes from the own store by the clock and the settings there. Until when a
//! record is shared follows from the record alone: before that nobody removes it from Redis, and
//! after that nobody puts it back, so that daemons of different settings come to rest.
//!
//! **Whoever can write there** may be no daemon. So: nothing that is in force here ends because it
//! is missing or overwritten there; a name that something else bears is given to no entry, and an
//! entry whose name is taken is shared under another one; a tombstone undoes only entries of the
//! `iss` and kind against which the rights of the feed were tested; a daemon that could not read or
//! keep everything that it may has not heard of the feed; each answer is bounded before it is read.

mod blocks;
mod record;
#[cfg(test)]
mod tests;

pub(super) use blocks::{Block, Holdings, SIZE, Sum};
#[cfg(test)]
use record::BadRecord;
pub(super) use record::{LONGEST, decode, encode};
