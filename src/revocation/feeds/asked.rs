//! The requests in valid events: revocations, and the status of their stream.

use super::event_fault::ReceiveFault;
use super::subjects::wishes;
use crate::config::{LogoutFeed, SsfFeed};
use crate::revocation::Wish;
use crate::telemetry::EventOutcome;
use jwtd_core::keys::Issuers;
use jwtd_core::verify::RevocationKind;
use jwtd_core::verify::security_event::{EventType, LogoutToken, SecurityEventToken, StreamStatus};

/// The requests in one valid event.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) wishes: Vec<Wish>,
    pub(super) outcomes: Vec<EventOutcome>,
    pub(super) verified: bool,
    pub(super) status: Option<StreamStatus>,
}

/// Returns the revocation that a logout token requests.
pub(super) fn by_logout(feed: &LogoutFeed, token: &LogoutToken) -> Asked {
    let wish = Wish {
        issuer: token.issuer.to_string(),
        comment: "back-channel logout".to_owned(),
        ..Wish::default()
    };
    let wide = feed.session_as == RevocationKind::Subject;
    let wish = match (&token.session, &token.subject) {
        (Some(session), subject) if !wide || subject.is_none() => {
            Wish { session_id: session.to_string(), ended: true, ..wish }
        }
        (_, Some(subject)) => Wish {
            subject: subject.to_string(),
            issued_before: Some(token.issued_at.seconds()),
            ..wish
        },
        (_, None) => return Asked::default(),
    };
    Asked { wishes: vec![wish], outcomes: vec![EventOutcome::Recorded], ..Asked::default() }
}

/// Returns the requests in a security event token.
///
/// # Errors
/// If a verification has another `state` than was agreed on.
pub(super) fn by_set(
    feed: &SsfFeed,
    token: &SecurityEventToken,
    issuers: &Issuers,
) -> Result<Asked, ReceiveFault> {
    let mut asked = Asked::default();
    for event in &token.events {
        let outcome = match event.event_type {
            EventType::Verification => {
                if feed.state.is_some() && event.state != feed.state {
                    return Err(ReceiveFault::State);
                }
                asked.verified = true;
                EventOutcome::Verified
            }
            EventType::StreamUpdated => {
                asked.status = event.status.or(asked.status);
                EventOutcome::Updated
            }
            event_type if feed.events.contains(&event_type) => {
                let wishes = wishes(event, &feed.subjects, issuers);
                let known = !wishes.is_empty();
                asked.wishes.extend(wishes);
                if known { EventOutcome::Recorded } else { EventOutcome::Unmapped }
            }
            _ => EventOutcome::Ignored,
        };
        asked.outcomes.push(outcome);
    }
    Ok(asked)
}
