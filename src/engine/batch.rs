//! A batch: what is asked, and how far each of its tokens has come.

use super::Engine;
use super::configuration::{ProfileIndex, ServedProfile};
use super::proofs::Proofs;
use super::remembered::Remembered;
use super::slice::{self, Done, Found, Outcome, Slice, Unread};
use super::snapshot::Snapshot;
use bytes::Bytes;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{Issuer, IssuerIndex};
use jwtd_core::policy::{Attributes, Caller};
use jwtd_core::verify::{Matter, MissingKey, Proven, Refusal, Reject, RevokedBy, TokenContext};
use std::collections::HashMap;
use std::sync::Arc;

/// Tokens, and what is asked of them.
#[derive(Debug)]
pub struct Batch {
    /// The tokens, as slices of the request.
    pub tokens: Vec<Bytes>,
    /// What is known of the use of each token; or nothing, if nothing is of any.
    pub contexts: Vec<TokenContext>,
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
    /// True if this is a question about a use and not the use itself: it is not remembered that
    /// anything was presented.
    pub is_rehearsal: bool,
}

impl Batch {
    /// Tokens of which nothing is asked but what the profile asks.
    #[must_use]
    pub fn new(tokens: Vec<Bytes>, profile: ProfileIndex) -> Self {
        let (contexts, audiences, scopes, attributes) = Default::default();
        let (caller, is_rehearsal) = (Caller::Unknown, false);
        Self { tokens, contexts, profile, audiences, scopes, caller, attributes, is_rehearsal }
    }

    /// The same question, about no token yet.
    fn empty(&self) -> Self {
        Self {
            audiences: self.audiences.clone(),
            scopes: self.scopes.clone(),
            caller: self.caller.clone(),
            attributes: self.attributes.clone(),
            is_rehearsal: self.is_rehearsal,
            ..Self::new(Vec::new(), self.profile)
        }
    }

    /// Takes over the token at a place of another batch, with its context.
    fn push(&mut self, other: &Self, place: usize) {
        self.tokens.extend(other.tokens.get(place).cloned());
        self.contexts.extend(other.contexts.get(place).cloned());
    }

    /// True if DPoP proofs came with it.
    #[must_use]
    pub fn has_proofs(&self) -> bool {
        self.contexts.iter().any(|context| context.dpop_proof.is_some())
    }

    /// What is known of the use of the token at this place.
    #[must_use]
    pub fn context(&self, place: usize) -> &TokenContext {
        self.contexts.get(place).unwrap_or_else(|| TokenContext::none())
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
    /// Its issuer has no such key, and may have one soon; else it is refused so.
    KeyMissing(MissingKey, Refusal),
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
    /// What became of the DPoP proofs.
    pub(super) proofs: Proofs,
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
        for Outcome(done) in outcomes {
            let (miss, found) = match done {
                Done::Miss(miss, found) => (miss, found),
                Done::Proof(place, proof) => {
                    self.proofs.set(place, proof);
                    continue;
                }
            };
            let fate = match found {
                Found::Unproven(check) => {
                    asked += check.copies;
                    checks.push(check);
                    continue;
                }
                Found::KeyMissing(key) => {
                    let refusal = key.refusal();
                    Fate::KeyMissing(key, refusal)
                }
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
    /// gives something to wait for, by issuer and missing key. Gives them as a batch of their
    /// own.
    pub fn hold<W>(&mut self, wait: impl Fn(&Issuer, &MissingKey) -> Option<W>) -> Option<Held<W>> {
        let mut held: Option<Held<W>> = None;
        if !self.fates.iter().any(|fate| matches!(fate, Fate::KeyMissing(..))) {
            return held;
        }
        for (place, step) in self.steps.iter_mut().enumerate() {
            let Step::Miss(miss) = *step else { continue };
            let Some(Fate::KeyMissing(key, _)) = self.fates.get(miss) else { continue };
            let Some(issuer) = self.snapshot.issuers().get(key.issuer()) else { continue };
            let Some(waiting) = wait(issuer, key) else { continue };
            let held = held.get_or_insert_with(|| Held {
                batch: self.batch.empty(),
                places: Vec::new(),
                waits: HashMap::new(),
            });
            held.batch.push(&self.batch, place);
            held.places.push(place);
            held.waits.insert(key.issuer(), waiting);
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
                Some(Fate::KeyMissing(_, refusal)) => Err(refusal),
                Some(Fate::Open) | None => Err(&INTERNAL),
            },
        }
    }

    /// What the proven token at this place is judged by; `revoked` is by what it is revoked.
    pub(super) fn matter<'p>(
        &'p self,
        place: usize,
        proven: &'p Proven,
        revoked: Option<RevokedBy>,
        now: UnixTime,
    ) -> Matter<'p> {
        let (issuers, profile) = (self.snapshot.issuers(), &self.served.profile);
        let (audiences, context) = (&*self.batch.audiences, self.batch.context(place));
        let proof = self.proofs.of(place);
        Matter { proven, issuers, profile, audiences, context, proof, revoked, now }
    }
}
