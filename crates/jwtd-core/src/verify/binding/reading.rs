//! The proof of a token that is being judged.

use super::check::check_without_proof;
use super::proof::{Demands, UnprovenProof};
use super::rules::ProofRules;
use crate::verify::judge::{Condition, Matter};
use crate::verify::reject::Reject;

/// Reads the proof that came with a token, if one is needed: makes all checks of RFC 9449, section
/// 4.3, but for the signature.
///
/// Returns `None` if no proof is needed.
#[must_use]
pub fn read_proof(
    matter: &Matter<'_>,
    token: &[u8],
    rules: &ProofRules,
) -> Option<Result<Box<UnprovenProof>, Reject>> {
    let text = matter.context.dpop_proof.as_deref()?;
    let binding = matter.profile.binding;
    let key = match check_without_proof(matter.proven.claims(), binding, matter.context) {
        Ok(bound) => bound?.key?,
        Err(fault) => return Some(Err(fault.into())),
    };
    let demands = Demands { key, token, nonce: binding.nonce_required, rules, now: matter.now };
    Some(demands.read(text, matter.context).map(Box::new).map_err(Reject::from))
}

/// As [`read_proof`], after all else that must hold of the token: one that is refused anyway costs
/// no signature.
#[must_use]
pub fn read_proof_last(
    matter: &Matter<'_>,
    token: &[u8],
    rules: &ProofRules,
) -> Option<Result<Box<UnprovenProof>, Reject>> {
    matter.context.dpop_proof.as_deref()?;
    let others = Condition::ALL.into_iter().filter(|condition| *condition != Condition::Binding);
    let judged = others.map(|condition| condition.check(matter)).find_map(Result::err);
    judged.map_or_else(|| read_proof(matter, token, rules), |reject| Some(Err(reject)))
}
