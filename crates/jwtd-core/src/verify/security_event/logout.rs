//! The logout token of OpenID Connect Back-Channel Logout 1.0.

use super::fault::EventFault;
use super::rules::EventMatter;
use crate::jose::{TokenType, UnixTime};

/// The member of `events` that makes it a logout token (section 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A logout token that was judged and found good.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogoutToken {
    /// `iss`
    pub issuer: Box<str>,
    /// `jti`
    pub token_id: Box<str>,
    /// `sid`: the session that has ended.
    pub session: Option<Box<str>>,
    /// `sub`: whose session it is, or who has left all sessions.
    pub subject: Option<Box<str>>,
    /// `iat`
    pub issued_at: UnixTime,
}

/// Judges a proven logout token (section 2.6).
///
/// `typ` may be `logout+jwt`, `JWT` or absent: the specification asks for the first and demands
/// nothing, because most issuers of before 2022 send one of the others. `exp` is not demanded,
/// because its final text of 2022 did not.
///
/// # Errors
/// The first rule that does not hold.
pub fn judge_logout(matter: &EventMatter<'_>) -> Result<LogoutToken, EventFault> {
    let envelope = matter.check(|token_type| match token_type {
        TokenType::Absent | TokenType::Jwt => true,
        TokenType::Other(name) => **name == *"logout+jwt",
        TokenType::AccessToken => false,
    })?;
    let event = envelope.events()?.iter().find(|(name, _)| name == EVENT);
    let (_, event) = event.ok_or(EventFault::NotALogout)?;
    if event.as_object().is_none() {
        let (name, expected) = ("events", "an object whose values are objects");
        return Err(EventFault::Member { name, expected });
    }
    // Whatever its value: null, too, is one that an ID token could have.
    if envelope.payload.member("nonce").is_some() {
        return Err(EventFault::NoncePresent);
    }
    let claims = matter.proven.claims();
    let unreadable = EventFault::Member { name: "sid", expected: "a string" };
    let session = claims.session_id().map_err(|_| unreadable)?;
    let subject = claims.subject();
    if session.is_none() && subject.is_none() {
        return Err(EventFault::SubjectMissing);
    }
    Ok(LogoutToken {
        issuer: envelope.issuer.into(),
        token_id: envelope.token_id.into(),
        session: session.map(Box::from),
        subject: subject.map(Box::from),
        issued_at: envelope.issued_at,
    })
}
