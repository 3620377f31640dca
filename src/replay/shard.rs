//! A part of the memory behind one lock.

use super::presentation::{Presentation, Presented};
use foldhash::quality::RandomState;
use jwtd_core::jose::UnixTime;
use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::num::NonZero;

/// Remembers some of the presentations.
#[derive(Debug)]
pub(super) struct Shard {
    entries: HashMap<[u8; 16], Entry, RandomState>,
    /// The number of entries of each group of owners.
    owners: Box<[u32; OWNERS]>,
    /// The most entries, and the most of one group of owners.
    limit: usize,
    share: u32,
    /// The latest buckets of entries that were forgotten: of proofs, and of one-time tokens, which may
    /// live for years. They never go back.
    horizons: Horizons,
    /// The bucket in which the entries that had ended were removed last.
    swept_in: Option<Bucket>,
    /// The capacity of the table when nothing was removed from it; `capacity` leaves that out.
    full: usize,
}

#[derive(Debug, Default)]
struct Horizons {
    proofs: Option<Bucket>,
    tokens: Option<Bucket>,
}

#[derive(Debug)]
struct Entry {
    until: Bucket,
    /// The low bits of the second in which it was presented first.
    seen_at: u32,
    retry: Option<Retry>,
    owner: Group,
}

/// A group of owners; zero for one-time tokens, which have no owner.
type Group = u8;

/// Entries that end in the same eight seconds are removed together.
type Bucket = u32;

/// Enough of a hash that nobody outside can choose. The first byte is not zero.
type Retry = (NonZero<u8>, [u8; 6]);

/// The number of groups of owners, and that of one-time tokens. Owners are hashed into them under a key of the shard: two that
/// meet here do not meet in the other shards.
const OWNERS: usize = 256;

/// The group of one-time tokens.
const TOKENS: Group = 0;

/// An owner may fill this part of the memory.
const SHARE: usize = 16;

/// The longest time between the first presentation and its retry, in seconds.
const RETRY_SECONDS: u32 = 10;

/// The length of a bucket, in seconds.
const BUCKET_SECONDS: i64 = 8;

/// The bytes of an entry in the table: with its key, and the byte of control.
const ENTRY_BYTES: usize = size_of::<([u8; 16], Entry)>() + 1;

impl Shard {
    /// An empty one that takes at most `max_bytes`, also while its table grows.
    pub(super) fn new(max_bytes: usize) -> Self {
        // While a table grows, there is one of half the size beside it.
        let most = max_bytes.saturating_sub(OWNERS.saturating_mul(4)) / (ENTRY_BYTES * 3 / 2);
        let slots = most.checked_add(1).map_or(most, usize::next_power_of_two) / 2;
        let limit = slots / 8 * 7;
        Self {
            entries: HashMap::default(),
            owners: Box::new([0; OWNERS]),
            limit,
            share: u32::try_from(limit / SHARE).unwrap_or(u32::MAX).max(1),
            horizons: Horizons::default(),
            swept_in: None,
            full: 0,
        }
    }

    /// Remembers a presentation, unless it is known.
    pub(super) fn insert(&mut self, one: &Presentation, now: UnixTime) -> Presented {
        let found = self.look(one, now);
        if found == Presented::Fresh {
            let owner = self.group(one.owner);
            if let Some(count) = self.owners.get_mut(usize::from(owner)) {
                *count = count.saturating_add(1);
            }
            let (until, retry) = (bucket(one.until), one.retry.map(short));
            self.entries.insert(one.key, Entry { until, seen_at: low(now), retry, owner });
            self.full = self.full.max(self.entries.capacity());
        }
        found
    }

    /// Looks a presentation up.
    pub(super) fn look(&mut self, one: &Presentation, now: UnixTime) -> Presented {
        self.sweep(now);
        if let Some(entry) = self.entries.get(&one.key) {
            let since = low(now).wrapping_sub(entry.seen_at);
            let is_near = since.min(since.wrapping_neg()) <= RETRY_SECONDS;
            let is_retry = one.retry.is_some() && entry.retry == one.retry.map(short);
            return if is_near && is_retry { Presented::Retried } else { Presented::Replayed };
        }
        let owner = self.group(one.owner);
        let count = self.owners.get(usize::from(owner));
        if self.horizons.of(owner).is_some_and(|horizon| bucket(one.until) <= horizon) {
            Presented::Forgotten
        } else if self.entries.len() >= self.limit || self.would_outgrow() {
            Presented::Full
        } else if owner != TOKENS && count.is_none_or(|count| *count >= self.share) {
            Presented::ShareFull
        } else {
            Presented::Fresh
        }
    }

    /// Forgets what has ended, if it is time.
    pub(super) fn sweep(&mut self, now: UnixTime) {
        let current = bucket(now);
        // Calls on both sides of a boundary must not sweep in turns.
        let is_near = |swept: Bucket| swept == current || swept == current.saturating_add(1);
        if self.swept_in.is_some_and(is_near) {
            return;
        }
        self.swept_in = Some(current);
        let (horizons, owners) = (&mut self.horizons, &mut self.owners);
        owners.fill(0);
        self.entries.retain(|_, entry| {
            let lives = entry.until >= current;
            if !lives {
                let horizon = horizons.of(entry.owner);
                *horizon = (*horizon).max(Some(entry.until));
            } else if let Some(count) = owners.get_mut(usize::from(entry.owner)) {
                *count = count.saturating_add(1);
            }
            lives
        });
        if self.entries.len() < self.full / 4 {
            let count = self.entries.len().saturating_mul(2);
            let smaller = HashMap::with_capacity_and_hasher(count, self.entries.hasher().clone());
            let larger = std::mem::replace(&mut self.entries, smaller);
            self.entries.extend(larger);
            self.full = self.entries.capacity();
        }
    }

    /// Returns true if one entry more would make the largest table grow: removed entries keep their
    /// slots until fewer than half of all are in use.
    fn would_outgrow(&self) -> bool {
        let entries = self.entries.len();
        self.full >= self.limit && entries == self.entries.capacity() && entries >= self.limit / 2
    }

    pub(super) fn entries(&self) -> usize {
        self.entries.len()
    }

    /// The memory in use, in bytes.
    pub(super) fn bytes(&self) -> usize {
        // A table is filled to seven eighths.
        let slots = match self.full {
            0 => 0,
            capacity => (capacity.saturating_mul(8) / 7).next_power_of_two(),
        };
        slots.saturating_mul(ENTRY_BYTES).saturating_add(size_of::<Self>() + OWNERS * 4)
    }

    fn group(&self, owner: Option<[u8; 16]>) -> Group {
        let Some(owner) = owner else { return TOKENS };
        let [group, ..] = self.entries.hasher().hash_one(owner).to_le_bytes();
        group.max(1)
    }
}

impl Horizons {
    fn of(&mut self, group: Group) -> &mut Option<Bucket> {
        if group == TOKENS { &mut self.tokens } else { &mut self.proofs }
    }
}

fn bucket(time: UnixTime) -> Bucket {
    // Until the year 3058; what lies beyond does not end.
    let number = time.seconds().max(0).checked_div(BUCKET_SECONDS).unwrap_or_default();
    Bucket::try_from(number).unwrap_or(Bucket::MAX)
}

fn low(time: UnixTime) -> u32 {
    let [a, b, c, d, ..] = time.seconds().to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn short([first, a, b, c, d, e, f, ..]: [u8; 16]) -> Retry {
    (NonZero::new(first).unwrap_or(NonZero::<u8>::MAX), [a, b, c, d, e, f])
}
