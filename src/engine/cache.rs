//! Signatures that were already checked: "this exact byte string was signed by
//! this key of this issuer". Only proofs are remembered, never verdicts. The only
//! file that names `moka`.
//!
//! Tokens are found by a keyed 64-bit hash, and the stored bytes are compared on
//! every hit: a collision, even one made on purpose, costs a second check of a
//! signature and nothing else.

use super::hot_index::HotIndex;
use super::remembered::Remembered;
use crate::clock::later;
use crate::telemetry::Metrics;
use foldhash::quality::RandomState;
use jwtd_core::jose::UnixTime;
use jwtd_core::verify::MissingKey;
use moka::Expiry;
use moka::notification::RemovalCause;
use moka::sync::Cache;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The bounds of the cache.
#[derive(Clone, Copy, Debug)]
pub struct CacheLimits {
    /// The most bytes of entries, their overhead included.
    pub max_bytes: u64,
    /// The longest life of an entry.
    pub max_ttl: Duration,
}

/// The cache of proofs.
#[derive(Debug)]
pub struct ProofCache {
    pub(super) entries: Cache<u64, Arc<Remembered>, AlreadyHashed>,
    pub(super) hot_index: HotIndex,
    hash: RandomState,
    max_ttl: Duration,
    /// Nothing fits a cache of no bytes, and nothing is put into it.
    enabled: bool,
    /// For tests: every token gets the same hash.
    #[cfg(test)]
    pub(super) constant_hash: bool,
}

impl ProofCache {
    /// An empty cache. With `max_bytes` zero it stays empty.
    #[must_use]
    pub fn new(limits: CacheLimits, metrics: &Arc<Metrics>) -> Self {
        let counted = Arc::clone(metrics);
        let entries = Cache::builder()
            .max_capacity(limits.max_bytes)
            .weigher(|_: &u64, entry: &Arc<Remembered>| entry.weight())
            .expire_after(OwnLifetime)
            .eviction_listener(move |_, _, cause| match cause {
                RemovalCause::Expired => counted.cache_evicted.expired.inc(),
                RemovalCause::Size => counted.cache_evicted.size.inc(),
                RemovalCause::Replaced => counted.cache_evicted.replaced.inc(),
                RemovalCause::Explicit => {}
            })
            .build_with_hasher(AlreadyHashed::default());
        Self {
            entries,
            hot_index: HotIndex::new(),
            hash: RandomState::default(),
            max_ttl: limits.max_ttl,
            enabled: limits.max_bytes > 0,
            #[cfg(test)]
            constant_hash: false,
        }
    }

    /// The key of `token`; its length must be bounded already.
    #[must_use]
    pub fn hash(&self, token: &[u8]) -> u64 {
        #[cfg(test)]
        if self.constant_hash {
            return 7;
        }
        self.hash.hash_one(token)
    }

    /// The number of a missing key, under the hash of this process: the same for all tokens
    /// that need it, and no caller knows which others have the same.
    #[must_use]
    pub fn hash_key(&self, key: &MissingKey) -> u64 {
        let header = key.header();
        self.hash.hash_one((header.algorithm, &header.key_id))
    }

    /// The entry of exactly these bytes.
    #[must_use]
    pub fn find(&self, hash: u64, token: &[u8], now: Instant) -> Option<Arc<Remembered>> {
        if !self.enabled {
            return None;
        }
        let same = |entry: &Arc<Remembered>| *entry.token == *token;
        self.hot_index.find(hash, now).filter(same).or_else(|| {
            // moka has a clock of its own: an entry ends by ours.
            let lives = |entry: &Arc<Remembered>| same(entry) && entry.lives(now);
            let entry = self.entries.get(&hash).filter(lives)?;
            self.hot_index.note(hash, &entry);
            Some(entry)
        })
    }

    /// Remembers the entry of `token`, proven at the wall time `now` and the moment `at`,
    /// until the token expires, the leeway included, but no longer than the cache allows. A
    /// token that has expired is not remembered.
    #[must_use]
    pub fn remember(
        &self,
        hash: u64,
        token: &[u8],
        mut entry: Remembered,
        leeway: Duration,
        now: UnixTime,
        at: Instant,
    ) -> Arc<Remembered> {
        let end = entry.proven.claims().expires_at().map(|moment| moment.plus(leeway));
        let left = end.and_then(|end| end.since(now)).unwrap_or_default();
        let lifetime = left.min(self.max_ttl);
        if !self.enabled || lifetime.is_zero() {
            return Arc::new(entry);
        }
        entry.token = token.into();
        entry.lifetime = lifetime;
        entry.until = Some(later(at, lifetime));
        let entry = Arc::new(entry);
        self.entries.insert(hash, Arc::clone(&entry));
        self.hot_index.note(hash, &entry);
        entry
    }

    /// How many bytes they may take.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        self.entries.policy().max_capacity().unwrap_or(u64::MAX)
    }

    /// How many entries there are, about.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries.entry_count()
    }

    /// How many bytes they take, about.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.weighted_size()
    }

    /// Does the housekeeping that moka otherwise does by the way, so that the
    /// numbers above are exact.
    pub fn settle(&self) {
        self.entries.run_pending_tasks();
    }
}

/// Each entry brings its own lifetime, also where it replaces another.
pub(super) struct OwnLifetime;

impl Expiry<u64, Arc<Remembered>> for OwnLifetime {
    fn expire_after_create(
        &self,
        _: &u64,
        entry: &Arc<Remembered>,
        _: Instant,
    ) -> Option<Duration> {
        Some(entry.lifetime)
    }

    fn expire_after_update(
        &self,
        _: &u64,
        entry: &Arc<Remembered>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.lifetime)
    }
}

/// The keys are hashes already.
#[derive(Clone, Debug, Default)]
pub(super) struct AlreadyHashed(u64);

impl BuildHasher for AlreadyHashed {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_taken_as_it_is_and_bytes_are_told_apart() {
        let hasher = AlreadyHashed::default();
        assert_eq!(hasher.hash_one(0x0123_4567_89ab_cdef_u64), 0x0123_4567_89ab_cdef);
        assert_eq!(AlreadyHashed(3).build_hasher().finish(), 0, "each begins anew");
        let bytes = |bytes: &[u8]| {
            let mut hasher = hasher.build_hasher();
            hasher.write(bytes);
            hasher.finish()
        };
        assert_eq!(bytes(&[1, 2, 3]), 0x01_02_03);
        assert_ne!(bytes(&[0, 1, 0, 0, 0, 0, 0, 0, 0]), bytes(&[0; 9]));
        assert_eq!(bytes(&[1, 0, 0, 0, 0, 0, 0, 0, 1]), 0, "what is shifted out comes in again");
    }
}
