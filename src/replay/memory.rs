//! The memory of this process.

use super::presentation::{Presentation, Presented};
use super::shard::Shard;
use foldhash::quality::RandomState;
use jwtd_core::jose::UnixTime;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Remembers the presentations to this process. None leaves it before its time: when it is full, it
/// accepts no more.
#[derive(Debug)]
pub struct ReplayMemory {
    shards: Box<[Mutex<Shard>]>,
    /// Chooses the shard, under a key that nobody outside knows.
    hash: RandomState,
    max_bytes: u64,
}

/// The number of shards: enough that few calls meet at one lock, and that a sweep of one is short.
const SHARDS: usize = 64;

impl ReplayMemory {
    /// An empty memory that takes at most `max_bytes`.
    #[must_use]
    pub fn new(max_bytes: u64) -> Self {
        let each = usize::try_from(max_bytes).unwrap_or(usize::MAX) / SHARDS;
        let shards = (0..SHARDS).map(|_| Mutex::new(Shard::new(each))).collect();
        Self { shards, hash: RandomState::default(), max_bytes }
    }

    /// Remembers a presentation at `now`, unless it is known: of several at once with the same key,
    /// one is [`Presented::Fresh`].
    pub fn insert(&self, one: &Presentation, now: UnixTime) -> Presented {
        self.shard(one).map_or(Presented::Full, |mut shard| shard.insert(one, now))
    }

    /// Returns what [`Self::insert`] would, and remembers nothing.
    #[must_use]
    pub fn look(&self, one: &Presentation, now: UnixTime) -> Presented {
        self.shard(one).map_or(Presented::Full, |mut shard| shard.look(one, now))
    }

    /// Forgets what has ended by `now`, so that the numbers below are those of this time.
    pub fn settle(&self, now: UnixTime) {
        self.all().for_each(|mut shard| shard.sweep(now));
    }

    /// The most bytes.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// The number of remembered presentations.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.all().map(|shard| shard.entries()).sum()
    }

    /// Their memory, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.all().map(|shard| shard.bytes()).sum()
    }

    fn all(&self) -> impl Iterator<Item = MutexGuard<'_, Shard>> {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn shard(&self, one: &Presentation) -> Option<MutexGuard<'_, Shard>> {
        let place = usize::try_from(self.hash.hash_one(one.key) % SHARDS as u64).ok()?;
        let shard = self.shards.get(place)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
