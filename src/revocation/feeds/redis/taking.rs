//! What comes from others: looked at, held against the rights of the feed, and merged.

use super::Fleet;
use crate::redis_link::Trouble;
use crate::revocation::fleet::decode;
use crate::revocation::{Gathered, LedgerFault, Merged};
use crate::state::{EntryId, RevocationRecord};
use crate::telemetry::{FeedError, limited};
use jwtd_core::keys::Issuer;
use jwtd_core::verify::RevocationKind;
use std::collections::BTreeMap;

/// So many records are merged at once.
const CHUNK: usize = 256;

impl Fleet {
    /// Takes over records as they were written; what is known already is left alone.
    pub(super) async fn take(&self, written: Vec<(EntryId, Vec<u8>)>) -> Result<(), Trouble> {
        if written.is_empty() {
            return Ok(());
        }
        let (now, mut records) = (self.handle.clock().wall(), Vec::with_capacity(written.len()));
        for (id, text) in written {
            match decode(id, &text, now) {
                Ok((_, record)) => records.push(record),
                Err(bad) => self.refuse(1, &bad.to_string()),
            }
        }
        let ids: Vec<_> = records.iter().map(RevocationRecord::id).collect();
        let known = self.known(ids).await?;
        let mut gathered = Gathered::default();
        for record in records {
            let own = known.get(&record.id());
            if is_news(&record, own) {
                self.gather(record, own, &mut gathered);
            }
        }
        self.merge(gathered).await.map(drop)
    }

    /// Adds a new record to `gathered`, as one to merge or as barred, by the rights of the feed;
    /// `own` is the record that the store holds under the same name.
    pub(super) fn gather(
        &self,
        record: RevocationRecord,
        own: Option<&RevocationRecord>,
        gathered: &mut Gathered,
    ) {
        if self.is_permitted(&record, own) {
            gathered.records.push(record);
            return;
        }
        self.handle.count(FeedError::NotPermitted);
        let (id, is_entry) = (record.id(), matches!(record, RevocationRecord::Entry(_)));
        // What is held here under this name does not reach the others under it. An undoing of
        // theirs that is not for this feed to bring is their affair, unless the entry is of this
        // daemon.
        if is_entry || id.origin == self.handle.ledger().origin() {
            gathered.barred.push(id);
        }
    }

    async fn known(
        &self,
        ids: Vec<EntryId>,
    ) -> Result<BTreeMap<EntryId, RevocationRecord>, Trouble> {
        let ledger = self.handle.ledger();
        let known = self.handle.patiently(|| ledger.records(ids.clone())).await?;
        Ok(known.into_iter().map(|one| (one.id(), one)).collect())
    }

    /// Returns true if the feed may bring a record; `own` is the record that the store holds. An undoing is held
    /// against the entry that it undoes; if that is not known, against the kind and the `iss` that
    /// the undoing claims, and it will undo no other entry.
    fn is_permitted(&self, record: &RevocationRecord, own: Option<&RevocationRecord>) -> bool {
        let snapshot = self.handle.engine().current.load();
        let issuers = snapshot.issuers();
        let named = |identifier: &str| {
            let issuer = issuers.route(identifier).and_then(|place| issuers.get(place));
            issuer.map(Issuer::name).map(str::to_owned)
        };
        let rights = self.handle.rights();
        let may = |record: &RevocationRecord| match record {
            RevocationRecord::Entry(entry) => {
                rights.may(entry.target.kind(), named(entry.target.issuer()).as_deref())
            }
            RevocationRecord::Tombstone(tombstone) => {
                let issuer = named(&tombstone.issuer);
                let may = |kind| rights.may(kind, issuer.as_deref());
                tombstone.kind.map_or_else(|| RevocationKind::ALL.into_iter().all(may), may)
            }
        };
        match record {
            RevocationRecord::Entry(_) => may(record),
            RevocationRecord::Tombstone(_) => self.feed.undo && may(own.unwrap_or(record)),
        }
    }

    /// Merges what was gathered.
    pub(super) async fn merge(&self, gathered: Gathered) -> Result<Merged, Trouble> {
        let (ledger, mut merged) = (self.handle.ledger(), Merged::default());
        let Gathered { records, mut barred } = gathered;
        let mut chunks: Vec<_> = records.chunks(CHUNK).map(<[_]>::to_vec).collect();
        if chunks.is_empty() && !barred.is_empty() {
            chunks.push(Vec::new());
        }
        for records in chunks {
            let part = Gathered { records, barred: std::mem::take(&mut barred) };
            let part = self.handle.patiently(|| ledger.merge(part.clone())).await;
            self.handle.pulse().set_full(matches!(part, Err(LedgerFault::Full { .. })));
            let part = part?;
            if part.lost > 0 {
                let (feed, entries) = (self.handle.name(), part.lost);
                limited!(
                    self.handle.clock(),
                    WARN,
                    feed,
                    entries,
                    "the fleet knows entries of this daemon that its store does not: the store was \
                     restored from a backup. They are taken back, and their numbers are not given \
                     again"
                );
            }
            if part.renamed > 0 {
                let (feed, entries) = (self.handle.name(), part.renamed);
                limited!(
                    self.handle.clock(),
                    WARN,
                    feed,
                    entries,
                    "two entries have one name, since a store was restored from a backup, or \
                     because somebody else writes below the prefix; both are in force"
                );
            }
            for (count, what) in [
                (part.impossible, "its number is one that this daemon cannot have given"),
                (part.false_tombstones, "it undoes an entry of another `iss` or kind"),
                (part.crowded, "its name is taken, and its target has too many entries"),
            ] {
                self.refuse(usize::try_from(count).unwrap_or(usize::MAX), what);
            }
            merged.new = merged.new.saturating_add(part.new);
            merged.undone = merged.undone.saturating_add(part.undone);
            merged.renamed = merged.renamed.saturating_add(part.renamed);
            merged.over.extend(part.over);
        }
        Ok(merged)
    }

    /// Counts records that are not taken.
    pub(super) fn refuse(&self, count: usize, what: &str) {
        for _ in 0..count {
            self.handle.count(FeedError::Record);
        }
        if count > 0 {
            let feed = self.handle.name();
            limited!(
                self.handle.clock(),
                WARN,
                feed,
                "a record in Redis is refused: {what}; fix: only daemons may write below the prefix"
            );
        }
    }
}

/// Whether a record says what is not known.
pub(super) fn is_news(record: &RevocationRecord, own: Option<&RevocationRecord>) -> bool {
    use RevocationRecord::{Entry, Tombstone};
    match (record, own) {
        (_, None) | (Tombstone(_), Some(Entry(_))) => true,
        (Entry(one), Some(Entry(own))) => one != own,
        // It was made up by somebody who did not know the entry.
        (Entry(entry), Some(Tombstone(own))) => !own.undoes(entry),
        (Tombstone(one), Some(Tombstone(own))) => own.issuer.is_empty() && !one.issuer.is_empty(),
    }
}

impl From<LedgerFault> for Trouble {
    fn from(fault: LedgerFault) -> Self {
        let is_full = matches!(fault, LedgerFault::Full { .. });
        Self::Kept { what: fault.to_string(), is_full }
    }
}
