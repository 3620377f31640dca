//! Why an event is not acknowledged.

use super::handle::FeedFault;
use crate::revocation::LedgerFault;
use crate::telemetry::EventOutcome;
use jwtd_core::verify::security_event::EventFault;
use jwtd_core::verify::{Reason, ReasonFamily, Reject, RevocationKind};

/// Why an event is not acknowledged. No text of the event comes back.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReceiveFault {
    /// Too many events came at once.
    #[error("too many events at once")]
    Busy,
    /// It cannot be judged now.
    #[error("it cannot be judged now: {0}")]
    Undecided(EventFault),
    /// It is not good.
    #[error("{}", bare(.0))]
    Bad(EventFault),
    /// Another event had its `jti`.
    #[error("another event had the same `jti`")]
    IdReused,
    /// The state of a verification is not the one that was agreed on.
    #[error("the `state` of the verification is not the expected one")]
    State,
    /// The feed may not revoke what it names.
    #[error("the transmitter may not revoke {} of this issuer", .0.name())]
    NotPermitted(RevocationKind),
    /// What it names cannot be revoked.
    #[error("what it names cannot be revoked: {0}")]
    Unusable(String),
    /// It cannot be recorded now.
    #[error("it cannot be recorded now")]
    NotRecorded(LedgerFault),
}

impl ReceiveFault {
    /// Whether the same event may be taken later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy | Self::Undecided(_) | Self::NotRecorded(_) => true,
            Self::Bad(_)
            | Self::IdReused
            | Self::State
            | Self::NotPermitted(_)
            | Self::Unusable(_) => false,
        }
    }

    /// The stable name in logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Busy => "BUSY",
            Self::Undecided(fault) | Self::Bad(fault) => fault.code(),
            Self::IdReused => "TOKEN_ID_REUSED",
            Self::State => "STATE_MISMATCH",
            Self::NotPermitted(_) => "NOT_PERMITTED",
            Self::Unusable(_) => "UNUSABLE",
            Self::NotRecorded(_) => "NOT_RECORDED",
        }
    }

    /// `err` of the delivery of security event tokens (RFC 8935, section 2.4; SSF 1.0, section
    /// 8.1.4).
    #[must_use]
    pub fn err(&self) -> &'static str {
        match self {
            Self::State => "invalid_state",
            Self::NotPermitted(_) => "access_denied",
            Self::Undecided(EventFault::Token(reject)) | Self::Bad(EventFault::Token(reject)) => {
                let reason = reject.reason();
                match (reason, reason.family()) {
                    (Reason::AudienceMissing | Reason::AudienceMismatch, _) => "invalid_audience",
                    (_, ReasonFamily::Issuer) => "invalid_issuer",
                    (
                        _,
                        ReasonFamily::Algorithm
                        | ReasonFamily::Key
                        | ReasonFamily::Signature
                        | ReasonFamily::Revocation,
                    ) => "invalid_key",
                    _ => "invalid_request",
                }
            }
            _ => "invalid_request",
        }
    }

    pub(super) fn outcome(&self) -> EventOutcome {
        match self {
            Self::Busy => EventOutcome::Busy,
            Self::Undecided(_) | Self::NotRecorded(_) => EventOutcome::Failed,
            Self::NotPermitted(_) => EventOutcome::NotPermitted,
            Self::Bad(_) | Self::IdReused | Self::State | Self::Unusable(_) => {
                EventOutcome::Refused
            }
        }
    }
}

/// Without the name of a member, which the author of the event chose, and in the words of events
/// where those of access tokens would mislead.
fn bare(fault: &EventFault) -> String {
    match fault {
        EventFault::Token(Reject::AudienceMismatch) => "`aud` names none of ours".to_owned(),
        EventFault::Token(Reject::IssuedAtMissing) => "the claim `iat` is missing".to_owned(),
        EventFault::Token(Reject::IssuerNotInProfile | Reject::IssuerUnknown) => {
            "`iss` is not the issuer whose events are taken here".to_owned()
        }
        EventFault::Token(reject) => reject.without_member(),
        other => other.to_string(),
    }
}

impl From<FeedFault> for ReceiveFault {
    fn from(fault: FeedFault) -> Self {
        match fault {
            FeedFault::Revocation(fault) => Self::Unusable(fault.to_string()),
            FeedFault::NotPermitted(kind) => Self::NotPermitted(kind),
            FeedFault::Ledger(fault) => Self::from(fault),
        }
    }
}

impl From<LedgerFault> for ReceiveFault {
    fn from(fault: LedgerFault) -> Self {
        match fault {
            LedgerFault::NameTaken => Self::IdReused,
            LedgerFault::Busy | LedgerFault::Full { .. } | LedgerFault::Store(_) => {
                Self::NotRecorded(fault)
            }
        }
    }
}
