//! Phase 5 over a batch: every token is judged, remembered or not, by the same code.

use super::audit::{Audit, AuditEvent, Token};
use super::batch::{Pending, Step};
use super::pulses::{Moment, RevocationAge};
use super::refusals::Refusal;
use super::{Engine, Remembered};
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::IssuerIndex;
use jwtd_core::policy::{Budget, PolicyInput, check_scopes};
use jwtd_core::verify::{Matter, Reason, Reject, RevocationSet, WhenStale, judge, remember_until};
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is decided of one token.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The token, if its signature was proven and the profile trusts its issuer.
    pub proven: Option<Arc<Remembered>>,
    /// Whether it may be used, and why not.
    pub outcome: Result<Permission, Reject>,
}

/// Leave to use a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Permission {
    /// Until when the caller may remember it; nothing if it may not.
    pub valid_until: Option<UnixTime>,
    /// Why the policy would refuse it, if it were enforced.
    pub not_enforced: Option<Reject>,
    /// For how long nothing was heard of what is revoked, if that is too long.
    pub revocation_age: Option<Duration>,
}

impl Decision {
    /// The stable reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match &self.outcome {
            Ok(Permission { not_enforced: None, .. }) => Reason::Ok,
            Ok(Permission { not_enforced: Some(reject), .. }) | Err(reject) => reject.reason(),
        }
    }

    /// For how many seconds nothing was heard of what is revoked, if that is too long and known.
    #[must_use]
    pub fn revocation_age(&self) -> Option<u64> {
        let age = match &self.outcome {
            Ok(permit) => permit.revocation_age,
            Err(Reject::RevocationStale { age }) => *age,
            Err(_) => None,
        };
        age.map(|age| age.as_secs())
    }
}

/// A batch whose tokens are being judged.
#[derive(Debug)]
pub struct Judging {
    pending: Pending,
    decisions: Vec<Decision>,
    /// What is recorded when the call is whole: of one that comes too late, nothing.
    events: Vec<AuditEvent>,
    now: UnixTime,
    at: Instant,
    /// What is revoked, as it was for the last token.
    revocations: Option<Arc<RevocationSet>>,
    /// What rules have cost since others had a turn.
    steps: Cell<usize>,
}

/// After so many steps of rules others get a turn: about 200 microseconds.
const TURN: usize = 2_000;

impl Judging {
    /// Begins to judge.
    #[must_use]
    pub fn new(pending: Pending, now: Moment) -> Self {
        let decisions = Vec::with_capacity(pending.steps.len());
        let (events, revocations, steps) = (Vec::new(), None, Cell::new(0));
        let Moment { wall: now, at } = now;
        Self { pending, decisions, events, now, at, revocations, steps }
    }

    /// Judges the next `count` tokens, or fewer if rules over them take long; false when none
    /// is left.
    pub fn advance(&mut self, engine: &Engine, count: usize) -> bool {
        let Pending { snapshot, batch, steps, .. } = &self.pending;
        let configuration = snapshot.configuration();
        let (mut tally, mut held_back) = (Runs::default(), 0_u64);
        self.steps.set(0);
        for step in steps.iter().skip(self.decisions.len()).take(count) {
            if matches!(step, Step::Held) {
                // Another batch decides it, and counts it.
                let outcome = Err(Reject::Internal);
                self.decisions.push(Decision { proven: None, outcome });
                continue;
            }
            // Anew for each: what is judged after a change is judged by it.
            let position = engine.revocations.position();
            if self.revocations.as_ref().is_none_or(|set| set.position() != position) {
                self.revocations = Some(engine.revocations.load_full());
            }
            let place = self.decisions.len();
            let (issuer, decision) = match self.pending.found(step) {
                Ok(entry) => {
                    let outcome = self.judge(place, entry);
                    let issuer = Some(entry.proven.proof().issuer());
                    // As of one that is not remembered: nothing is told of its issuer.
                    let foreign = matches!(outcome, Err(Reject::IssuerNotInProfile));
                    let proven = (!foreign).then(|| Arc::clone(entry));
                    (issuer, Decision { proven, outcome })
                }
                Err(refusal) => {
                    let outcome = Err(refusal.reject.clone());
                    (refusal.issuer, Decision { proven: None, outcome })
                }
            };
            let kind = (issuer, decision.reason());
            if let Some(audit) = &engine.audit
                && audit.wants(kind.1)
            {
                let cached = matches!(step, Step::Hit(_));
                let event = self.event(audit, place, issuer, &decision, cached);
                self.events.extend(event);
            }
            if let (Err(reject), Some(refusals)) = (&decision.outcome, &engine.refusals) {
                if refusals.wants(kind.1, self.now) {
                    let cached = matches!(step, Step::Hit(_));
                    refusals.push(self.refusal(place, issuer, &decision, reject, cached));
                } else {
                    held_back = held_back.saturating_add(1);
                }
            }
            if let Some((kind, tokens)) = tally.add(kind) {
                configuration.count(batch.profile, kind.0, kind.1, tokens);
            }
            self.decisions.push(decision);
            if self.steps.get() >= TURN {
                break;
            }
        }
        if let Some((kind, tokens)) = tally.end() {
            configuration.count(batch.profile, kind.0, kind.1, tokens);
        }
        if let Some(refusals) = engine.refusals.as_ref().filter(|_| held_back > 0) {
            refusals.hold_back(held_back);
        }
        self.decisions.len() < self.pending.steps.len()
    }

    /// What is recorded of a decision.
    fn event(
        &self,
        audit: &Audit,
        place: usize,
        issuer: Option<IssuerIndex>,
        decision: &Decision,
        cached: bool,
    ) -> Option<AuditEvent> {
        let Pending { snapshot, batch, .. } = &self.pending;
        let proven = decision.proven.as_ref().map(|entry| &entry.proven);
        let token = Token::new(batch.tokens.get(place)?, proven);
        Some(AuditEvent {
            snapshot: Arc::clone(snapshot),
            rules: Arc::clone(audit.rules()),
            at: audit.now(),
            caller: batch.caller.clone(),
            profile: batch.profile,
            issuer,
            token,
            reason: decision.reason(),
            refused: decision.outcome.as_ref().err().map(|reject| (reject.clone(), self.now)),
            permit: decision.outcome.is_ok(),
            revocation_age: decision.revocation_age(),
            cached,
        })
    }

    /// What is logged of a refusal.
    fn refusal(
        &self,
        place: usize,
        issuer: Option<IssuerIndex>,
        decision: &Decision,
        reject: &Reject,
        cached: bool,
    ) -> Option<Refusal> {
        let Pending { snapshot, batch, .. } = &self.pending;
        Some(Refusal {
            snapshot: Arc::clone(snapshot),
            now: self.now,
            caller: batch.caller.clone(),
            profile: batch.profile,
            issuer,
            token: batch.tokens.get(place)?.as_ref().into(),
            proven: decision.proven.is_some(),
            cached,
            reject: reject.clone(),
        })
    }

    /// Judges the token at this place.
    fn judge(&self, place: usize, entry: &Remembered) -> Result<Permission, Reject> {
        let revoked = self.revocations.as_ref().and_then(|set| entry.revoked(set));
        let matter = self.pending.matter(place, &entry.proven, revoked, self.now);
        judge(&matter)?;
        // What the request demands is no part of the profile's policy, and no mode of it.
        check_scopes(&entry.proven, &self.pending.batch.scopes)?;
        let not_enforced = self.hold_against_policy(entry)?;
        let known = self.known(entry)?;
        let valid_until = self.valid_until(&matter, not_enforced.as_ref(), known.as_ref());
        let revocation_age = known.filter(|known| known.stale).map(|known| known.age);
        Ok(Permission { valid_until, not_enforced, revocation_age })
    }

    /// How old what is known of the issuer's revocations is, if the profile takes it. Last of all,
    /// so that this reason says that nothing else is wrong.
    fn known(&self, entry: &Remembered) -> Result<Option<RevocationAge>, Reject> {
        let pulses = self.pending.snapshot.configuration().pulses();
        let now = Moment { wall: self.now, at: self.at };
        let known = pulses.age(entry.proven.proof().issuer(), now);
        match known {
            Some(known) if known.stale && self.when_stale() == WhenStale::Refuse => {
                Err(Reject::RevocationStale { age: known.heard.then_some(known.age) })
            }
            known => Ok(known),
        }
    }

    fn when_stale(&self) -> WhenStale {
        self.pending.served.profile.when_stale
    }

    /// Until when a permit may be remembered: a fresh one would be the same until then, as far
    /// as it is a matter of time. None where a rule looks at more than the token, and none for
    /// a demand that is not enforced: its caller should ask again.
    fn valid_until(
        &self,
        matter: &Matter<'_>,
        not_enforced: Option<&Reject>,
        known: Option<&RevocationAge>,
    ) -> Option<UnixTime> {
        matter.profile.remember?;
        if not_enforced.is_some() || self.pending.served.policy.looks_beyond_the_token() {
            return None;
        }
        let until = remember_until(matter)?;
        let refuses = self.when_stale() == WhenStale::Refuse;
        let stale_at = known.filter(|_| refuses).map(|known| known.stale_at);
        stale_at
            .map_or(Some(until), |stale_at| Some(until.min(stale_at)).filter(|end| *end > self.now))
    }

    /// Holds the token against the policy of the profile; returns what it does not enforce.
    fn hold_against_policy(&self, entry: &Remembered) -> Result<Option<Reject>, Reject> {
        let Pending { snapshot, served, batch, .. } = &self.pending;
        let policy = &served.policy;
        let values = policy.reads_claims().then(|| entry.values(snapshot.issuers().limits()));
        let values = values.flatten();
        let input = PolicyInput {
            proven: &entry.proven,
            claims: values.as_deref(),
            caller: &batch.caller,
            attributes: &batch.attributes,
            now: self.now,
            budget: &Budget::default(),
        };
        let outcome = policy.decide(&input);
        self.spend(input.budget);
        // The candidate has a budget of its own, so that what it says does not hang on the other.
        let input = PolicyInput { budget: &Budget::default(), ..input };
        if let Some(said) = policy.try_shadow(&input) {
            self.spend(input.budget);
            let (said, permitted) = (said.as_ref().copied(), outcome.is_ok());
            snapshot.configuration().count_shadow(batch.profile, said, permitted, self.now);
        }
        outcome
    }

    fn spend(&self, budget: &Budget) {
        self.steps.set(self.steps.get().saturating_add(budget.spent()));
    }

    /// What is to be recorded, once the call is whole.
    pub fn take_events(&mut self) -> Vec<AuditEvent> {
        std::mem::take(&mut self.events)
    }

    /// The decisions, in the order of the batch.
    #[must_use]
    pub fn decisions(self) -> Vec<Decision> {
        self.decisions
    }
}

/// Tokens of a batch mostly fare alike; runs of them are counted at once.
#[derive(Default)]
struct Runs {
    run: Option<((Option<IssuerIndex>, Reason), u64)>,
}

impl Runs {
    /// The run that ends here, if one does.
    fn add(
        &mut self,
        kind: (Option<IssuerIndex>, Reason),
    ) -> Option<((Option<IssuerIndex>, Reason), u64)> {
        match &mut self.run {
            Some((current, tokens)) if *current == kind => {
                *tokens = tokens.saturating_add(1);
                None
            }
            run => run.replace((kind, 1)),
        }
    }

    fn end(self) -> Option<((Option<IssuerIndex>, Reason), u64)> {
        self.run
    }
}
