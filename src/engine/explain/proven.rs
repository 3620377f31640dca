//! The checks of a proven token: all are made, so that every fault is seen at once.

use super::{ACCESS, AGE, CheckState, Checks, Question, REPLAY, SCOPES, words};
use crate::engine::senders::Senders;
use jwtd_core::jose::{UnixTime, json};
use jwtd_core::policy::{Budget, PolicyInput, check_scopes};
use jwtd_core::verify::{
    Condition, Matter, ProofRules, Proven, ProvenProof, Reject, TokenValues, WhenStale, read_proof,
};

/// The checks of a proven token.
pub(super) fn judge(
    checks: &mut Checks,
    proven: &Proven,
    token: &[u8],
    question: &Question<'_>,
    now: UnixTime,
) {
    let Question { issuers, profile, audiences, context, .. } = *question;
    let set = question.revocations.filter(|set| !set.is_empty());
    let revoked = set.and_then(|set| {
        let values = TokenValues::of(set.key(), proven)?;
        set.find(&values, proven.claims().issued_at())
    });
    let matter = Matter { proven, issuers, profile, audiences, context, proof: None, revoked, now };
    let proof = prove_sender(&matter, token, question.senders);
    let matter = Matter { proof: proof.as_ref().map(Result::as_ref), ..matter };
    for condition in Condition::ALL {
        let (expected, actual) = words::condition(condition, &matter);
        if condition == Condition::NotRevoked && question.revocations.is_none() {
            checks.add_state(condition.name(), CheckState::NotChecked, expected, words::NOT_KNOWN);
            continue;
        }
        checks.add(condition.name(), condition.check(&matter), expected, actual);
    }
    let scopes = check_scopes(proven, question.scopes);
    checks.add(SCOPES, scopes, words::all_of(question.scopes), words::scopes(proven));
    let values = json::parse(proven.payload(), &issuers.limits().json).ok();
    let input = PolicyInput {
        proven,
        claims: values.as_ref(),
        caller: question.caller,
        attributes: question.attributes,
        now,
        budget: &Budget::default(),
    };
    let state = match question.policy.decide(&input) {
        Ok(None) => CheckState::Passed,
        Ok(Some(reject)) => CheckState::NotEnforced(reject),
        Err(reject) => CheckState::Failed(reject),
    };
    let actual = match &state {
        CheckState::Failed(reject) | CheckState::NotEnforced(reject) => reject.to_string(),
        CheckState::Passed | CheckState::NotReached | CheckState::NotChecked => {
            "all of it holds".to_owned()
        }
    };
    checks.add_state(ACCESS, state, words::policy(question.policy), actual);
    if question.revocations.is_none() {
        checks.add_state(AGE, CheckState::NotChecked, words::max_age(profile), words::NOT_KNOWN);
    } else {
        let known = question.pulses.and_then(|(all, now)| all.age(proven.proof().issuer(), now));
        let refused = known.filter(|known| known.stale && profile.when_stale == WhenStale::Refuse);
        let outcome = refused.map_or(Ok(()), |known| {
            Err(Reject::RevocationStale { age: known.heard.then_some(known.age) })
        });
        checks.add(AGE, outcome, words::max_age(profile), words::age(known));
    }
    let (expected, actual) = words::presentation(&matter);
    let is_needed = profile.one_time || proof.is_some();
    let state = match question.senders {
        None if is_needed => CheckState::NotChecked,
        None => CheckState::Passed,
        Some(senders) => match look(&matter, senders, question, now) {
            Ok(()) => CheckState::Passed,
            Err(reject) => CheckState::Failed(reject),
        },
    };
    checks.add_state(REPLAY, state, expected, actual);
}

/// Looks whether the proof or the one-time token was presented before.
fn look(
    matter: &Matter<'_>,
    senders: &Senders,
    question: &Question<'_>,
    now: UnixTime,
) -> Result<(), Reject> {
    if let Some(Ok(proof)) = matter.proof {
        senders.look(&senders.presentation(proof, question.caller, matter.context), now)?;
    }
    if matter.profile.one_time && matter.proven.claims().token_id().is_some() {
        senders.look(&senders.token_presentation(matter, question.caller)?, now)?;
    }
    Ok(())
}

/// The proof that came with the token, checked, if one is needed.
fn prove_sender(
    matter: &Matter<'_>,
    token: &[u8],
    senders: Option<&Senders>,
) -> Option<Result<ProvenProof, Reject>> {
    let default = ProofRules::default();
    let rules = senders.map_or(&default, |senders| &senders.rules);
    Some(read_proof(matter, token, rules)?.and_then(|proof| proof.prove()))
}
