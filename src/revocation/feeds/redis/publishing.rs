//! Own changes put into Redis, as the log of the store tells them.

use super::Fleet;
use super::Memory;
use super::keys::{COMMAND, Put};
use crate::redis_link::Link;
use crate::redis_link::Trouble;
use crate::redis_link::{items, text};
use crate::revocation::fleet::{Block, encode};
use crate::state::{EntryId, RevocationRecord};
use std::collections::BTreeSet;

/// So many changes are read at once, and so many records put.
const CHANGES: usize = 500;
const PUTS: usize = 100;

impl Fleet {
    /// Puts what has changed here since the last time.
    pub(super) async fn publish(
        &self,
        work: &mut Link,
        memory: &mut Memory,
    ) -> Result<(), Trouble> {
        if !memory.is_loaded {
            // All of it is compared next.
            return Ok(());
        }
        let ledger = self.handle.ledger();
        loop {
            let last = *ledger.news().borrow();
            self.handle.set_unpublished(last.saturating_sub(memory.log));
            if last == memory.log {
                return Ok(());
            }
            let after = memory.log;
            let changes = self.handle.patiently(|| ledger.changes(after, CHANGES)).await?;
            let Some(changes) = changes else {
                // The log is too short: all of it is compared.
                memory.is_loaded = false;
                return Ok(());
            };
            let Some(number) = changes.last().map(|change| change.number) else { return Ok(()) };
            let ids: BTreeSet<_> = changes.iter().map(|change| change.id).collect();
            let ids: Vec<_> = ids.into_iter().collect();
            let records = self.handle.patiently(|| ledger.records(ids.clone())).await?;
            let puts = records.iter().filter(|record| match record {
                // What others recorded came from there.
                RevocationRecord::Entry(entry) => entry.id.origin == ledger.origin(),
                RevocationRecord::Tombstone(_) => true,
            });
            let puts = puts.map(|record| put(record, false)).collect();
            let taken = self.put(work, puts).await?;
            memory.taken.extend(taken);
            for id in ids {
                memory.holdings.change(id);
            }
            memory.log = number;
        }
    }

    /// Puts records; gives the blocks in which something else stands under the name of one.
    pub(super) async fn put(
        &self,
        work: &mut Link,
        puts: Vec<Put>,
    ) -> Result<BTreeSet<Block>, Trouble> {
        let (mut taken, mut rest) = (BTreeSet::new(), puts.into_iter().peekable());
        while rest.peek().is_some() {
            let (mut chunk, mut bytes) = (Vec::new(), 0_usize);
            while chunk.len() < PUTS
                && bytes < COMMAND
                && let Some(put) = rest.next()
            {
                bytes = bytes.saturating_add(put.text.len());
                chunk.push(put);
            }
            let answer = work.ask(&self.keys.put(&chunk)).await?;
            let ids = items(answer).into_iter().filter_map(|id| text(&id)?.parse().ok());
            taken.extend(ids.map(|id: EntryId| Block::of(id)));
        }
        Ok(taken)
    }

    /// Reads the own store once.
    pub(super) async fn load(&self, memory: &mut Memory) -> Result<(), Trouble> {
        let ledger = self.handle.ledger();
        memory.holdings.clear();
        memory.log = *ledger.news().borrow();
        let mut first = EntryId { origin: 0, number: 0 };
        let last = EntryId { origin: u128::MAX, number: u64::MAX };
        loop {
            let page = self.handle.patiently(|| ledger.held(first, last, CHANGES)).await?;
            for record in &page {
                memory.holdings.note(record.id(), encode(record).0);
            }
            let Some(end) = page.last().map(RevocationRecord::id) else { break };
            first = match end.number.checked_add(1) {
                Some(number) => EntryId { number, ..end },
                None => EntryId { origin: end.origin.saturating_add(1), number: 0 },
            };
        }
        memory.is_loaded = true;
        Ok(())
    }
}

pub(super) fn put(record: &RevocationRecord, replaces: bool) -> Put {
    Put { id: record.id(), text: encode(record).1, replaces }
}
