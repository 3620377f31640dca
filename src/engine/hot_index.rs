//! In front of the cache: where entries were found lately. It holds none of them: of one
//! that the cache let go only its place stays, half a kilobyte, until another takes the slot.

use super::remembered::Remembered;
use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

/// As many as callers have in use at once, about; 128 KiB.
const SLOTS: usize = 4096;

/// One in so many finds is left to the cache, which keeps what is asked for often and
/// lets go of what has expired.
const LEFT: u8 = 16;

/// Where entries were found lately.
pub(super) struct HotIndex(Box<[Mutex<Slot>]>);

#[derive(Default)]
struct Slot {
    hash: u64,
    entry: Weak<Remembered>,
    finds: u8,
}

impl HotIndex {
    pub(super) fn new() -> Self {
        Self((0..SLOTS).map(|_| Mutex::default()).collect())
    }

    /// The entry with this hash, if the cache holds it and it has not ended `now`.
    pub(super) fn find(&self, hash: u64, now: Instant) -> Option<Arc<Remembered>> {
        // Who finds it locked goes to the cache, which is as good.
        let mut slot = self.slot(hash)?.try_lock().ok()?;
        if slot.hash != hash {
            return None;
        }
        slot.finds = slot.finds.wrapping_add(1);
        if slot.finds % LEFT == 0 {
            return None;
        }
        slot.entry.upgrade().filter(|entry| entry.lives(now))
    }

    /// Takes note of where the entry with this hash is.
    pub(super) fn note(&self, hash: u64, entry: &Arc<Remembered>) {
        let Some(Ok(mut slot)) = self.slot(hash).map(Mutex::try_lock) else { return };
        *slot = Slot { hash, entry: Arc::downgrade(entry), finds: 0 };
    }

    fn slot(&self, hash: u64) -> Option<&Mutex<Slot>> {
        // The lowest bits: moka takes the highest for its own shards.
        let place = usize::try_from(hash).unwrap_or_default() % SLOTS;
        self.0.get(place)
    }
}

impl fmt::Debug for HotIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HotIndex").finish_non_exhaustive()
    }
}
