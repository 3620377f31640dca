//! The only place where the messages of the contract meet our types.

use super::status::CallFault;
use crate::engine::{self, Batch, Check, Decision, ProfileError, Question, Snapshot, State};
use crate::jose::UnixTime;
use crate::pb;
use crate::policy::{Attributes, Caller, ClaimPath, Projection, Returned};
use crate::verify::Reject;
use bytes::Bytes;
use prost::Message as _;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The largest reply: what clients of every language accept by default.
pub(super) const REPLY_BYTES: usize = 4 * 1024 * 1024;

const AUDIENCES: usize = 32;
const SCOPES: usize = 64;
const CLAIMS: usize = 64;
const ATTRIBUTES: usize = 32;
const ATTRIBUTE_BYTES: usize = 16 * 1024;

/// What a verdict tells.
#[derive(Debug)]
pub(super) struct Telling {
    view: View,
    /// The claims that may be told, if not all.
    projection: Option<Projection>,
}

/// How much a verdict tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum View {
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
) -> Result<(Batch, Telling), CallFault> {
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
    let pb::VerifyOptions { profile, view, audiences, scopes, attributes, claims } =
        options.unwrap_or_default();
    let view = match pb::View::try_from(view) {
        Ok(pb::View::Unspecified | pb::View::Verdict) => View::Verdict,
        Ok(pb::View::Summary) => View::Summary,
        Ok(pb::View::Claims) => View::Claims,
        Err(_) => return Err(CallFault::ViewUnknown { number: view }),
    };
    let profile = self::profile(&profile, snapshot, caller)?;
    let shared = |field, list: Vec<String>, limit| {
        let count = list.len();
        if count > limit {
            return Err(CallFault::FieldTooLong { field, count, limit });
        }
        Ok(list.into_iter().map(Arc::from).collect())
    };
    let audiences = shared("options.audiences", audiences, AUDIENCES)?;
    let scopes = shared("options.scopes", scopes, SCOPES)?;
    let attributes = shared_attributes(attributes)?;
    let caller = caller.clone();
    let own = snapshot.policy(profile).and_then(|policy| policy.projection.as_ref());
    let telling = Telling { view, projection: projection(own, &claims)? };
    Ok((Batch { tokens, profile, audiences, scopes, caller, attributes }, telling))
}

/// The place of the profile that is named.
pub(super) fn profile(
    name: &str,
    snapshot: &Snapshot,
    caller: &Caller,
) -> Result<usize, CallFault> {
    snapshot.find_profile(name, caller).map_err(|error| match error {
        ProfileError::NotNamed => CallFault::ProfileRequired,
        ProfileError::NotServed => CallFault::ProfileNotServed,
        ProfileError::Unknown => CallFault::ProfileUnknown,
    })
}

/// The claims that may be told: those of the profile, narrowed to those that are asked for.
fn projection(own: Option<&Projection>, asked: &[String]) -> Result<Option<Projection>, CallFault> {
    let (count, field) = (asked.len(), "options.claims");
    if count > CLAIMS {
        return Err(CallFault::FieldTooLong { field, count, limit: CLAIMS });
    }
    if asked.is_empty() {
        return Ok(own.cloned());
    }
    let found = match own {
        Some(own) => own.narrowed(asked),
        None => {
            let claims =
                asked.iter().map(|text| Some(Returned::new(ClaimPath::parse(text).ok()?, None)));
            claims.collect::<Option<Vec<_>>>().and_then(|claims| Projection::new(claims).ok())
        }
    };
    found.map(Some).ok_or(CallFault::ClaimsUnknown)
}

/// Reads what the caller says of the request that the tokens came with.
fn shared_attributes(attributes: HashMap<String, String>) -> Result<Attributes, CallFault> {
    let bytes: usize = attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
    let field = "options.attributes";
    for (count, limit) in [(attributes.len(), ATTRIBUTES), (bytes, ATTRIBUTE_BYTES)] {
        if count > limit {
            return Err(CallFault::FieldTooLong { field, count, limit });
        }
    }
    Ok(attributes.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}

/// Reads how long a message may take.
pub(super) fn timeout(timeout: prost_types::Duration) -> Result<Duration, CallFault> {
    Duration::try_from(timeout).map_err(|_| CallFault::TimeoutInvalid)
}

/// Writes verdicts.
pub(super) fn verdicts(
    decisions: &[Decision],
    telling: &Telling,
    snapshot: &Snapshot,
) -> Result<Vec<pb::Verdict>, CallFault> {
    let mut verdicts = Vec::with_capacity(decisions.len());
    let mut told: usize = 0;
    for decision in decisions {
        let verdict = verdict(decision, telling, snapshot);
        told = told.saturating_add(verdict.claims_json.len());
        // What is chosen of the claims is new memory: no more of it than can be sent.
        if told > REPLY_BYTES {
            return Err(CallFault::ReplyTooLarge { count: told, limit: REPLY_BYTES });
        }
        verdicts.push(verdict);
    }
    // A verdict without claims takes far less than the second number.
    let payloads = |verdict: &pb::Verdict| verdict.claims_json.len();
    let rough = verdicts.iter().map(payloads).sum::<usize>() + verdicts.len() * 256;
    if telling.view == View::Summary || rough > REPLY_BYTES {
        let count = verdicts.iter().map(|one| one.encoded_len() + 6).sum::<usize>() + 16;
        if count > REPLY_BYTES {
            return Err(CallFault::ReplyTooLarge { count, limit: REPLY_BYTES });
        }
    }
    Ok(verdicts)
}

/// Tells each check of one token; `batch` is what was asked of it.
pub(super) fn checks(snapshot: &Snapshot, batch: &Batch, now: UnixTime) -> Vec<pb::Check> {
    let found = snapshot.profiles().get(batch.profile).zip(snapshot.policy(batch.profile));
    let (Some((profile, policy)), Some(token)) = (found, batch.tokens.first()) else {
        return Vec::new();
    };
    let Batch { audiences, scopes, caller, attributes, .. } = batch;
    let issuers = snapshot.issuers();
    let question = Question { issuers, profile, policy, audiences, scopes, caller, attributes };
    engine::explain(token, &question, now).into_iter().map(check).collect()
}

fn check(check: Check) -> pb::Check {
    let (state, reject) = match &check.state {
        State::Passed => (pb::CheckState::Passed, None),
        State::Failed(reject) => (pb::CheckState::Failed, Some(reject)),
        State::Overlooked(reject) => (pb::CheckState::Overlooked, Some(reject)),
        State::NotReached | State::NotChecked => (pb::CheckState::NotReached, None),
    };
    let reason = reject.map(Reject::reason);
    pb::Check {
        name: check.name.to_owned(),
        state: state.into(),
        reason: reason.map_or(0, |reason| reason.number().into()),
        detail: reject.map(ToString::to_string).unwrap_or_default(),
        expected: check.expected,
        actual: check.actual,
        mend: reason.map(|reason| reason.mend().to_owned()).unwrap_or_default(),
    }
}

fn verdict(decision: &Decision, telling: &Telling, snapshot: &Snapshot) -> pb::Verdict {
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
        verdict.issuer = snapshot.issuer_name(entry.proven.proof().issuer());
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
        verdict.algorithm = Bytes::from_static(entry.proven.algorithm().name().as_bytes());
    }
    verdict
}
