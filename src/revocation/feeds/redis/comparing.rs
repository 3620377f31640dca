//! What Redis holds compared with what the own store does, and both made whole.

use super::answers::{block, integer, sums};
use super::link::Link;
use super::publishing::put;
use super::taking::is_news;
use super::trouble::Trouble;
use super::{Fleet, Memory};
use crate::revocation::fleet::{Block, SIZE, Sum, decode, encode};
use crate::state::{EntryId, RevocationRecord};
use redis::{Pipeline, cmd};
use std::collections::{BTreeMap, BTreeSet};

/// So many blocks are asked for their lengths at once.
const LENGTHS: usize = 500;

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
        let answer = work.ask(&cmd("HGETALL").arg(self.keys.block(place)).to_owned()).await?;
        let fields = block(answer);
        if fields.sum.count > i64::try_from(SIZE).unwrap_or(i64::MAX) {
            let what = format!("{} holds a block with more than {SIZE} records", work.address);
            return Err(Trouble::Strange { what });
        }
        let own = self.own(place).await?;
        let own: BTreeMap<_, _> = own.into_iter().map(|one| (one.id(), one)).collect();
        let (now, mut merges) = (self.handle.clock().wall(), Vec::new());
        let (mut puts, mut theirs) = (Vec::new(), BTreeMap::new());
        for (number, text) in fields.records {
            let id = EntryId { number, ..place.first() };
            if Block::of(id) != place {
                self.refuse(1, "it stands in the block of others");
                continue;
            }
            match decode(id, &text, now) {
                Ok((_, record)) => {
                    if is_news(&record, own.get(&id)) && self.is_permitted(&record, own.get(&id)) {
                        merges.push(record);
                    }
                    theirs.insert(id, (text, true));
                }
                Err(bad) => {
                    self.refuse(1, &bad.to_string());
                    theirs.insert(id, (text, false));
                }
            }
        }
        let undone: BTreeSet<_> = merges
            .iter()
            .filter(|one| matches!(one, RevocationRecord::Tombstone(_)))
            .map(RevocationRecord::id)
            .collect();
        for (id, record) in own.iter().filter(|(id, _)| !undone.contains(id)) {
            match theirs.get(id) {
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
        let merged = self.merge(merges).await?;
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
        if is_settled && over.is_empty() {
            let own = own.values().map(|one| encode(one).0).collect();
            memory.holdings.settle(place, fields.sum, own);
        }
        Ok(())
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
