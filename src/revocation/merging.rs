//! Taking over what other daemons recorded: the union of what both hold, where an undoing wins.

use super::changes::{Changes, undo};
use super::ends::ends_at;
use super::message::{LedgerFault, Merged};
use crate::engine::Snapshot;
use crate::state::{
    Added, EntryId, OwnNumber, RevocationEntry, RevocationRecord, Tombstone, Writing,
};
use jwtd_core::jose::UnixTime;
use std::time::Duration;

/// So many entries for one target are looked through for one that says the same.
const SAME: usize = 64;

/// So long what has ended stays where daemons share it: their settings and clocks may differ.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// What a merge is made with.
pub(super) struct Merging<'m> {
    pub(super) change: &'m Writing,
    pub(super) snapshot: &'m Snapshot,
    /// The time up to which ends are believed.
    pub(super) horizon: UnixTime,
    pub(super) limit: u64,
    pub(super) origin: u128,
}

impl Merging<'_> {
    /// Takes over records; the inner error says that there is no room for all of them.
    pub(super) fn merge(
        &self,
        records: Vec<RevocationRecord>,
        changes: &mut Changes,
    ) -> Result<Result<Merged, LedgerFault>, LedgerFault> {
        let mut merged = Merged::default();
        let mut room = self.limit.saturating_sub(self.change.count()?);
        let mut possible = Vec::with_capacity(records.len());
        for record in records {
            // Of all of them first: a new name must be that of none.
            match self.change.reserve(record.id())? {
                OwnNumber::Given => {}
                OwnNumber::Lost => merged.lost = merged.lost.saturating_add(1),
                OwnNumber::Impossible => {
                    merged.impossible = merged.impossible.saturating_add(1);
                    continue;
                }
            }
            possible.push(record);
        }
        for record in possible {
            let id = record.id();
            if self.is_over(&record, self.horizon) && self.change.entry(id)?.is_none() {
                if self.is_over(&record, self.horizon.minus(KEPT)) {
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

    /// Whether it had ended at `horizon`, by the settings of its issuer.
    fn is_over(&self, record: &RevocationRecord, horizon: UnixTime) -> bool {
        let issuers = self.snapshot.issuers();
        let issuer = issuers.route(record.issuer()).and_then(|index| issuers.get(index));
        ends_at(record.end(), issuer).is_some_and(|end| end <= horizon)
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
                // Two daemons gave the same name to two things: one of them was restored from a
                // backup. Both stay in force, what came and, if it is ours, what others will not
                // take under this name.
                let own = (entry.id.origin == self.origin).then_some(known);
                let mut rows = 0_u64;
                for one in std::iter::once(entry.clone()).chain(own) {
                    if rows >= room {
                        return Ok(None);
                    }
                    rows = rows.saturating_add(self.renamed(one, entry.id, changes)?);
                }
                merged.renamed = merged.renamed.saturating_add(rows);
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
    ) -> Result<u64, LedgerFault> {
        for (id, standing) in self.change.entries_of(&entry.target, SAME)? {
            let found = self.change.entry(id)?;
            let says = found.is_some_and(|one| {
                (standing, one.end, &one.source, &one.comment)
                    == (entry.standing, entry.end, &entry.source, &entry.comment)
            });
            if id != taken && says {
                return Ok(0);
            }
        }
        let entry = RevocationEntry { id: self.change.new_id()?, ..entry };
        self.change.add(&entry)?;
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
            // Its rights were those of its own `iss`: it undoes nothing of others.
            if !tombstone.issuer.is_empty() && *tombstone.issuer != *entry.target.issuer() {
                merged.impossible = merged.impossible.saturating_add(1);
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
