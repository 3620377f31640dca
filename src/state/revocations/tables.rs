//! The tables of the store. What they are called and made of is a part of its format.

use redb::TableDefinition;

/// The key of an entry: its origin and its number.
pub(super) type IdKey = (u128, u64);

/// An end: its kind, its time, and the longest life of tokens in seconds if that is known.
pub(super) type EndRow = (u8, i64, Option<i64>);

/// An entry: kind, `iss`, value, the time until which tokens are met (nothing for all), its end,
/// when it was recorded, by whom, and why.
pub(super) type EntryValue =
    (u8, &'static str, &'static str, Option<i64>, EndRow, i64, &'static str, &'static str);

/// The entries in force.
pub(super) const ENTRIES: TableDefinition<'_, IdKey, EntryValue> = TableDefinition::new("entries");

/// The entries in force by what they revoke: kind, `iss`, value and id; with the time until which
/// tokens are met.
pub(super) const TARGETS: TableDefinition<
    '_,
    (u8, &'static str, &'static str, u128, u64),
    Option<i64>,
> = TableDefinition::new("targets");

/// Entries and tombstones by their ends: `iss`, kind of the end, time and id.
pub(super) const ENDS: TableDefinition<'_, (&'static str, u8, i64, u128, u64), ()> =
    TableDefinition::new("ends");

/// A tombstone: the `iss`, the kind and the end of the entry; an empty `iss` and no kind for one
/// that was never seen.
pub(super) type TombstoneValue = (&'static str, Option<u8>, EndRow);

/// The entries that were undone.
pub(super) const TOMBSTONES: TableDefinition<'_, IdKey, TombstoneValue> =
    TableDefinition::new("tombstones");

/// A request: when it was answered, a digest of what it demanded, and the ids of its entries, each
/// of 24 bytes.
pub(super) type RequestValue = (i64, [u8; 32], &'static [u8]);

/// The requests that were answered, by a digest of their names.
pub(super) const REQUESTS: TableDefinition<'_, [u8; 32], RequestValue> =
    TableDefinition::new("requests");

/// The same by their times.
pub(super) const REQUEST_TIMES: TableDefinition<'_, (i64, [u8; 32]), ()> =
    TableDefinition::new("request_times");

/// The log: what happened to which entry.
pub(super) const LOG: TableDefinition<'_, u64, (u8, u128, u64)> = TableDefinition::new("log");

/// Single numbers.
pub(super) const META: TableDefinition<'_, &'static str, u128> = TableDefinition::new("meta");

/// The format of the tables; absent before it had a number.
pub(super) const FORMAT: &str = "format";

/// The format that this file describes.
pub(super) const THIS_FORMAT: u128 = 2;

/// The daemon.
pub(super) const ORIGIN: &str = "origin";

/// The number of the last entry of its own.
pub(super) const LAST_OWN: &str = "last_own";

/// The number of the last change of the log.
pub(super) const LAST_CHANGE: &str = "last_change";

/// The time up to which ends are believed.
pub(super) const HORIZON: &str = "horizon";
