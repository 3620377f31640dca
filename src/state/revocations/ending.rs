//! The rows by which entries and tombstones are found when they have ended.

use super::entry::{EntryEnd, EntryId};
use super::tables::ENDS;
use redb::WriteTransaction;

/// Adds the rows by which an entry or a tombstone is found when it has ended.
pub(super) fn insert_end(
    change: &WriteTransaction,
    issuer: &str,
    end: EntryEnd,
    id: EntryId,
) -> Result<(), redb::Error> {
    let mut ends = change.open_table(ENDS)?;
    for (kind, time) in end.index() {
        ends.insert((issuer, kind, time, id.origin, id.number), ())?;
    }
    Ok(())
}

/// Removes these rows.
pub(super) fn remove_end(
    change: &WriteTransaction,
    issuer: &str,
    end: EntryEnd,
    id: EntryId,
) -> Result<(), redb::Error> {
    let mut ends = change.open_table(ENDS)?;
    for (kind, time) in end.index() {
        ends.remove((issuer, kind, time, id.origin, id.number))?;
    }
    Ok(())
}
