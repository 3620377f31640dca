//! A cache entry: a token whose signature was checked.

use bytes::Bytes;
use jwtd_core::jose::Limits;
use jwtd_core::jose::json::{self, Value};
use jwtd_core::verify::{Proven, RevocationSet, RevokedBy, TokenValues};
use std::borrow::Cow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A token whose signature was checked.
#[derive(Debug)]
pub struct Remembered {
    /// The payload, byte for byte, shared with the replies that return it.
    pub payload: Bytes,
    /// The claims and their proof.
    pub proven: Proven,
    /// The payload once more as a tree, where policies look at it.
    values: Option<Value<'static>>,
    /// What entries of revocation would name, once it was asked for.
    revocation: OnceLock<Option<Box<TokenValues>>>,
    /// The position of the log of revocations at which it was last found clear: while that does
    /// not change, neither does the answer.
    clear_at: AtomicU64,
    pub(super) token: Box<[u8]>,
    /// How long it is remembered, and until when.
    pub(super) lifetime: Duration,
    pub(super) until: Option<Instant>,
}

/// What moka and the allocator keep for an entry beside what is counted below. With
/// 256, ten million tokens took 1.41 times the bound.
const OVERHEAD: usize = 640;

impl Remembered {
    /// Takes over what was proven. Nothing of it refers to the buffer of a request.
    #[must_use]
    pub fn new(mut proven: Proven) -> Self {
        let payload = Bytes::from(proven.take_payload());
        let (token, lifetime) = (Box::default(), Duration::ZERO);
        let (revocation, clear_at) = Default::default();
        Self { payload, proven, values: None, revocation, clear_at, token, lifetime, until: None }
    }

    /// Keeps the payload as a tree too: a few look-ups in place of reading it again at
    /// every hit.
    pub fn keep_values(&mut self, limits: &Limits) {
        self.values = json::parse(&self.payload, &limits.json).map(Value::into_owned).ok();
    }

    /// By what the token is revoked, if it is.
    #[must_use]
    pub fn revoked(&self, set: &RevocationSet) -> Option<RevokedBy> {
        let position = set.position();
        if self.clear_at.load(Ordering::Relaxed) == position {
            return None;
        }
        let found = self.look_up(set);
        if found.is_none() {
            self.clear_at.store(position, Ordering::Relaxed);
        }
        found
    }

    fn look_up(&self, set: &RevocationSet) -> Option<RevokedBy> {
        if set.is_empty() {
            return None;
        }
        // An issuer of whom nothing is revoked costs one value, not seven.
        if self.revocation.get().is_none() && !set.concerns(self.proven.claims().issuer()?) {
            return None;
        }
        let values = || TokenValues::of(set.key(), &self.proven).map(Box::new);
        let values = self.revocation.get_or_init(values).as_ref()?;
        set.find(values, self.proven.claims().issued_at())
    }

    /// Whether it is still remembered.
    pub(super) fn lives(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// The same entry, remembered until `moment` by nobody but its owner.
    #[cfg(test)]
    pub(super) fn until(mut self, moment: Instant) -> Self {
        self.until = Some(moment);
        self
    }

    #[cfg(test)]
    pub(super) fn knows_what_it_bears(&self) -> bool {
        self.revocation.get().is_some()
    }

    #[cfg(test)]
    pub(super) fn keeps_values(&self) -> bool {
        self.values.is_some()
    }

    /// The payload as a tree. It is read anew if it was not kept, as with entries that
    /// are older than the policy.
    #[must_use]
    pub fn values(&self, limits: &Limits) -> Option<Cow<'_, Value<'_>>> {
        match &self.values {
            Some(values) => Some(Cow::Borrowed(values)),
            None => json::parse(&self.payload, &limits.json).map(Cow::Owned).ok(),
        }
    }

    /// The bytes of memory that the entry takes in the cache, about.
    pub(super) fn weight(&self) -> u32 {
        let bytes = [
            size_of::<Self>(),
            OVERHEAD,
            self.token.len(),
            self.payload.len(),
            self.proven.claims().heap_bytes(),
            self.proven.opening_bytes(),
            self.values.as_ref().map_or(0, Value::heap_bytes),
            // They may come later.
            size_of::<TokenValues>(),
        ];
        u32::try_from(bytes.iter().sum::<usize>()).unwrap_or(u32::MAX)
    }
}
