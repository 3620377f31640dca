//! The only place where the messages of the contract meet our types.

use super::status::CallFault;
use crate::engine::{Batch, Decision, ProfileError, Snapshot};
use crate::pb;
use crate::policy::Caller;
use crate::verify::Reject;
use bytes::Bytes;
use prost::Message as _;
use std::sync::Arc;
use std::time::Duration;

/// The largest reply: what clients of every language accept by default.
pub(super) const REPLY_BYTES: usize = 4 * 1024 * 1024;

const AUDIENCES: usize = 32;
const SCOPES: usize = 64;

/// How much a verdict tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum View {
    Claims,
    Summary,
    Verdict,
}

/// Reads a request; `contexts` is how many there are.
pub(super) fn batch(
    tokens: Vec<Bytes>,
    contexts: usize,
    options: Option<pb::VerifyOptions>,
    most: usize,
    snapshot: &Snapshot,
    caller: &Caller,
) -> Result<(Batch, View), CallFault> {
    let count = tokens.len();
    if count == 0 {
        return Err(CallFault::BatchEmpty);
    }
    if count > most {
        return Err(CallFault::BatchTooLarge { count, limit: most });
    }
    if contexts != 0 && contexts != count {
        return Err(CallFault::ContextsMismatch { count: contexts, tokens: count });
    }
    let pb::VerifyOptions { profile, view, audiences, scopes } = options.unwrap_or_default();
    let view = match pb::View::try_from(view) {
        Ok(pb::View::Unspecified | pb::View::Verdict) => View::Verdict,
        Ok(pb::View::Summary) => View::Summary,
        Ok(pb::View::Claims) => View::Claims,
        Err(_) => return Err(CallFault::ViewUnknown { number: view }),
    };
    let profile = snapshot.find_profile(&profile, caller).map_err(|error| match error {
        ProfileError::NotNamed => CallFault::ProfileRequired,
        ProfileError::NotServed => CallFault::ProfileNotServed,
        ProfileError::Unknown => CallFault::ProfileUnknown,
    })?;
    let shared = |field, list: Vec<String>, limit| {
        let count = list.len();
        if count > limit {
            return Err(CallFault::FieldTooLong { field, count, limit });
        }
        Ok(list.into_iter().map(Arc::from).collect())
    };
    let audiences = shared("options.audiences", audiences, AUDIENCES)?;
    let scopes = shared("options.scopes", scopes, SCOPES)?;
    Ok((Batch { tokens, profile, audiences, scopes }, view))
}

/// Reads how long a message may take.
pub(super) fn timeout(timeout: prost_types::Duration) -> Result<Duration, CallFault> {
    Duration::try_from(timeout).map_err(|_| CallFault::TimeoutInvalid)
}

/// Writes verdicts.
pub(super) fn verdicts(
    decisions: &[Decision],
    view: View,
    snapshot: &Snapshot,
) -> Result<Vec<pb::Verdict>, CallFault> {
    let verdicts: Vec<_> =
        decisions.iter().map(|decision| verdict(decision, view, snapshot)).collect();
    // A verdict without claims takes far less than the second number.
    let payloads = |verdict: &pb::Verdict| verdict.claims_json.len();
    let rough = verdicts.iter().map(payloads).sum::<usize>() + verdicts.len() * 256;
    if view == View::Summary || rough > REPLY_BYTES {
        let count = verdicts.iter().map(|one| one.encoded_len() + 6).sum::<usize>() + 16;
        if count > REPLY_BYTES {
            return Err(CallFault::ReplyTooLarge { count, limit: REPLY_BYTES });
        }
    }
    Ok(verdicts)
}

fn verdict(decision: &Decision, view: View, snapshot: &Snapshot) -> pb::Verdict {
    let reason = decision.reason();
    let mut verdict = pb::Verdict {
        permit: decision.outcome.is_ok(),
        reason: i32::from(reason.number()),
        enforced: !matches!(&decision.outcome, Ok(permit) if permit.overlooked.is_some()),
        retryable: reason.is_retryable(),
        ..Default::default()
    };
    match &decision.outcome {
        Ok(permit) => {
            verdict.valid_until = permit.valid_until.map(|moment| moment.seconds());
            verdict.detail = permit.overlooked.as_ref().map(Reject::to_string).unwrap_or_default();
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
    match view {
        View::Verdict | View::Summary => {
            verdict.expires_at = claims.expires_at().map(|moment| moment.seconds());
            verdict.issued_at = claims.issued_at().map(|moment| moment.seconds());
            verdict.not_before = claims.not_before().map(|moment| moment.seconds());
        }
        // To callers who forget to look at `permit`, refused claims are none.
        View::Claims if verdict.permit => verdict.claims_json = entry.payload.clone(),
        View::Claims => {}
    }
    if view != View::Verdict {
        verdict.issuer = snapshot.issuer_name(entry.proven.proof().issuer());
    }
    if view == View::Summary {
        let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
        let texts = |list: &[Box<str>]| list.iter().map(|one| one.to_string()).collect();
        verdict.subject = text(claims.subject());
        verdict.audiences = claims.audiences().map(texts).unwrap_or_default();
        verdict.token_id = text(claims.token_id());
        verdict.scopes = texts(claims.scopes());
        verdict.key_id = text(entry.proven.key_id());
        verdict.algorithm = Bytes::from_static(entry.proven.algorithm().name().as_bytes());
    }
    verdict
}
