//! The first step over a batch: look up, read the misses, and cut the checks that
//! are left into slices.

use super::cache::AlreadyHashed;
use super::slice::{self, Check, Slice};
use super::{Engine, ProfileIndex, Remembered, ServedProfile, Snapshot};
use bytes::Bytes;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::IssuerIndex;
use jwtd_core::policy::{Attributes, Caller};
use jwtd_core::verify::{
    Headers, Matter, MissingKey, Proven, ReadError, Refusal, Reject, TokenContext, read, read_under,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Tokens, and what is asked of them.
#[derive(Debug)]
pub struct Batch {
    /// The tokens, as slices of the request.
    pub tokens: Vec<Bytes>,
    /// The profile, of the configuration that the batch is judged by.
    pub profile: ProfileIndex,
    /// Narrows the audiences of the profile, if not empty.
    pub audiences: Vec<Arc<str>>,
    /// The scopes that each token must hold.
    pub scopes: Vec<Arc<str>>,
    /// Who asks.
    pub caller: Caller,
    /// What the caller says of the request that the tokens came with.
    pub attributes: Attributes,
}

impl Batch {
    /// Tokens of which nothing is asked but what the profile asks.
    #[must_use]
    pub fn new(tokens: Vec<Bytes>, profile: ProfileIndex) -> Self {
        let (audiences, scopes, attributes) = Default::default();
        Self { tokens, profile, audiences, scopes, caller: Caller::Unknown, attributes }
    }
}

/// A batch names a profile of another configuration than that of its snapshot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ForeignProfile;

/// What became of one token.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Its signature was checked before, and the proof stands.
    Hit(Arc<Remembered>),
    /// It waits for the check with this number; several copies of a token wait
    /// for one check.
    Miss(usize),
    /// It does not get as far as a check.
    Refused(Refusal),
    /// Its issuer has no such key, unless one comes.
    KeyMissing(MissingKey),
    /// It is decided in another batch, when keys have come.
    Held,
}

/// A batch on its way through the first step.
#[derive(Debug)]
pub struct Plan {
    pending: Pending,
    now: Instant,
    /// Made for the first token that is not remembered: most batches have none.
    reading: Option<Box<Reading>>,
    /// Whether a token that is not remembered stops the batch.
    only_hits: bool,
    stopped: bool,
}

/// What the tokens that are read have in common.
#[derive(Debug)]
struct Reading {
    checks: Vec<Check>,
    headers: Headers,
    /// The first token with each hash that was not a hit.
    seen: HashMap<u64, usize, AlreadyHashed>,
    /// Whether the key of any token is unknown.
    misses_key: bool,
}

impl Reading {
    /// Of so many tokens at most.
    fn of(tokens: usize) -> Self {
        let (headers, seen) = (Headers::of_batch(tokens), HashMap::default());
        Self { checks: Vec::new(), headers, seen, misses_key: false }
    }
}

/// A batch after the first step: all that the last one needs beside the proofs.
#[derive(Debug)]
pub struct Pending {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) served: Arc<ServedProfile>,
    pub(super) batch: Batch,
    pub(super) steps: Vec<Step>,
    /// How many signatures must be checked.
    pub(super) checks: usize,
}

impl Pending {
    /// What a proven token of the batch is judged by.
    pub(super) fn matter<'p>(&'p self, proven: &'p Proven, now: UnixTime) -> Matter<'p> {
        let (issuers, profile) = (self.snapshot.issuers(), &self.served.profile);
        let (audiences, context) = (&*self.batch.audiences, TokenContext::none());
        Matter { proven, issuers, profile, audiences, context, now }
    }
}

impl Plan {
    /// The batch.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        &self.pending.batch
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

    /// Begins with a batch that came `now` under one snapshot.
    ///
    /// # Errors
    /// If the profile of the batch is that of another configuration.
    pub fn new(
        snapshot: Arc<Snapshot>,
        batch: Batch,
        now: Instant,
    ) -> Result<Self, ForeignProfile> {
        let served = snapshot.configuration().profile(batch.profile).ok_or(ForeignProfile)?;
        let served = Arc::clone(served);
        let steps = Vec::with_capacity(batch.tokens.len());
        let pending = Pending { snapshot, served, batch, steps, checks: 0 };
        Ok(Self { pending, now, reading: None, only_hits: false, stopped: false })
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

    /// Takes the next `count` tokens; false when none is left, or one stopped the batch.
    pub fn advance(&mut self, engine: &Engine, count: usize) -> bool {
        let begin = self.pending.steps.len();
        let end = begin.saturating_add(count).min(self.pending.batch.tokens.len());
        let (mut hits, mut misses) = (0, 0);
        for place in begin..end {
            let step = self.step(engine, place);
            if self.stopped {
                break;
            }
            match &step {
                Step::Hit(_) => hits += 1,
                Step::Miss(_) => misses += 1,
                Step::Refused(_) | Step::KeyMissing(_) | Step::Held => {}
            }
            self.pending.steps.push(step);
        }
        for (counter, count) in [
            (&engine.metrics.cache_requests.hit, hits),
            (&engine.metrics.cache_requests.miss, misses),
        ] {
            if count > 0 {
                counter.inc_by(count);
            }
        }
        !self.stopped && end < self.pending.batch.tokens.len()
    }

    fn step(&mut self, engine: &Engine, place: usize) -> Step {
        let Pending { snapshot, served, batch, steps, .. } = &self.pending;
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
        let found = engine.cache.find(hash, token, self.now);
        if let Some(entry) = found.filter(|entry| entry.proven.issuer_if_current(issuers).is_some())
        {
            return Step::Hit(entry);
        }
        if self.only_hits {
            self.stopped = true;
            return Step::Held;
        }
        let left = batch.tokens.len().saturating_sub(place);
        let reading = self.reading.get_or_insert_with(|| Box::new(Reading::of(left)));
        let earlier = *reading.seen.entry(hash).or_insert(place);
        if earlier != place
            && let (Some(same), Some(step)) = (batch.tokens.get(earlier), steps.get(earlier))
            && same == token
        {
            return step.clone();
        }
        match read_under(&mut reading.headers, token.clone(), issuers, &served.profile) {
            Err(ReadError::Refused(refusal)) => Step::Refused(refusal),
            Err(ReadError::KeyMissing(key)) => {
                reading.misses_key = true;
                Step::KeyMissing(key)
            }
            Ok(unproven) => {
                if reading.checks.is_empty() {
                    reading.checks.reserve(left);
                }
                reading.checks.push(Check { token: Box::new(unproven), hash });
                Step::Miss(reading.checks.len().saturating_sub(1))
            }
        }
    }

    /// Takes tokens out whose key is unknown and may come soon: those for which `wait`
    /// gives something to wait for, by issuer and a hash of the missing key. Gives
    /// them as a batch of their own, with their places in this one, and for each issuer
    /// what to wait for.
    pub fn hold<W>(
        &mut self,
        engine: &Engine,
        wait: impl Fn(IssuerIndex, u64) -> Option<W>,
    ) -> Option<Held<W>> {
        let mut held: Option<Held<W>> = None;
        if !self.reading.as_ref().is_some_and(|reading| reading.misses_key) {
            return held;
        }
        for (place, step) in self.pending.steps.iter_mut().enumerate() {
            let Step::KeyMissing(key) = step else { continue };
            let (issuer, batch) = (key.issuer(), &self.pending.batch);
            let Some(token) = batch.tokens.get(place) else { continue };
            let Some(waiting) = wait(issuer, engine.cache.hash_key(key)) else { continue };
            let held = held.get_or_insert_with(|| Held {
                batch: Batch {
                    tokens: Vec::new(),
                    profile: batch.profile,
                    audiences: batch.audiences.clone(),
                    scopes: batch.scopes.clone(),
                    caller: batch.caller.clone(),
                    attributes: batch.attributes.clone(),
                },
                places: Vec::new(),
                waits: HashMap::new(),
            });
            held.batch.tokens.push(token.clone());
            held.places.push(place);
            held.waits.insert(issuer, waiting);
            *step = Step::Held;
        }
        held
    }

    /// Ends the step, and cuts what is left to check into slices.
    #[must_use]
    pub fn cut(mut self) -> (Pending, Vec<Slice>) {
        let checks = self.reading.map(|reading| reading.checks).unwrap_or_default();
        self.pending.checks = checks.len();
        let slices = slice::cut(checks, &self.pending.snapshot);
        (self.pending, slices)
    }
}

/// Tokens that were taken out of a batch until keys have come.
#[derive(Debug)]
pub struct Held<W> {
    /// The tokens.
    pub batch: Batch,
    /// Their places in the batch that they were taken from.
    pub places: Vec<usize>,
    /// For each of their issuers what to wait for.
    pub waits: HashMap<IssuerIndex, W>,
}
