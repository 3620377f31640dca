//! The rules that all security events have in common.

use super::fault::EventFault;
use crate::jose::json::{self, Value};
use crate::jose::{Claims, TokenType, UnixTime};
use crate::keys::{IssuerIndex, Issuers};
use crate::verify::judge::check_keys;
use crate::verify::{Proven, Reject};
use std::time::Duration;

/// The longest security event in bytes, encoded.
pub const EVENT_BYTES: usize = 16 * 1024;

/// What the receiver expects of security events.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EventRules {
    /// The values of `aud` that mean this receiver: its client ids, or the audience of the stream.
    pub audiences: Box<[Box<str>]>,
    /// The greatest age since `iat`.
    pub max_age: Duration,
}

/// A proven security event, and what it is judged by.
#[derive(Clone, Copy, Debug)]
pub struct EventMatter<'m> {
    /// The event.
    pub proven: &'m Proven,
    /// The issuers as they are now.
    pub issuers: &'m Issuers,
    /// The issuer that may send it.
    pub issuer: IssuerIndex,
    /// What is expected of it.
    pub rules: &'m EventRules,
    /// The time.
    pub now: UnixTime,
}

/// What every security event says.
pub(super) struct Envelope<'m> {
    pub(super) issuer: &'m str,
    pub(super) token_id: &'m str,
    pub(super) issued_at: UnixTime,
    pub(super) payload: Value<'m>,
}

impl<'m> EventMatter<'m> {
    /// Checks, in this order: the issuer, the age of its keys, the times, `aud`, `typ` and `jti`.
    pub(super) fn check(
        &self,
        is_type: impl Fn(&TokenType) -> bool,
    ) -> Result<Envelope<'m>, EventFault> {
        let Self { proven, issuers, issuer: index, rules, now } = *self;
        if proven.proof().issuer() != index {
            return Err(Reject::IssuerNotInProfile.into());
        }
        let issuer = issuers.get(index).ok_or(Reject::Internal)?;
        check_keys(issuer, now)?;
        let claims = proven.claims();
        let issued_at = check_times(claims, issuer.clock_skew().span(), rules.max_age, now)?;
        let mut audiences = claims.audiences().ok_or(Reject::AudienceMissing)?;
        if !audiences.any(|name| rules.audiences.iter().any(|own| **own == *name)) {
            return Err(Reject::AudienceMismatch.into());
        }
        if !is_type(proven.token_type()) {
            return Err(Reject::TypeNotAllowed.into());
        }
        let token_id = claims.token_id().ok_or(EventFault::TokenIdMissing)?;
        // It was read before its signature was checked.
        let payload = json::parse(proven.payload(), &issuers.limits().json);
        let payload = payload.map_err(|_| Reject::Internal)?;
        let issuer = claims.issuer().ok_or(Reject::Internal)?;
        Ok(Envelope { issuer, token_id, issued_at, payload })
    }
}

impl Envelope<'_> {
    /// The members of `events`: at least one, and no more than are read.
    pub(super) fn events(&self) -> Result<&[(std::borrow::Cow<'_, str>, Value<'_>)], EventFault> {
        /// Several types may stand for one event (SSF 1.0, section 4.1.6), and for no more.
        const LIMIT: usize = 8;

        match self.payload.member("events").and_then(Value::as_object) {
            None | Some([]) => Err(EventFault::EventsMissing),
            Some(events) if events.len() > LIMIT => Err(EventFault::TooManyEvents { limit: LIMIT }),
            Some(events) => Ok(events),
        }
    }
}

/// The times. An event need not end, but it must not be old: `iat` is required, and what else is
/// there must hold. Gives `iat`.
fn check_times(
    claims: &Claims,
    leeway: Duration,
    max_age: Duration,
    now: UnixTime,
) -> Result<UnixTime, Reject> {
    if let Some(expires_at) = claims.expires_at()
        && now >= expires_at.plus(leeway)
    {
        return Err(Reject::Expired { ago: now.since(expires_at).unwrap_or_default() });
    }
    // How long until `moment` is not in the future any more, the leeway counted.
    let wait = |moment: UnixTime| moment.since(now.plus(leeway)).filter(|wait| !wait.is_zero());
    if let Some(wait) = claims.not_before().and_then(wait) {
        return Err(Reject::NotYetValid { wait });
    }
    let issued_at = claims.issued_at().ok_or(Reject::IssuedAtMissing)?;
    if let Some(wait) = wait(issued_at) {
        return Err(Reject::IssuedInFuture { wait });
    }
    let age = now.since(issued_at).unwrap_or_default();
    if age > max_age.saturating_add(leeway) {
        return Err(Reject::TooOld { age, limit: max_age });
    }
    Ok(issued_at)
}
