//! The security event token (RFC 8417) of the Shared Signals Framework 1.0.

use super::event_type::{EventType, StreamStatus};
use super::fault::EventFault;
use super::rules::EventMatter;
use super::subject::EventSubject;
use crate::jose::json::Value;
use crate::jose::{TokenType, UnixTime};

/// A security event token that was judged and found good.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecurityEventToken {
    /// `iss`: the transmitter.
    pub issuer: Box<str>,
    /// `jti`
    pub token_id: Box<str>,
    /// `iat`
    pub issued_at: UnixTime,
    /// What it reports.
    pub events: Vec<SecurityEvent>,
}

/// One event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecurityEvent {
    /// Its type.
    pub event_type: EventType,
    /// When it happened: never after the `iat` of the token that reports it.
    pub happened_at: UnixTime,
    /// Whom it concerns, if it says so.
    pub subject: Option<EventSubject>,
    /// `state` of a verification: what the receiver asked for it with.
    pub state: Option<Box<str>>,
    /// `status` of a stream that was updated.
    pub status: Option<StreamStatus>,
}

/// Judges a proven security event token (SSF 1.0, section 4.1; RFC 8417, section 2.2).
///
/// # Errors
/// The first rule that does not hold.
pub fn judge_set(matter: &EventMatter<'_>) -> Result<SecurityEventToken, EventFault> {
    let envelope = matter.check(|token_type| match token_type {
        TokenType::Other(name) => **name == *"secevent+jwt",
        TokenType::Absent | TokenType::AccessToken | TokenType::Jwt => false,
    })?;
    // SSF 1.0, section 4.1.2: so that none passes for an ID token or an access token.
    if envelope.payload.member("sub").is_some() {
        return Err(EventFault::SubjectClaim);
    }
    let shared = envelope.payload.member("sub_id").map(EventSubject::read).transpose()?;
    let happened_at = match envelope.payload.member("toe") {
        Some(value) => time("toe", value)?,
        None => envelope.issued_at,
    };
    let read = envelope.events()?.iter().map(|(uri, event)| {
        let event = read(uri, event, shared.as_ref(), happened_at)?;
        // A time that lies ahead would refuse tokens for as long as nobody notices.
        Ok(SecurityEvent { happened_at: event.happened_at.min(envelope.issued_at), ..event })
    });
    Ok(SecurityEventToken {
        events: read.collect::<Result<_, EventFault>>()?,
        issuer: envelope.issuer.into(),
        token_id: envelope.token_id.into(),
        issued_at: envelope.issued_at,
    })
}

fn read(
    uri: &str,
    event: &Value<'_>,
    shared: Option<&EventSubject>,
    happened_at: UnixTime,
) -> Result<SecurityEvent, EventFault> {
    if event.as_object().is_none() {
        let (name, expected) = ("events", "an object whose values are objects");
        return Err(EventFault::Member { name, expected });
    }
    let event_type = EventType::from_uri(uri);
    // Before SSF 1.0, the subject stood in the event.
    let own = event.member("subject").map(EventSubject::read).transpose()?;
    let subject = match (shared, own) {
        (Some(shared), Some(own)) if *shared != own => return Err(EventFault::SubjectsDiffer),
        (Some(shared), _) => Some(shared.clone()),
        (None, own) => own,
    };
    let happened_at = match event.member("event_timestamp") {
        Some(value) => time("event_timestamp", value)?,
        None => happened_at,
    };
    let (mut state, mut status) = (None, None);
    match event_type {
        EventType::Verification => {
            let text = |value: &Value<'_>| value.as_str().map(Box::from);
            let fault = EventFault::Member { name: "state", expected: "a string" };
            let written = event.member("state");
            state = written.map(|value| text(value).ok_or(fault)).transpose()?;
        }
        EventType::StreamUpdated => {
            let (name, expected) = ("status", "enabled, paused or disabled");
            let read = event.member("status").and_then(Value::as_str).and_then(stream_status);
            status = Some(read.ok_or(EventFault::Member { name, expected })?);
        }
        EventType::SessionRevoked
        | EventType::TokenClaimsChange
        | EventType::CredentialChange
        | EventType::AccountDisabled
        | EventType::AccountPurged
        | EventType::SessionsRevoked
        | EventType::CredentialChangeRequired
        | EventType::CredentialCompromise
        | EventType::Other => {}
    }
    Ok(SecurityEvent { event_type, happened_at, subject, state, status })
}

fn stream_status(name: &str) -> Option<StreamStatus> {
    match name {
        "enabled" => Some(StreamStatus::Enabled),
        "paused" => Some(StreamStatus::Paused),
        "disabled" => Some(StreamStatus::Disabled),
        _ => None,
    }
}

/// A NumericDate (RFC 7519, section 2), rounded up: a token of the same second is meant.
fn time(name: &'static str, value: &Value<'_>) -> Result<UnixTime, EventFault> {
    let seconds = value.as_number().and_then(|number| number.whole());
    let seconds =
        seconds.and_then(|(whole, more)| i64::try_from(whole.saturating_add(u64::from(more))).ok());
    let expected = "a number of seconds since 1970";
    seconds.map(UnixTime::from_seconds).ok_or(EventFault::Member { name, expected })
}
