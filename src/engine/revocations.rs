//! The set of what is revoked now, behind a pointer that is swapped: it is read without a lock,
//! and anew for each token, so that nothing that is judged after a change is judged without it.

use arc_swap::{ArcSwap, Guard};
use jwtd_core::crypto::random;
use jwtd_core::verify::{RevocationKey, RevocationSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The set of now.
#[derive(Debug)]
pub struct Revocations {
    set: ArcSwap<RevocationSet>,
    /// That of the set, which is stored first: to be compared without touching the set.
    position: AtomicU64,
}

impl Revocations {
    /// Nothing is revoked; the key of the values is random.
    #[must_use]
    pub fn new() -> Self {
        // Each word is a keyed hash of its place, under keys that the operating system gave.
        let word = |place: u64| RandomState::new().hash_one(place).to_le_bytes();
        let random = random(32).ok().and_then(|bytes| bytes.try_into().ok());
        let secret = random.unwrap_or_else(|| {
            let mut secret = [0; 32];
            for (place, bytes) in (0..).zip(secret.chunks_exact_mut(8)) {
                bytes.copy_from_slice(&word(place));
            }
            secret
        });
        let set = RevocationSet::new(RevocationKey::new(&secret));
        Self { set: ArcSwap::from_pointee(set), position: AtomicU64::new(0) }
    }

    /// The set of now.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<RevocationSet>> {
        self.set.load()
    }

    /// The set of now, to be kept.
    #[must_use]
    pub fn load_full(&self) -> Arc<RevocationSet> {
        self.set.load_full()
    }

    /// The position of the set of now, or of one before that is being replaced.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// Puts `set` in the place of the one before: what is judged from now on is judged by it.
    pub fn publish(&self, set: RevocationSet) {
        let position = set.position();
        self.set.store(Arc::new(set));
        self.position.store(position, Ordering::Release);
    }
}

impl Default for Revocations {
    fn default() -> Self {
        Self::new()
    }
}
