//! Taking over what other daemons recorded: the union of what both hold, where an undoing wins.

use super::changes::{Changes, undo};
use super::ends::{has_ended, is_shared};
use super::message::{Gathered, LedgerFault, Merged};
use crate::engine::Snapshot;
use crate::state::{
    Added, EntryId, OwnNumber, RevocationEntry, RevocationRecord, Tombstone, Writing,
};
use jwtd_core::jose::UnixTime;

/// The most entries of one target among which one that says the same is looked for. A target that
/// has as many gets no further entry of a name that is taken.
const SAME: usize = 512;

/// What a merge is made with.
pub(super) struct Merging<'m> {
    pub(super) change: &'m Writing,
    pub(super) snapshot: &'m Snapshot,
    /// The time up to which ends are believed.
    pub(super) horizon: UnixTime,
    pub(super) limit: u64,
}

impl Merging<'_> {
    /// Merges records; the inner error means that there is no room for all of them.
    pub(super) fn merge(
        &self,
        gathered: Gathered,
        changes: &mut Changes,
    ) -> Result<Result<Merged, LedgerFault>, LedgerFault> {
        let mut merged = Merged::default();
        let mut room = self.limit.saturating_sub(self.change.count()?);
        let Gathered { records, barred } = gathered;
        // All names first: a new one must be none of them.
        let mut possible = Vec::with_capacity(records.len());
        for record in records {
            if self.reserve(record.id(), &mut merged)? {
                possible.push(record);
            }
        }
        for id in &barred {
            self.reserve(*id, &mut merged)?;
        }
        // What stands under such a name here reaches the others under another one.
        for id in barred {
            if let Some(own) = self.change.entry(id)? {
                if room == 0 {
                    return Ok(Err(LedgerFault::Full { limit: self.limit }));
                }
                let rows = self.renamed(own, id, changes, &mut merged)?;
                room = room.saturating_sub(rows);
            }
        }
        for record in possible {
            let id = record.id();
            if self.has_ended(&record) && self.change.entry(id)?.is_none() {
                if !is_shared(record.end(), self.horizon) {
                    merged.over.push(id);
                }
                continue;
            }
            let added = match record {
                RevocationRecord::Entry(entry) => self.entry(&entry, room, changes, &mut merged)?,
                RevocationRecord::Tombstone(tombstone) => {
                    self.tombstone(&tombstone, room, changes, &mut merged)?
                }
            };
            let Some(added) = added else {
                return Ok(Err(LedgerFault::Full { limit: self.limit }));
            };
            room = room.saturating_sub(added);
        }
        Ok(Ok(merged))
    }

    /// Reserves a name, so that no entry of this daemon gets it. Returns false if this daemon cannot
    /// have given the name.
    fn reserve(&self, id: EntryId, merged: &mut Merged) -> Result<bool, LedgerFault> {
        match self.change.reserve(id)? {
            OwnNumber::Given => {}
            OwnNumber::Lost => merged.lost = merged.lost.saturating_add(1),
            OwnNumber::Impossible => {
                merged.impossible = merged.impossible.saturating_add(1);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns true if a record has ended by the settings of its issuer.
    fn has_ended(&self, record: &RevocationRecord) -> bool {
        let issuers = self.snapshot.issuers();
        let issuer = issuers.route(record.issuer()).and_then(|index| issuers.get(index));
        has_ended(record.end(), issuer, self.horizon)
    }

    /// Adds an entry; gives how many rows that took, nothing if there is no room.
    fn entry(
        &self,
        entry: &RevocationEntry,
        room: u64,
        changes: &mut Changes,
        merged: &mut Merged,
    ) -> Result<Option<u64>, LedgerFault> {
        let known = self.change.entry(entry.id)?;
        match known {
            Some(known) if known == *entry => Ok(Some(0)),
            Some(known) => {
                // One name was given to two things: by a daemon that was restored from a backup,
                // or by somebody who made one of them up. Both stay in force: what came, and what
                // was here, which those who know the other one do not take under this name. Its
                // own daemon may be gone.
                let mut rows = 0_u64;
                for one in [entry.clone(), known] {
                    if rows >= room {
                        return Ok(None);
                    }
                    rows = rows.saturating_add(self.renamed(one, entry.id, changes, merged)?);
                }
                Ok(Some(rows))
            }
            None if room == 0 && !self.change.is_undone(entry.id)? => Ok(None),
            None => {
                let is_new = self.change.add(entry)? == Added::New;
                if is_new {
                    merged.new = merged.new.saturating_add(1);
                    changes.added = changes.added.saturating_add(1);
                    changes.touched.insert(entry.target.clone());
                }
                Ok(Some(u64::from(is_new)))
            }
        }
    }

    /// Records under a new name what cannot stand under its own, unless another entry says it
    /// already.
    fn renamed(
        &self,
        entry: RevocationEntry,
        taken: EntryId,
        changes: &mut Changes,
        merged: &mut Merged,
    ) -> Result<u64, LedgerFault> {
        let others = self.change.entries_of(&entry.target, SAME)?;
        let is_crowded = others.len() >= SAME;
        for (id, standing) in others {
            if id == taken || standing != entry.standing {
                continue;
            }
            let says = self.change.entry(id)?.is_some_and(|one| {
                (one.end, &one.source, &one.comment) == (entry.end, &entry.source, &entry.comment)
            });
            if says {
                return Ok(0);
            }
        }
        if is_crowded {
            merged.crowded = merged.crowded.saturating_add(1);
            return Ok(0);
        }
        let entry = RevocationEntry { id: self.change.new_id()?, ..entry };
        self.change.add(&entry)?;
        merged.renamed = merged.renamed.saturating_add(1);
        changes.added = changes.added.saturating_add(1);
        changes.touched.insert(entry.target);
        Ok(1)
    }

    /// Undoes an entry; gives how many rows that took, nothing if there is no room.
    fn tombstone(
        &self,
        tombstone: &Tombstone,
        room: u64,
        changes: &mut Changes,
        merged: &mut Merged,
    ) -> Result<Option<u64>, LedgerFault> {
        let id = tombstone.id;
        if let Some(entry) = self.change.entry(id)? {
            if !tombstone.undoes(&entry) {
                merged.false_tombstones = merged.false_tombstones.saturating_add(1);
                return Ok(Some(0));
            }
            drop(undo(self.change, &[id], self.limit, changes)?);
            merged.undone = merged.undone.saturating_add(1);
            return Ok(Some(0));
        }
        if room == 0 && !self.change.is_undone(id)? {
            return Ok(None);
        }
        let is_new = self.change.bury(tombstone)?;
        merged.undone = merged.undone.saturating_add(u64::from(is_new));
        Ok(Some(u64::from(is_new)))
    }
}
