//! Writes verdicts. Acquires a permit for their memory first, measures them while they are built, and
//! builds them in slices that yield to other tasks.

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

/// Verdicts being written.
#[derive(Debug)]
pub(super) struct Writing {
    decisions: Vec<Decision>,
    telling: Telling,
    snapshot: Arc<Snapshot>,
    verdicts: Vec<pb::Verdict>,
    /// The upper bound of their encoded size until now, in bytes.
    bytes: usize,
    room: Option<Permit>,
}

/// The reason why verdicts cannot be written.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// The call is at fault.
    Fault(CallFault),
    /// The memory limit is reached.
    NoRoom,
}

impl From<CallFault> for Unwritten {
    fn from(fault: CallFault) -> Self {
        Self::Fault(fault)
    }
}

/// The cost limit of a slice, in units of about 0.2 microseconds.
const SLICE: usize = 1024;

/// The cost of finding a claim and copying it, in the same units.
const CLAIM: usize = 8;

/// The most bytes of a verdict on the wire, without its texts.
const FIXED: usize = 128;

/// The memory of a list element, in bytes: its slot, of which the list may hold twice as many, and
/// the smallest allocation.
const ELEMENT: usize = 64;

/// The bytes that are covered by the cost of each call.
const LITTLE: usize = 4096;

impl Writing {
    /// Acquires the permit for the verdicts.
    ///
    /// # Errors
    /// If they would be too large, or the memory limit is reached.
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

    /// Writes a slice; returns false when nothing is left.
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
                    let texts = [verdict.detail.len(), verdict.dpop_nonce.len()];
                    let lists = [verdict.claims_json.len(), verdict.issuer.len()];
                    texts.into_iter().chain(lists).sum::<usize>() + FIXED
                }
            };
            verdicts.push(verdict);
            if fit::check(*bytes).is_err() {
                // The estimate exceeds the limit, so measure exactly.
                *bytes = verdicts.iter().map(|one| one.encoded_len() + 6).sum();
                fit::check(*bytes)?;
            }
        }
        Ok(false)
    }

    /// The verdicts, once all are written.
    ///
    /// # Errors
    /// If they are too large.
    pub(super) fn end(self) -> Result<Fit<Vec<pb::Verdict>>, CallFault> {
        Fit::made(self.verdicts, self.bytes, self.room)
    }
}

/// The size of a decision's verdict: the least on the wire, and the most in memory, both while
/// built and while sent.
fn size(decision: &Decision, telling: &Telling) -> (usize, usize) {
    let fixed = size_of::<pb::Verdict>() + 2 * FIXED;
    let Some(entry) = &decision.proven else { return (0, fixed) };
    let payload = entry.payload.len();
    match (telling.view, &telling.projection) {
        (View::Verdict, _) => (0, fixed),
        (View::Claims, _) if decision.outcome.is_err() => (0, fixed),
        // The payload of the entry is shared until it is sent; sending copies it.
        (View::Claims, None) => (payload, payload + fixed),
        (View::Claims, Some(_)) => (0, 2 * payload + fixed),
        (View::Summary, _) => {
            let claims = entry.proven.claims();
            let elements = claims.scopes().count() + claims.audiences().map_or(0, Iterator::count);
            (0, 2 * payload + elements * ELEMENT + fixed)
        }
    }
}

/// The cost of writing a verdict, in the units of [`SLICE`].
fn cost(decision: &Decision, telling: &Telling) -> usize {
    let Some(entry) = &decision.proven else { return 1 };
    match (telling.view, &telling.projection) {
        (View::Claims, Some(projection)) if decision.outcome.is_ok() => {
            // The payload may have to be parsed again.
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
        dpop_nonce: decision.dpop_nonce.as_deref().unwrap_or_default().to_owned(),
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
        // Callers that forget to check `permit` must not see claims of a refused token.
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
        // The two claims are returned as one: if both exist, both must be returned.
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
