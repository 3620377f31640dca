//! Everything that the store holds, entries and tombstones together: what a fleet compares.

use super::entry::{EntryId, RevocationEntry, RevocationRecord, Tombstone};
use super::error::RevocationStoreError;
use super::store::RevocationStore;
use super::tables::{ENTRIES, IdKey, TOMBSTONES, TombstoneValue};
use redb::{ReadOnlyTable, ReadableDatabase as _};

type Entries = ReadOnlyTable<IdKey, super::tables::EntryValue>;
type Tombstones = ReadOnlyTable<IdKey, TombstoneValue>;

impl RevocationStore {
    /// What is held of these entries.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn records(&self, ids: &[EntryId]) -> Result<Vec<RevocationRecord>, RevocationStoreError> {
        self.within(|| {
            let read = self.db.begin_read()?;
            let tables = (read.open_table(ENTRIES)?, read.open_table(TOMBSTONES)?);
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                found.extend(record(&tables, *id)?);
            }
            Ok(found)
        })
    }

    /// What is held of the entries from `first` to `last`, in the order of their ids; at most
    /// `most`.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn held(
        &self,
        first: EntryId,
        last: EntryId,
        most: usize,
    ) -> Result<Vec<RevocationRecord>, RevocationStoreError> {
        self.within(|| {
            let read = self.db.begin_read()?;
            let tables = (read.open_table(ENTRIES)?, read.open_table(TOMBSTONES)?);
            let range = first.key()..=last.key();
            let mut ids = Vec::new();
            for row in tables.0.range(range.clone())?.take(most) {
                ids.push(EntryId::of(row?.0.value()));
            }
            for row in tables.1.range(range)?.take(most) {
                ids.push(EntryId::of(row?.0.value()));
            }
            ids.sort_unstable();
            let mut found = Vec::with_capacity(ids.len().min(most));
            for id in ids.into_iter().take(most) {
                found.extend(record(&tables, id)?);
            }
            Ok(found)
        })
    }
}

fn record(
    (entries, tombstones): &(Entries, Tombstones),
    id: EntryId,
) -> Result<Option<RevocationRecord>, redb::Error> {
    if let Some(row) = entries.get(id.key())? {
        let entry = RevocationEntry::of(id.key(), row.value());
        return Ok(entry.map(RevocationRecord::Entry));
    }
    let tombstone = tombstones.get(id.key())?.map(|row| Tombstone::of(id, row.value()));
    Ok(tombstone.map(RevocationRecord::Tombstone))
}
