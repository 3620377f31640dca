//! What Redis holds compared with what the own store does, and both made whole.

use super::answers::{Held, block, integer, sums};
use super::publishing::put;
use super::taking::is_news;
use super::{Fleet, Memory};
use crate::redis_link::Link;
use crate::redis_link::Trouble;
use crate::revocation::fleet::{Block, SIZE, Sum, decode, encode};
use crate::revocation::{Gathered, is_shared};
use crate::state::{EntryId, RevocationRecord};
use redis::{Pipeline, Value, cmd};
use std::collections::{BTreeMap, BTreeSet};

/// So many blocks are asked for their lengths at once.
const LENGTHS: usize = 500;

/// The most blocks that Redis may hold: their sums come in one answer.
const BLOCKS: i64 = 150_000;

impl Fleet {
    /// Compares all blocks, and mends those that differ.
    pub(super) async fn compare(
        &self,
        work: &mut Link,
        memory: &mut Memory,
    ) -> Result<(), Trouble> {
        if !memory.is_loaded {
            self.load(memory).await?;
        }
        self.publish(work, memory).await.or_else(defer)?;
        while let Some(block) = memory.holdings.next_changed() {
            let own = self.own(block).await?;
            memory.holdings.set(block, own.iter().map(|one| encode(one).0).collect());
        }
        let redis = self.sums(work).await?;
        let mut differing: Vec<_> = memory.holdings.differing(&redis);
        differing.extend(std::mem::take(&mut memory.taken));
        // Where all daemons write back, each begins elsewhere.
        let places = u128::try_from(differing.len()).unwrap_or(1).max(1);
        let begin = self.handle.ledger().origin().checked_rem(places).unwrap_or_default();
        differing.rotate_left(usize::try_from(begin).unwrap_or_default());
        let (mut hindrance, mut strange, mut done) = (None, None, BTreeSet::new());
        for block in differing {
            if !done.insert(block) {
                continue;
            }
            let sum = redis.get(&block).copied().unwrap_or_default();
            match self.mend(work, memory, block, sum, hindrance.is_none()).await {
                Ok(()) => {}
                Err(trouble @ (Trouble::ReadOnly { .. } | Trouble::Full { .. })) => {
                    // What can be read is read all the same.
                    hindrance = Some(trouble);
                }
                // One block that others have spoiled keeps no other back; but the feed is not heard of.
                Err(trouble @ Trouble::Strange { .. }) => strange = Some(trouble),
                Err(trouble) => return Err(trouble),
            }
            self.publish(work, memory).await.or_else(defer)?;
        }
        strange.or(hindrance).map_or(Ok(()), Err)
    }

    async fn own(&self, block: Block) -> Result<Vec<RevocationRecord>, Trouble> {
        let (ledger, most) = (self.handle.ledger(), usize::try_from(SIZE).unwrap_or(usize::MAX));
        let ask = || ledger.held(block.first(), block.last(), most);
        Ok(self.handle.patiently(ask).await?)
    }

    /// What Redis says that it holds.
    async fn sums(&self, work: &mut Link) -> Result<BTreeMap<Block, Sum>, Trouble> {
        let count = work.ask(&cmd("HLEN").arg(self.keys.sums()).to_owned()).await?;
        if integer(&count).is_none_or(|count| count > BLOCKS) {
            let what = format!("{} holds more than {BLOCKS} blocks of records", work.address);
            return Err(Trouble::Strange { what });
        }
        let answer = work.ask(&cmd("HGETALL").arg(self.keys.sums()).to_owned()).await?;
        let (mut sums, strange) = sums(answer);
        self.refuse(strange, "it is the sum of no block");
        let blocks: Vec<_> = sums.keys().copied().collect();
        for chunk in blocks.chunks(LENGTHS) {
            let mut asked = Pipeline::with_capacity(chunk.len());
            for block in chunk {
                asked.add_command(cmd("HLEN").arg(self.keys.block(*block)).to_owned());
            }
            let lengths = work.ask_all(&asked, chunk.len()).await?;
            for (block, length) in chunk.iter().zip(lengths) {
                if let Some(sum) = sums.get_mut(block) {
                    sum.count = integer(&length?).unwrap_or_default();
                }
            }
        }
        Ok(sums)
    }

    /// Reads a block; merges what is missing here, and puts what is missing there.
    async fn mend(
        &self,
        work: &mut Link,
        memory: &mut Memory,
        place: Block,
        said: Sum,
        writes: bool,
    ) -> Result<(), Trouble> {
        let fields = self.read(work, place).await?;
        let own = self.own(place).await?;
        let own: BTreeMap<_, _> = own.into_iter().map(|one| (one.id(), one)).collect();
        let (now, mut gathered) = (self.handle.clock().wall(), Gathered::default());
        let (mut puts, mut theirs) = (Vec::new(), BTreeMap::new());
        // What cannot be read may be a revocation, of a newer version for instance.
        let mut unreadable = fields.strange;
        self.refuse(fields.strange, "it is not what a daemon writes");
        for (number, text) in fields.records {
            let id = EntryId { number, ..place.first() };
            if Block::of(id) != place {
                self.refuse(1, "it stands in the block of others");
                unreadable = unreadable.saturating_add(1);
                continue;
            }
            let held = own.get(&id);
            match decode(id, &text, now) {
                Ok((_, record)) if is_false_tombstone(&record, held) => {
                    self.refuse(1, "it undoes an entry of another `iss` or kind");
                    theirs.insert(id, (text, false));
                }
                Ok((_, record)) => {
                    if is_news(&record, held) {
                        self.gather(record, held, &mut gathered);
                    }
                    theirs.insert(id, (text, true));
                }
                Err(bad) => {
                    self.refuse(1, &bad.to_string());
                    if held.is_none() {
                        unreadable = unreadable.saturating_add(1);
                    }
                    theirs.insert(id, (text, false));
                }
            }
        }
        // What is taken over from there is not put back.
        let taken: BTreeSet<_> = gathered.records.iter().map(RevocationRecord::id).collect();
        for (id, record) in own.iter().filter(|(id, _)| !taken.contains(id)) {
            match theirs.get(id) {
                None if !is_shared(record.end(), now) => {}
                None => puts.push(put(record, false)),
                Some((_, false)) => puts.push(put(record, true)),
                // Only the undoing of what stands there is news to Redis.
                Some((text, true)) => {
                    let own = put(record, false);
                    let is_undone = matches!(record, RevocationRecord::Tombstone(_));
                    let knows_more = own.text.len() > text.len();
                    if is_undone && (knows_more || text.get(SIGN) != Some(&b'-')) {
                        puts.push(own);
                    }
                }
            }
        }
        let merged = self.merge(gathered).await?;
        let news = [merged.new, merged.undone, merged.renamed];
        let is_settled = puts.is_empty() && news.iter().all(|count| *count == 0);
        let over = merged.over.into_iter();
        let over = over.filter_map(|id| Some((id.number, theirs.remove(&id)?.0)));
        let over: Vec<_> = over.collect();
        if writes {
            if !over.is_empty() {
                work.ask(&self.keys.drop(place, &over)).await?;
            }
            let taken = self.put(work, puts).await?;
            // They are looked at once more when the next comparison is due.
            drop(taken);
            if fields.sum.marks != said.marks {
                work.ask(&self.keys.mend(place)).await?;
            }
        }
        if unreadable > 0 {
            let what = format!("{} holds {unreadable} records that cannot be read", work.address);
            return Err(Trouble::Strange { what });
        }
        if is_settled && over.is_empty() {
            let own = own.values().map(|one| encode(one).0).collect();
            memory.holdings.settle(place, fields.sum, own);
        }
        Ok(())
    }

    /// Reads a block, if it is as small as what daemons write.
    async fn read(&self, work: &mut Link, place: Block) -> Result<Held, Trouble> {
        match work.ask(&self.keys.read(place)).await? {
            Value::Int(_) => {
                let what = format!(
                    "{} holds a block with more than {SIZE} records, or with longer ones than \
                     daemons write",
                    work.address
                );
                Err(Trouble::Strange { what })
            }
            answer => Ok(block(answer)),
        }
    }
}

/// Returns true for a tombstone whose `iss` or kind is not that of the entry it names.
fn is_false_tombstone(record: &RevocationRecord, own: Option<&RevocationRecord>) -> bool {
    match (record, own) {
        (RevocationRecord::Tombstone(tombstone), Some(RevocationRecord::Entry(entry))) => {
            !tombstone.undoes(entry)
        }
        _ => false,
    }
}

/// Where the sign of a record stands.
const SIGN: usize = 11;

/// What cannot be written now is written later.
fn defer(trouble: Trouble) -> Result<(), Trouble> {
    match trouble {
        Trouble::ReadOnly { .. } | Trouble::Full { .. } => Ok(()),
        trouble => Err(trouble),
    }
}
