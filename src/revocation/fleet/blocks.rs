//! Holdings compared: entries of one origin stand in blocks by their numbers, and of each block
//! there is a sum of what it holds.

use super::record::Mark;
use crate::state::EntryId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// So many numbers of an origin are a block.
pub(in crate::revocation) const SIZE: u64 = 256;

/// The block of an entry.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::revocation) struct Block {
    origin: u128,
    index: u64,
}

impl Block {
    pub(in crate::revocation) const fn of(id: EntryId) -> Self {
        Self { origin: id.origin, index: id.number / SIZE }
    }

    pub(in crate::revocation) const fn first(self) -> EntryId {
        EntryId { origin: self.origin, number: self.index.saturating_mul(SIZE) }
    }

    pub(in crate::revocation) const fn last(self) -> EntryId {
        let first = self.first();
        EntryId { origin: first.origin, number: first.number.saturating_add(SIZE - 1) }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", EntryId { origin: self.origin, number: self.index })
    }
}

/// What is no name of a block.
#[derive(Debug)]
pub(in crate::revocation) struct BadBlock;

impl FromStr for Block {
    type Err = BadBlock;

    fn from_str(text: &str) -> Result<Self, BadBlock> {
        let EntryId { origin, number: index } = text.parse().map_err(|_| BadBlock)?;
        let block = Self { origin, index };
        // Others may write names of their own, and those beyond the last number.
        let is_plain = index <= u64::MAX / SIZE && block.to_string() == text;
        is_plain.then_some(block).ok_or(BadBlock)
    }
}

/// What a block holds: how many records, and the sum of their marks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::revocation) struct Sum {
    pub(in crate::revocation) count: i64,
    pub(in crate::revocation) marks: i64,
}

impl Sum {
    pub(in crate::revocation) fn add(&mut self, mark: Mark) {
        self.count = self.count.saturating_add(1);
        self.marks = self.marks.wrapping_add_unsigned(mark.number());
    }

    fn minus(self, other: Self) -> Self {
        Self {
            count: self.count.wrapping_sub(other.count),
            marks: self.marks.wrapping_sub(other.marks),
        }
    }
}

impl FromIterator<Mark> for Sum {
    fn from_iter<I: IntoIterator<Item = Mark>>(marks: I) -> Self {
        let mut sum = Self::default();
        marks.into_iter().for_each(|mark| sum.add(mark));
        sum
    }
}

/// What this daemon holds, and what it knows of the difference to Redis.
#[derive(Debug, Default)]
pub(in crate::revocation) struct Holdings {
    own: BTreeMap<Block, Sum>,
    /// Blocks whose sums are to be made anew.
    changed: BTreeSet<Block>,
    /// What Redis holds beyond what we do, where that was looked at and is as it should be: what
    /// has ended here, and what the feed may not bring.
    beyond: BTreeMap<Block, Sum>,
    /// The block that was looked at last without need.
    looked_at: Option<Block>,
}

impl Holdings {
    /// Forgets everything: the store is read anew.
    pub(in crate::revocation) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes note of a record that the store holds, when all of it is read.
    pub(in crate::revocation) fn note(&mut self, id: EntryId, mark: Mark) {
        self.own.entry(Block::of(id)).or_default().add(mark);
    }

    /// Takes note that an entry came or went.
    pub(in crate::revocation) fn change(&mut self, id: EntryId) {
        self.changed.insert(Block::of(id));
    }

    /// A block whose sum is to be made anew.
    pub(in crate::revocation) fn next_changed(&mut self) -> Option<Block> {
        self.changed.pop_first()
    }

    /// What the store holds of a block.
    pub(in crate::revocation) fn set(&mut self, block: Block, sum: Sum) {
        if sum == Sum::default() {
            self.own.remove(&block);
        } else {
            self.own.insert(block, sum);
        }
    }

    /// The blocks that differ from what Redis says of its own, and one in turn that does not: what
    /// Redis says of itself may be wrong.
    pub(in crate::revocation) fn differing(&mut self, redis: &BTreeMap<Block, Sum>) -> Vec<Block> {
        let all: BTreeSet<_> = self.own.keys().chain(redis.keys()).copied().collect();
        self.beyond.retain(|block, _| redis.contains_key(block));
        let of = |sums: &BTreeMap<Block, Sum>, block: &Block| {
            sums.get(block).copied().unwrap_or_default()
        };
        let differs =
            |block: &Block| of(redis, block).minus(of(&self.own, block)) != of(&self.beyond, block);
        let mut found: Vec<_> = all.iter().copied().filter(differs).collect();
        let after = self.looked_at.and_then(|last| all.iter().find(|one| **one > last));
        self.looked_at = after.or_else(|| all.first()).copied();
        if let Some(block) = self.looked_at
            && !found.contains(&block)
        {
            found.push(block);
        }
        found
    }

    /// Takes note that a block was looked at: Redis holds this of it, and we hold that.
    pub(in crate::revocation) fn settle(&mut self, block: Block, redis: Sum, own: Sum) {
        self.set(block, own);
        self.beyond.insert(block, redis.minus(own));
    }
}
