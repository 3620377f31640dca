//! Keys that events named and nobody knew, and when each was first named.

use jwtd_core::crypto::Digest;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The most keys that are remembered; the oldest makes room.
const KEYS: usize = 64;

/// When each of the last unknown keys was first named.
#[derive(Debug, Default)]
pub(super) struct UnknownKeys(Mutex<VecDeque<(Digest, Instant)>>);

impl UnknownKeys {
    /// When the key with this digest was first named: `now`, if it is new or was forgotten.
    pub(super) fn first_seen(&self, key: Digest, now: Instant) -> Instant {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, first)) = known.iter().find(|(one, _)| *one == key) {
            return *first;
        }
        if known.len() >= KEYS {
            known.pop_front();
        }
        known.push_back((key, now));
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;
    use jwtd_core::jose::UnixTime;
    use std::time::Duration;

    #[test]
    fn a_key_is_remembered_until_64_others_came() {
        let begin = VirtualClock::at(UnixTime::from_seconds(0)).clock().monotonic();
        let (keys, later) = (UnknownKeys::default(), begin + Duration::from_secs(1));
        assert_eq!(keys.first_seen([0; 32], begin), begin);
        for other in 1..64 {
            assert_eq!(keys.first_seen([other; 32], later), later);
        }
        assert_eq!(keys.first_seen([0; 32], later), begin);
        assert_eq!(keys.first_seen([64; 32], later), later);
        assert_eq!(keys.first_seen([0; 32], later), later, "the oldest made room");
    }
}
