//! What comes from others: looked at, held against the rights of the feed, and merged.

use super::Fleet;
use super::trouble::Trouble;
use crate::revocation::fleet::decode;
use crate::revocation::{LedgerFault, Merged};
use crate::state::{EntryId, RevocationRecord};
use crate::telemetry::FeedError;
use jwtd_core::keys::Issuer;
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
        records.retain(|record| {
            let own = known.get(&record.id());
            if !is_news(record, own) {
                return false;
            }
            let permitted = self.is_permitted(record, own);
            if !permitted {
                self.handle.count(FeedError::NotPermitted);
            }
            permitted
        });
        self.merge(records).await.map(drop)
    }

    async fn known(
        &self,
        ids: Vec<EntryId>,
    ) -> Result<BTreeMap<EntryId, RevocationRecord>, Trouble> {
        let ledger = self.handle.ledger();
        let known = self.handle.patiently(|| ledger.records(ids.clone())).await?;
        Ok(known.into_iter().map(|one| (one.id(), one)).collect())
    }

    /// Whether the feed may bring this, where `own` is what is held of it. An undoing is held
    /// against the entry that it undoes.
    pub(super) fn is_permitted(
        &self,
        record: &RevocationRecord,
        own: Option<&RevocationRecord>,
    ) -> bool {
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
                rights.concerns(named(&tombstone.issuer).as_deref())
            }
        };
        match record {
            RevocationRecord::Entry(_) => may(record),
            RevocationRecord::Tombstone(_) => self.feed.undo && may(own.unwrap_or(record)),
        }
    }

    /// Merges what is permitted.
    pub(super) async fn merge(&self, records: Vec<RevocationRecord>) -> Result<Merged, Trouble> {
        let (ledger, mut merged) = (self.handle.ledger(), Merged::default());
        for chunk in records.chunks(CHUNK) {
            let part = self.handle.patiently(|| ledger.merge(chunk.to_vec())).await;
            self.handle.pulse().set_full(matches!(part, Err(LedgerFault::Full { .. })));
            let part = part?;
            if part.lost > 0 {
                let (feed, entries) = (self.handle.name(), part.lost);
                tracing::warn!(
                    feed,
                    entries,
                    "the fleet knows entries of this daemon that its store does not: the store was \
                     restored from a backup. They are taken back, and their numbers are not given \
                     again"
                );
            }
            if part.renamed > 0 {
                let (feed, entries) = (self.handle.name(), part.renamed);
                tracing::warn!(
                    feed,
                    entries,
                    "two entries have one name, since a store was restored from a backup; both \
                     are in force"
                );
            }
            self.refuse(
                usize::try_from(part.impossible).unwrap_or(usize::MAX),
                "its number is one that this daemon cannot have given",
            );
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
            crate::telemetry::limited!(
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
        (Entry(_), Some(Tombstone(_))) => false,
        (Tombstone(one), Some(Tombstone(own))) => own.issuer.is_empty() && !one.issuer.is_empty(),
    }
}
