//! A batch: what is asked, and how far each of its tokens has come.

use super::Engine;
use super::cache::Remembered;
use super::configuration::{ProfileIndex, ServedProfile};
use super::slice::{self, Found, Outcome, Slice, Unread};
use super::snapshot::Snapshot;
use bytes::Bytes;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{Issuer, IssuerIndex};
use jwtd_core::policy::{Attributes, Caller};
use jwtd_core::verify::{Matter, Proven, Refusal, Reject};
use std::collections::HashMap;
use std::sync::Arc;

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

    /// The same question about some of the tokens.
    fn about(&self, tokens: Vec<Bytes>) -> Self {
        Self {
            tokens,
            profile: self.profile,
            audiences: self.audiences.clone(),
            scopes: self.scopes.clone(),
            caller: self.caller.clone(),
            attributes: self.attributes.clone(),
        }
    }
}

/// Where the first look left a token.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Its signature was checked before, and the proof stands.
    Hit(Arc<Remembered>),
    /// It is the miss with this number; several copies of a token are one miss.
    Miss(usize),
    /// It is not even looked up.
    Refused(Refusal),
    /// It is decided in another batch, when keys have come.
    Held,
}

/// How far a miss has come.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    /// It is not read yet, or its signature is not checked yet.
    Open,
    /// Its issuer has no such key, and may have one soon; what the token says of its key has
    /// this hash.
    KeyMissing(Refusal, u64),
    /// It is proven, or refused.
    Settled(Result<Arc<Remembered>, Refusal>),
}

/// A batch whose tokens were looked up.
#[derive(Debug)]
pub struct Pending {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) served: Arc<ServedProfile>,
    pub(super) batch: Batch,
    /// For each token.
    pub(super) steps: Vec<Step>,
    /// For each miss.
    pub(super) fates: Vec<Fate>,
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

impl Pending {
    /// The snapshot that it is judged by.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The misses, in slices that read them.
    #[must_use]
    pub fn to_read(&self, unread: Vec<Unread>) -> Vec<Slice> {
        slice::to_read(unread, &self.snapshot, &self.served)
    }

    /// Takes the outcomes of slices. Gives slices that check the signatures of what was read.
    #[must_use]
    pub fn take(&mut self, outcomes: Vec<Outcome>, engine: &Engine) -> Vec<Slice> {
        let (mut checks, mut asked) = (Vec::new(), 0);
        for Outcome { miss, found } in outcomes {
            let fate = match found {
                Found::Unproven(check) => {
                    asked += check.copies;
                    checks.push(check);
                    continue;
                }
                Found::KeyMissing(refusal, id) => Fate::KeyMissing(refusal, id),
                Found::Settled(outcome) => Fate::Settled(outcome),
            };
            if let Some(slot) = self.fates.get_mut(miss) {
                *slot = fate;
            }
        }
        if asked > 0 {
            engine.metrics.cache_requests.miss.inc_by(asked);
        }
        slice::to_check(checks, &self.snapshot, &self.served)
    }

    /// Takes tokens out whose key is unknown and may come soon: those for which `wait`
    /// gives something to wait for, by issuer and a hash of what the token says of its key.
    /// Gives them as a batch of their own.
    pub fn hold<W>(&mut self, wait: impl Fn(&Issuer, u64) -> Option<W>) -> Option<Held<W>> {
        let mut held: Option<Held<W>> = None;
        if !self.fates.iter().any(|fate| matches!(fate, Fate::KeyMissing(..))) {
            return held;
        }
        for (place, step) in self.steps.iter_mut().enumerate() {
            let Step::Miss(miss) = *step else { continue };
            let Some(Fate::KeyMissing(Refusal { issuer: Some(index), .. }, id)) =
                self.fates.get(miss)
            else {
                continue;
            };
            let (Some(token), Some(issuer)) =
                (self.batch.tokens.get(place), self.snapshot.issuers().get(*index))
            else {
                continue;
            };
            let Some(waiting) = wait(issuer, *id) else { continue };
            let held = held.get_or_insert_with(|| Held {
                batch: self.batch.about(Vec::new()),
                places: Vec::new(),
                waits: HashMap::new(),
            });
            held.batch.tokens.push(token.clone());
            held.places.push(place);
            held.waits.insert(*index, waiting);
            *step = Step::Held;
        }
        held
    }

    /// What became of a token.
    pub(super) fn found<'p>(&'p self, step: &'p Step) -> Result<&'p Arc<Remembered>, &'p Refusal> {
        static INTERNAL: Refusal = Refusal { reject: Reject::Internal, issuer: None };

        match step {
            Step::Hit(entry) => Ok(entry),
            Step::Refused(refusal) => Err(refusal),
            Step::Held => Err(&INTERNAL),
            Step::Miss(miss) => match self.fates.get(*miss) {
                Some(Fate::Settled(outcome)) => outcome.as_ref(),
                Some(Fate::KeyMissing(refusal, _)) => Err(refusal),
                Some(Fate::Open) | None => Err(&INTERNAL),
            },
        }
    }

    /// What a proven token of the batch is judged by.
    pub(super) fn matter<'p>(&'p self, proven: &'p Proven, now: UnixTime) -> Matter<'p> {
        let (issuers, profile) = (self.snapshot.issuers(), &self.served.profile);
        Matter { proven, issuers, profile, audiences: &self.batch.audiences, now }
    }
}
