//! The only module that converts requests of the contract to internal types;
//! [`verdicts`](super::verdicts) writes the responses.

use super::status::CallFault;
use crate::engine::{
    self, Batch, Check, CheckState, Moment, ProfileError, ProfileIndex, Question, Senders,
    ServedProfile, Snapshot,
};
use crate::pb;
use bytes::Bytes;
use jwtd_core::policy::{self, Attributes, Caller, ClaimPath, Projection, Returned};
use jwtd_core::verify::{AuthorizationScheme, Reject, RevocationSet, TokenContext};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

const AUDIENCES: usize = 32;
const SCOPES: usize = 64;
const CLAIMS: usize = 64;
const ATTRIBUTES: usize = 32;
const ATTRIBUTE_BYTES: usize = 16 * 1024;
/// The most bytes of all option texts together.
const OPTION_BYTES: usize = 32 * 1024;

/// The requested content of a verdict.
#[derive(Debug)]
pub(super) struct Telling {
    pub(super) view: View,
    /// The claims that may be returned; `None` means all.
    pub(super) projection: Option<Projection>,
}

/// The level of detail of a verdict.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum View {
    Claims,
    Summary,
    Verdict,
}

/// Reads a request.
pub(super) fn batch(
    tokens: Vec<Bytes>,
    contexts: Vec<pb::TokenContext>,
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
    if !contexts.is_empty() && contexts.len() != count {
        return Err(CallFault::ContextsMismatch { count: contexts.len(), tokens: count });
    }
    let contexts = (0..).zip(contexts).map(|(place, one)| context(place, one));
    let contexts = contexts.collect::<Result<_, _>>()?;
    let options = options.unwrap_or_default();
    check_length(&options)?;
    let pb::VerifyOptions { profile, view, audiences, scopes, attributes, claims } = options;
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
    let attributes = shared_attributes(&attributes)?;
    let caller = caller.clone();
    let served = snapshot.configuration().profile(profile);
    let own = served.and_then(|served| served.policy.projection.as_ref());
    let telling = Telling { view, projection: projection(own, &claims)? };
    let is_rehearsal = false;
    let batch =
        Batch { tokens, contexts, profile, audiences, scopes, caller, attributes, is_rehearsal };
    Ok((batch, telling))
}

/// Reads the context of the token at this index.
fn context(place: usize, context: pb::TokenContext) -> Result<TokenContext, CallFault> {
    let text = |text: String| Some(text.into_boxed_str()).filter(|text| !text.is_empty());
    let (certificate, id) = (&context.client_certificate_sha256, &context.presentation_id);
    Ok(TokenContext {
        client_certificate: fixed(place, "client_certificate_sha256", certificate)?,
        presentation_id: fixed(place, "presentation_id", id)?,
        dpop_proof: text(context.dpop_proof),
        method: text(context.method),
        url: text(context.url),
        scheme: AuthorizationScheme::Unknown,
    })
}

/// Reads a field of a fixed length, or an empty one.
fn fixed<const N: usize>(
    place: usize,
    field: &'static str,
    bytes: &[u8],
) -> Result<Option<[u8; N]>, CallFault> {
    let (count, expected) = (bytes.len(), N);
    match bytes.try_into() {
        Ok(bytes) => Ok(Some(bytes)),
        Err(_) if bytes.is_empty() => Ok(None),
        Err(_) => Err(CallFault::ContextLength { place, field, count, expected }),
    }
}

/// Limits the total size of a request's options, because they are copied and kept as long as the
/// batch.
fn check_length(options: &pb::VerifyOptions) -> Result<(), CallFault> {
    let pb::VerifyOptions { profile, view: _, audiences, scopes, attributes, claims } = options;
    let lists = [audiences, scopes, claims].into_iter().flatten();
    let pairs = attributes.iter().flat_map(|(name, value)| [name, value]);
    let texts = std::iter::once(profile).chain(lists).chain(pairs);
    let count = texts.map(String::len).fold(0, usize::saturating_add);
    if count > OPTION_BYTES {
        return Err(CallFault::OptionsTooLarge { count, limit: OPTION_BYTES });
    }
    Ok(())
}

/// The index of the named profile.
pub(super) fn profile(
    name: &str,
    snapshot: &Snapshot,
    caller: &Caller,
) -> Result<ProfileIndex, CallFault> {
    snapshot.configuration().find_profile(name, caller).map_err(|error| match error {
        ProfileError::NotNamed => CallFault::ProfileRequired,
        ProfileError::NotServed => CallFault::ProfileNotServed,
        ProfileError::Unknown => CallFault::ProfileUnknown,
    })
}

/// The claims to return: those of the profile, narrowed to the requested ones.
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

/// Reads the attributes of the request that the tokens came with.
fn shared_attributes(attributes: &HashMap<String, String>) -> Result<Attributes, CallFault> {
    let bytes: usize = attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
    let field = "options.attributes";
    for (count, limit) in [(attributes.len(), ATTRIBUTES), (bytes, ATTRIBUTE_BYTES)] {
        if count > limit {
            return Err(CallFault::FieldTooLong { field, count, limit });
        }
    }
    let given = attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Ok(policy::attributes(given))
}

/// Reads the timeout of a message.
pub(super) fn timeout(timeout: prost_types::Duration) -> Result<Duration, CallFault> {
    Duration::try_from(timeout).map_err(|_| CallFault::TimeoutInvalid)
}

/// Reports each check of one token; `batch` holds the request's options.
pub(super) fn checks(
    snapshot: &Snapshot,
    revocations: &RevocationSet,
    senders: &Senders,
    batch: &Batch,
    now: Moment,
) -> Vec<pb::Check> {
    let found = snapshot.configuration().profile(batch.profile);
    let (Some(served), Some(token)) = (found, batch.tokens.first()) else {
        return Vec::new();
    };
    let ServedProfile { profile, policy } = &**served;
    let Batch { audiences, scopes, caller, attributes, .. } = batch;
    let (issuers, context) = (snapshot.issuers(), batch.context(0));
    let question = Question {
        issuers,
        profile,
        policy,
        audiences,
        scopes,
        context,
        revocations: Some(revocations),
        pulses: Some((snapshot.configuration().pulses(), now)),
        senders: Some(senders),
        caller,
        attributes,
    };
    engine::explain(token, &question, now.wall).into_iter().map(check).collect()
}

fn check(check: Check) -> pb::Check {
    let (state, reject) = match &check.state {
        CheckState::Passed => (pb::CheckState::Passed, None),
        CheckState::Failed(reject) => (pb::CheckState::Failed, Some(reject)),
        CheckState::NotEnforced(reject) => (pb::CheckState::NotEnforced, Some(reject)),
        CheckState::NotReached | CheckState::NotChecked => (pb::CheckState::NotReached, None),
    };
    let reason = reject.map(Reject::reason);
    pb::Check {
        name: check.name.to_owned(),
        state: state.into(),
        reason: reason.map_or(0, |reason| reason.number().into()),
        detail: reject.map(ToString::to_string).unwrap_or_default(),
        expected: check.expected,
        actual: check.actual,
        remediation: reason.map(|reason| reason.remediation().to_owned()).unwrap_or_default(),
    }
}
