//! The last step over a batch: judge every token, remembered or not, by the same code.

use super::audit::{Audit, Event, Token};
use super::plan::{Pending, Step};
use super::slice::Proof;
use super::{Engine, Remembered};
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::IssuerIndex;
use jwtd_core::policy::{Budget, PolicyInput, check_scopes};
use jwtd_core::verify::{Matter, Reason, Refusal, Reject, judge, remember_until};
use std::cell::Cell;
use std::sync::Arc;

/// What is decided of one token.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The token, if its signature was proven and the profile trusts its issuer.
    pub proven: Option<Arc<Remembered>>,
    /// Whether it may be used, and why not.
    pub outcome: Result<Permit, Reject>,
}

/// Leave to use a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Permit {
    /// Until when the caller may remember it; nothing if it may not.
    pub valid_until: Option<UnixTime>,
    /// Why the policy would refuse it, if it were enforced.
    pub not_enforced: Option<Reject>,
}

impl Decision {
    /// The stable reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match &self.outcome {
            Ok(Permit { not_enforced: None, .. }) => Reason::Ok,
            Ok(Permit { not_enforced: Some(reject), .. }) | Err(reject) => reject.reason(),
        }
    }
}

/// A batch on its way through the last step.
#[derive(Debug)]
pub struct Finish {
    pending: Pending,
    /// For each check its outcome.
    outcomes: Vec<Result<Arc<Remembered>, Refusal>>,
    decisions: Vec<Decision>,
    /// What is recorded when the call is whole: of one that comes too late, nothing.
    events: Vec<Event>,
    now: UnixTime,
    /// What rules have cost since others had a turn.
    steps: Cell<usize>,
}

/// After so many steps of rules others get a turn: about 200 microseconds.
const TURN: usize = 2_000;

impl Finish {
    /// Takes the proofs together.
    #[must_use]
    pub fn new(pending: Pending, proofs: Vec<Proof>, now: UnixTime) -> Self {
        let mut outcomes = vec![Err(Reject::Internal.into()); pending.checks];
        for Proof { check, outcome } in proofs {
            if let Some(slot) = outcomes.get_mut(check) {
                *slot = outcome;
            }
        }
        let decisions = Vec::with_capacity(pending.steps.len());
        Self { pending, outcomes, decisions, events: Vec::new(), now, steps: Cell::new(0) }
    }

    /// Judges the next `count` tokens, or fewer if rules over them take long; false when none
    /// is left.
    pub fn advance(&mut self, engine: &Engine, count: usize) -> bool {
        let Pending { snapshot, batch, steps, .. } = &self.pending;
        let configuration = snapshot.configuration();
        let mut tally = Tally::default();
        self.steps.set(0);
        for step in steps.iter().skip(self.decisions.len()).take(count) {
            let missing;
            let proven = match step {
                Step::Held => {
                    let outcome = Err(Reject::Internal);
                    self.decisions.push(Decision { proven: None, outcome });
                    continue;
                }
                Step::Hit(entry) => Ok(entry),
                Step::Miss(check) => match self.outcomes.get(*check) {
                    Some(outcome) => outcome.as_ref(),
                    None => Err(&INTERNAL),
                },
                Step::Refused(refusal) => Err(refusal),
                Step::KeyMissing(key) => {
                    missing = key.refusal();
                    Err(&missing)
                }
            };
            let (issuer, decision) = match proven {
                Ok(entry) => {
                    let outcome = self.judge(entry);
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
                let event = self.event(audit, self.decisions.len(), issuer, &decision, cached);
                self.events.extend(event);
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
    ) -> Option<Event> {
        let Pending { snapshot, batch, .. } = &self.pending;
        let proven = decision.proven.as_ref().map(|entry| &entry.proven);
        let token = Token::new(batch.tokens.get(place)?, proven);
        Some(Event {
            snapshot: Arc::clone(snapshot),
            rules: Arc::clone(audit.rules()),
            at: audit.now(),
            caller: batch.caller.clone(),
            profile: batch.profile,
            issuer,
            token,
            reason: decision.reason(),
            permit: decision.outcome.is_ok(),
            cached,
        })
    }

    fn judge(&self, entry: &Remembered) -> Result<Permit, Reject> {
        let matter = self.pending.matter(&entry.proven, self.now);
        judge(&matter)?;
        // What the request demands is no part of the profile's policy, and no mode of it.
        check_scopes(&entry.proven, &self.pending.batch.scopes)?;
        let not_enforced = self.hold_against_policy(entry)?;
        let valid_until = self.valid_until(&matter, not_enforced.as_ref());
        Ok(Permit { valid_until, not_enforced })
    }

    /// Until when a permit may be remembered: a fresh one would be the same until then, as far
    /// as it is a matter of time. None where a rule looks at more than the token, and none for
    /// a demand that is not enforced: its caller should ask again.
    fn valid_until(&self, matter: &Matter<'_>, not_enforced: Option<&Reject>) -> Option<UnixTime> {
        matter.profile.remember?;
        if not_enforced.is_some() || self.pending.served.policy.looks_beyond_the_token() {
            return None;
        }
        remember_until(matter)
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
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The decisions, in the order of the batch.
    #[must_use]
    pub fn decisions(self) -> Vec<Decision> {
        self.decisions
    }
}

static INTERNAL: Refusal = Refusal { reject: Reject::Internal, issuer: None };

/// Tokens of a batch mostly fare alike; runs of them are counted at once.
#[derive(Default)]
struct Tally {
    run: Option<((Option<IssuerIndex>, Reason), u64)>,
}

impl Tally {
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
