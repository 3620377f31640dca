//! Phase 1 over a batch: its tokens are looked up, and copies of a token become one.

use super::batch::{Batch, Pending, Step};
use super::cache::AlreadyHashed;
use super::slice::Unread;
use super::{Engine, ServedProfile, Snapshot};
use jwtd_core::keys::Issuers;
use jwtd_core::verify::{Profile, Reject, opening_cost, read};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// A batch names a profile of another configuration than that of its snapshot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ForeignProfile;

/// A batch whose tokens are being looked up.
#[derive(Debug)]
pub struct Lookup {
    pending: Pending,
    at: Instant,
    /// Made for the first token that is not remembered: most batches have none.
    misses: Option<Box<Misses>>,
    /// Whether a token that is not remembered stops the batch.
    only_hits: bool,
    stopped: bool,
}

/// The tokens that are not remembered.
#[derive(Debug)]
struct Misses {
    unread: Vec<Unread>,
    /// The first of them with each hash.
    first: HashMap<u64, usize, AlreadyHashed>,
}

impl Misses {
    /// The number of a token; copies share one.
    fn number(
        &mut self,
        token: &bytes::Bytes,
        hash: u64,
        issuers: &Issuers,
        profile: &Profile,
    ) -> usize {
        let next = self.unread.len();
        let first = *self.first.entry(hash).or_insert(next);
        if let Some(same) = self.unread.get_mut(first).filter(|one| one.token == token) {
            same.copies = same.copies.saturating_add(1);
            return first;
        }
        // Only its header is looked at: how its reading is cut depends on it.
        let opening = opening_cost(token, issuers, profile);
        self.unread.push(Unread { miss: next, token: token.clone(), hash, copies: 1, opening });
        next
    }
}

impl Lookup {
    /// Begins with a batch that came at the moment `at`, under one snapshot.
    ///
    /// # Errors
    /// If the profile of the batch is that of another configuration.
    pub fn new(snapshot: Arc<Snapshot>, batch: Batch, at: Instant) -> Result<Self, ForeignProfile> {
        let served = snapshot.configuration().profile(batch.profile).ok_or(ForeignProfile)?;
        let served = Arc::clone(served);
        let steps = Vec::with_capacity(batch.tokens.len());
        let (fates, proofs) = Default::default();
        let pending = Pending { snapshot, served, batch, steps, fates, proofs };
        Ok(Self { pending, at, misses: None, only_hits: false, stopped: false })
    }

    /// How many tokens it has.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.pending.batch.tokens.len()
    }

    /// When it came.
    #[must_use]
    pub fn at(&self) -> Instant {
        self.at
    }

    /// True if DPoP proofs came with it.
    #[must_use]
    pub fn has_proofs(&self) -> bool {
        self.pending.batch.has_proofs()
    }

    /// The profile that it is judged by.
    #[must_use]
    pub fn served(&self) -> &ServedProfile {
        &self.pending.served
    }

    /// The snapshot that it is judged by.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.pending.snapshot
    }

    /// From now on, a token that is not remembered stops the batch.
    pub fn only_hits(&mut self) {
        self.only_hits = true;
    }

    /// Whether such a token came.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Goes on from the token that stopped the batch.
    pub fn resume(&mut self) {
        self.only_hits = false;
        self.stopped = false;
    }

    /// Looks up the next `count` tokens; false when none is left, or one stopped the batch.
    pub fn advance(&mut self, engine: &Engine, count: usize) -> bool {
        let begin = self.pending.steps.len();
        let end = begin.saturating_add(count).min(self.tokens());
        let mut hits = 0;
        for place in begin..end {
            let step = self.step(engine, place);
            if self.stopped {
                break;
            }
            hits += u64::from(matches!(step, Step::Hit(_)));
            self.pending.steps.push(step);
        }
        if hits > 0 {
            engine.metrics.cache_requests.hit.inc_by(hits);
        }
        !self.stopped && end < self.tokens()
    }

    fn step(&mut self, engine: &Engine, place: usize) -> Step {
        let Pending { snapshot, batch, served, .. } = &self.pending;
        let issuers = snapshot.issuers();
        let Some(token) = batch.tokens.get(place) else {
            return Step::Refused(Reject::Internal.into());
        };
        // Before hashing: what is too long to be read is too long to be hashed.
        if token.len() > issuers.limits().token_bytes {
            return match read(token.clone(), issuers) {
                Err(error) => Step::Refused(error.into_refusal()),
                Ok(_) => Step::Refused(Reject::Internal.into()),
            };
        }
        let hash = engine.cache.hash(token);
        let found = engine.cache.find(hash, token, self.at);
        if let Some(entry) = found.filter(|entry| entry.proven.issuer_if_current(issuers).is_some())
        {
            return Step::Hit(entry);
        }
        if self.only_hits {
            self.stopped = true;
            return Step::Held;
        }
        let left = batch.tokens.len().saturating_sub(place);
        let misses = self.misses.get_or_insert_with(|| {
            Box::new(Misses { unread: Vec::with_capacity(left), first: HashMap::default() })
        });
        Step::Miss(misses.number(token, hash, issuers, &served.profile))
    }

    /// Ends the phase: the batch, and the tokens that must be read.
    #[must_use]
    pub fn end(mut self) -> (Pending, Vec<Unread>) {
        let unread = self.misses.map(|misses| misses.unread).unwrap_or_default();
        self.pending.fates = vec![super::batch::Fate::Open; unread.len()];
        (self.pending, unread)
    }
}
