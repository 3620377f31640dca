//! Writes verdicts. The room for them is taken before they are made, they are measured while
//! they are made, and made in slices, between which others get their turn.

use super::fit::{self, Fit};
use super::status::CallFault;
use super::wire::{Telling, View};
use crate::dispatch::{Account, Permit, Resource};
use crate::engine::{Decision, Snapshot};
use crate::pb;
use bytes::Bytes;
use jwtd_core::verify::Reject;
use prost::Message as _;
use std::sync::Arc;

/// Verdicts that are being written.
#[derive(Debug)]
pub(super) struct Writing {
    decisions: Vec<Decision>,
    telling: Telling,
    snapshot: Arc<Snapshot>,
    verdicts: Vec<pb::Verdict>,
    /// What they take on the wire so far, at most.
    bytes: usize,
    room: Option<Permit>,
}

/// Why verdicts cannot be written.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// The call is at fault.
    Fault(CallFault),
    /// There is no room for them now.
    NoRoom,
}

impl From<CallFault> for Unwritten {
    fn from(fault: CallFault) -> Self {
        Self::Fault(fault)
    }
}

/// What a slice may take, in parts of about 0.2 microseconds.
const SLICE: usize = 1024;

/// Parts that it takes to look for a claim and copy it.
const CLAIM: usize = 8;

/// What a verdict takes on the wire beside the texts in it, at most.
const FIXED: usize = 128;

/// What an element of a list takes: its place, of which there may be twice as many, and the
/// least piece of memory.
const ELEMENT: usize = 64;

/// So much is a part of what each call costs.
const LITTLE: usize = 4096;

impl Writing {
    /// Takes the room for the verdicts.
    ///
    /// # Errors
    /// If they would be too large, or there is no room.
    pub(super) fn begin(
        decisions: Vec<Decision>,
        telling: Telling,
        snapshot: Arc<Snapshot>,
        account: &Arc<Account>,
    ) -> Result<Self, Unwritten> {
        let (mut least, mut most) = (0_usize, 0_usize);
        for decision in &decisions {
            let (wire, memory) = size(decision, &telling);
            least = least.saturating_add(wire);
            most = most.saturating_add(memory);
        }
        fit::check(least)?;
        let room = match most {
            ..=LITTLE => None,
            most => Some(account.take(Resource::Bytes, most).ok_or(Unwritten::NoRoom)?),
        };
        let verdicts = Vec::with_capacity(decisions.len());
        Ok(Self { decisions, telling, snapshot, verdicts, bytes: 0, room })
    }

    /// Writes a slice; false when nothing is left.
    ///
    /// # Errors
    /// If the verdicts are too large.
    pub(super) fn advance(&mut self) -> Result<bool, CallFault> {
        let Self { decisions, telling, snapshot, verdicts, bytes, .. } = self;
        let mut parts = 0;
        for decision in decisions.iter().skip(verdicts.len()) {
            if parts >= SLICE {
                return Ok(true);
            }
            parts += cost(decision, telling);
            let verdict = verdict(decision, telling, snapshot);
            *bytes += match telling.view {
                View::Summary => verdict.encoded_len() + FIXED,
                View::Claims | View::Verdict => {
                    verdict.claims_json.len() + verdict.detail.len() + verdict.issuer.len() + FIXED
                }
            };
            verdicts.push(verdict);
            if fit::check(*bytes).is_err() {
                // Measured well, for once.
                *bytes = verdicts.iter().map(|one| one.encoded_len() + 6).sum();
                fit::check(*bytes)?;
            }
        }
        Ok(false)
    }

    /// The verdicts, when all of them are written.
    ///
    /// # Errors
    /// If they are too large.
    pub(super) fn end(self) -> Result<Fit<Vec<pb::Verdict>>, CallFault> {
        Fit::made(self.verdicts, self.bytes, self.room)
    }
}

/// What is told of a decision: the least on the wire, and the most in memory, both as it is
/// made and as it is sent.
fn size(decision: &Decision, telling: &Telling) -> (usize, usize) {
    let fixed = size_of::<pb::Verdict>() + 2 * FIXED;
    let Some(entry) = &decision.proven else { return (0, fixed) };
    let payload = entry.payload.len();
    match (telling.view, &telling.projection) {
        (View::Verdict, _) => (0, fixed),
        (View::Claims, _) if decision.outcome.is_err() => (0, fixed),
        // What is sent is copied; before, it is the payload of the entry.
        (View::Claims, None) => (payload, payload + fixed),
        (View::Claims, Some(_)) => (0, 2 * payload + fixed),
        (View::Summary, _) => {
            let claims = entry.proven.claims();
            let elements = claims.scopes().count() + claims.audiences().map_or(0, Iterator::count);
            (0, 2 * payload + elements * ELEMENT + fixed)
        }
    }
}

/// The parts that it takes to write a verdict.
fn cost(decision: &Decision, telling: &Telling) -> usize {
    let Some(entry) = &decision.proven else { return 1 };
    match (telling.view, &telling.projection) {
        (View::Claims, Some(projection)) if decision.outcome.is_ok() => {
            // The payload may have to be read once more.
            projection.len() * CLAIM + entry.payload.len() / 16
        }
        (View::Summary, _) => entry.payload.len() / 4,
        (View::Claims | View::Verdict, _) => 1,
    }
}

/// Writes a verdict.
fn verdict(decision: &Decision, telling: &Telling, snapshot: &Snapshot) -> pb::Verdict {
    let reason = decision.reason();
    let mut verdict = pb::Verdict {
        permit: decision.outcome.is_ok(),
        reason: i32::from(reason.number()),
        enforced: !matches!(&decision.outcome, Ok(permit) if permit.not_enforced.is_some()),
        retryable: reason.is_retryable(),
        revocation_age: decision.revocation_age(),
        ..Default::default()
    };
    match &decision.outcome {
        Ok(permit) => {
            verdict.valid_until = permit.valid_until.map(|moment| moment.seconds());
            verdict.detail =
                permit.not_enforced.as_ref().map(Reject::to_string).unwrap_or_default();
        }
        Err(reject) => {
            verdict.detail = reject.to_string();
            let wait = Reject::retry_after(reject);
            verdict.retry_after = wait.and_then(|wait| wait.try_into().ok());
        }
    }
    let Some(entry) = &decision.proven else {
        return verdict;
    };
    let claims = entry.proven.claims();
    let Telling { view, projection } = telling;
    match view {
        View::Verdict | View::Summary => {
            verdict.expires_at = claims.expires_at().map(|moment| moment.seconds());
            verdict.issued_at = claims.issued_at().map(|moment| moment.seconds());
            verdict.not_before = claims.not_before().map(|moment| moment.seconds());
        }
        // To callers who forget to look at `permit`, refused claims are none.
        View::Claims if verdict.permit => match projection {
            None => verdict.claims_json = entry.payload.clone(),
            Some(projection) => {
                let values = entry.values(snapshot.issuers().limits());
                let told = values.map(|values| projection.apply(&values));
                verdict.claims_json = told.unwrap_or_default().into();
            }
        },
        View::Claims => {}
    }
    if *view != View::Verdict {
        verdict.issuer = snapshot.configuration().issuer_name(entry.proven.proof().issuer());
    }
    if *view == View::Summary {
        let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
        let told = |claim: &str| projection.as_ref().is_none_or(|some| some.returns(claim));
        verdict.subject = text(claims.subject().filter(|_| told("sub")));
        let audiences = claims.audiences().filter(|_| told("aud"));
        verdict.audiences = audiences.into_iter().flatten().map(str::to_owned).collect();
        verdict.token_id = text(claims.token_id().filter(|_| told("jti")));
        // They are told as one: both claims, where both are there.
        if ["scope", "scp"].iter().all(|name| !claims.has(name) || told(name)) {
            verdict.scopes = claims.scopes().map(str::to_owned).collect();
        }
        verdict.key_id = text(entry.proven.key_id());
        verdict.algorithm = Bytes::from_static(entry.proven.algorithm().as_bytes());
    }
    verdict
}

#[cfg(test)]
mod tests;
