//! Phase 6 over a batch: every token is judged, remembered or not, by the same code.

use super::audit::{Audit, AuditEvent, Token};
use super::batch::{Batch, Pending, Step};
use super::decision::{Decision, Permission};
use super::pulses::{Moment, RevocationAge};
use super::refusals::Refusal;
use super::senders::Senders;
use super::tally::Tally;
use super::{Engine, Remembered};
use crate::replay::Presentation;
use crate::telemetry::PresentationResult;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::IssuerIndex;
use jwtd_core::policy::{Budget, PolicyInput, check_scopes};
use jwtd_core::verify::{Matter, Reason, Reject, RevocationSet, WhenStale, judge, remember_until};
use std::cell::{Cell, OnceCell};
use std::sync::Arc;
use std::time::Instant;

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
    /// That of this moment.
    nonce: OnceCell<Option<Arc<str>>>,
    /// True if what is presented must be asked of a shared memory too.
    shares: bool,
    /// What it must be asked of; these decisions are not final, and not noted.
    unshared: Vec<(Noted, Vec<Presentation>)>,
}

/// What is noted of a decision.
#[derive(Debug)]
struct Noted {
    place: usize,
    issuer: Option<IssuerIndex>,
    cached: bool,
}

/// After so many steps of rules others get a turn: about 200 microseconds.
const TURN: usize = 2_000;

impl Judging {
    /// Begins to judge.
    #[must_use]
    pub fn new(pending: Pending, now: Moment) -> Self {
        let decisions = Vec::with_capacity(pending.steps.len());
        let (events, revocations, steps) = (Vec::new(), None, Cell::new(0));
        let (Moment { wall: now, at }, nonce) = (now, OnceCell::new());
        let (shares, unshared) = (false, Vec::new());
        Self { pending, decisions, events, now, at, revocations, steps, nonce, shares, unshared }
    }

    /// Judges the next `count` tokens, or fewer if rules over them take long; false when none
    /// is left.
    pub fn advance(&mut self, engine: &Engine, count: usize) -> bool {
        let Pending { snapshot, batch, steps, .. } = &self.pending;
        let configuration = snapshot.configuration();
        let mut tally = Tally::default();
        self.steps.set(0);
        for step in steps.iter().skip(self.decisions.len()).take(count) {
            if matches!(step, Step::Held) {
                // Another batch decides it, and counts it.
                let outcome = Err(Reject::Internal);
                self.decisions.push(Decision { proven: None, outcome, dpop_nonce: None });
                continue;
            }
            // Anew for each: what is judged after a change is judged by it.
            let position = engine.revocations.position();
            if self.revocations.as_ref().is_none_or(|set| set.position() != position) {
                self.revocations = Some(engine.revocations.load_full());
            }
            let place = self.decisions.len();
            let (issuer, decision, unshared) = self.decide(step, place, engine);
            let cached = matches!(step, Step::Hit(_));
            let noted = Noted { place, issuer, cached };
            if self.shares && !unshared.is_empty() {
                self.unshared.push((noted, unshared));
            } else {
                let event = self.note(&noted, &decision, engine, &mut tally);
                self.events.extend(event);
            }
            self.decisions.push(decision);
            if self.steps.get() >= TURN {
                break;
            }
        }
        tally.end(configuration, batch.profile, engine);
        self.decisions.len() < self.pending.steps.len()
    }

    /// Decides the token at this place; gives what else must be asked of the shared memory.
    fn decide(
        &self,
        step: &Step,
        place: usize,
        engine: &Engine,
    ) -> (Option<IssuerIndex>, Decision, Vec<Presentation>) {
        match self.pending.found(step) {
            Ok(entry) => {
                let judged = self.judge(place, entry, engine);
                let (outcome, presented) = match judged {
                    Ok((permission, presented)) => (Ok(permission), presented),
                    Err(reject) => (Err(reject), Vec::new()),
                };
                let issuer = Some(entry.proven.proof().issuer());
                // As of one that is not remembered: nothing is told of its issuer.
                let foreign = matches!(outcome, Err(Reject::IssuerNotInProfile));
                let proven = (!foreign).then(|| Arc::clone(entry));
                let dpop_nonce = self.nonce(place, &outcome, &engine.senders);
                (issuer, Decision { proven, outcome, dpop_nonce }, presented)
            }
            Err(refusal) => {
                let outcome = Err(refusal.reject.clone());
                let decision = Decision { proven: None, outcome, dpop_nonce: None };
                (refusal.issuer, decision, Vec::new())
            }
        }
    }

    /// Counts a decision, logs it, and gives what is to be recorded of it.
    fn note(
        &self,
        noted: &Noted,
        decision: &Decision,
        engine: &Engine,
        tally: &mut Tally,
    ) -> Option<AuditEvent> {
        let Noted { place, issuer, cached } = *noted;
        let kind = (issuer, decision.reason());
        let audit = engine.audit.as_ref().filter(|audit| audit.wants(kind.1));
        let event = audit.and_then(|audit| self.event(audit, place, issuer, decision, cached));
        if let (Err(reject), Some(refusals)) = (&decision.outcome, &engine.refusals) {
            if refusals.wants(kind.1, self.now) {
                refusals.push(self.refusal(place, issuer, decision, reject, cached));
            } else {
                tally.held_back = tally.held_back.saturating_add(1);
            }
        }
        if let Some((kind, tokens)) = tally.runs.add(kind) {
            let Pending { snapshot, batch, .. } = &self.pending;
            snapshot.configuration().count(batch.profile, kind.0, kind.1, tokens);
        }
        event
    }

    /// From now on, what a shared memory must be asked of is put aside.
    pub fn share(&mut self) {
        self.shares = true;
    }

    /// What the shared memory must be asked of, in the order in which it was presented.
    pub fn unshared(&self) -> impl Iterator<Item = Presentation> {
        self.unshared.iter().flat_map(|(_, all)| all).copied()
    }

    /// Takes what the shared memory said of each: whether it was presented elsewhere.
    pub fn settle(&mut self, results: Vec<PresentationResult>, engine: &Engine) {
        let (unshared, mut tally) = (std::mem::take(&mut self.unshared), Tally::default());
        let mut results = results.into_iter();
        for (noted, all) in unshared {
            let Some(decision) = self.decisions.get_mut(noted.place) else { continue };
            for _ in all {
                let result = results.next().unwrap_or(PresentationResult::Unreachable);
                engine.metrics.shared_presentations.add(result);
                if let Err(reject) = engine.senders.judge_shared(result) {
                    decision.outcome = Err(reject);
                }
            }
            let decision = decision.clone();
            let event = self.note(&noted, &decision, engine, &mut tally);
            self.events.extend(event);
        }
        let Pending { snapshot, batch, .. } = &self.pending;
        tally.end(snapshot.configuration(), batch.profile, engine);
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
    fn judge(
        &self,
        place: usize,
        entry: &Remembered,
        engine: &Engine,
    ) -> Result<(Permission, Vec<Presentation>), Reject> {
        let revoked = self.revocations.as_ref().and_then(|set| entry.revoked(set));
        let matter = self.pending.matter(place, &entry.proven, revoked, self.now);
        judge(&matter)?;
        // What the request demands is no part of the profile's policy, and no mode of it.
        check_scopes(&entry.proven, &self.pending.batch.scopes)?;
        let not_enforced = self.hold_against_policy(entry)?;
        let known = self.known(entry)?;
        let valid_until = self.valid_until(&matter, not_enforced.as_ref(), known.as_ref());
        let revocation_age = known.filter(|known| known.stale).map(|known| known.age);
        let permission = Permission { valid_until, not_enforced, revocation_age };
        // Last, so that nothing is remembered of a token that is refused.
        let presented = self.present(&matter, engine)?;
        Ok((permission, presented))
    }

    /// Remembers what counts but once; gives it.
    fn present(&self, matter: &Matter<'_>, engine: &Engine) -> Result<Vec<Presentation>, Reject> {
        let (senders, mut all) = (&engine.senders, Vec::new());
        let Batch { caller, is_rehearsal, .. } = &self.pending.batch;
        if let Some(proof) = matter.proof {
            let proof = proof.map_err(Clone::clone)?;
            all.push(senders.presentation(proof, caller, matter.context));
        }
        if matter.profile.one_time {
            all.push(senders.token_presentation(matter, caller)?);
        }
        // All are looked at before one is used up.
        if *is_rehearsal || all.len() > 1 {
            all.iter().try_for_each(|one| senders.look(one, self.now))?;
        }
        if *is_rehearsal {
            return Ok(Vec::new());
        }
        for one in &all {
            senders.remember(one, &engine.metrics, self.now)?;
        }
        Ok(all)
    }

    /// A nonce for the sender of the token at this place, if it needs one for its next proof.
    fn nonce(
        &self,
        place: usize,
        outcome: &Result<Permission, Reject>,
        senders: &Senders,
    ) -> Option<Arc<str>> {
        let Pending { served, batch, .. } = &self.pending;
        let fault = match outcome {
            Err(Reject::Binding(fault)) => Some(fault),
            Ok(_) | Err(_) => None,
        };
        let is_asked = fault.is_some_and(|fault| fault.reason() == Reason::NonceRequired);
        let has_proof = batch.context(place).dpop_proof.is_some();
        let always = served.profile.binding.nonce_required && (has_proof || fault.is_some());
        (is_asked || always).then(|| {
            let issue = || senders.rules.nonces.as_ref().map(|some| some.issue(self.now).into());
            self.nonce.get_or_init(issue).clone()
        })?
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
