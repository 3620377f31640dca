//! Why a security event is refused after its signature was checked.

use crate::verify::Reject;

/// Why a security event is refused. No text of the event comes back.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EventFault {
    /// A check that access tokens have as well.
    #[error(transparent)]
    Token(#[from] Reject),
    /// There is no `jti`, by which a repetition is recognized.
    #[error("the claim `jti` is missing")]
    TokenIdMissing,
    /// There is no `events` that is an object with members.
    #[error("the claim `events` is not an object that names an event")]
    EventsMissing,
    /// `events` names more events than are read.
    #[error("the claim `events` names more than {limit} events")]
    TooManyEvents {
        /// The most that are read.
        limit: usize,
    },
    /// `events` does not name the event of a logout.
    #[error("the claim `events` does not name the event of a back-channel logout")]
    NotALogout,
    /// There is a `nonce`: it is an ID token, or made to pass for one.
    #[error("there is a `nonce`, which a logout token must not have")]
    NoncePresent,
    /// There is neither `sid` nor `sub`.
    #[error("there is neither a `sid` nor a `sub`")]
    SubjectMissing,
    /// There is a `sub`, which belongs to tokens that grant something.
    #[error("there is a `sub`, which a security event token must not have (use `sub_id`)")]
    SubjectClaim,
    /// A member has a wrong type.
    #[error("`{name}` must be {expected}")]
    Member {
        /// Its name.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// `sub_id` and `subject` name different subjects.
    #[error("`sub_id` and the `subject` of the event name different subjects")]
    SubjectsDiffer,
}

impl EventFault {
    /// The stable name in logs and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Token(reject) => reject.reason().code(),
            Self::TokenIdMissing => "TOKEN_ID_MISSING",
            Self::EventsMissing => "EVENTS_MISSING",
            Self::TooManyEvents { .. } => "TOO_MANY_EVENTS",
            Self::NotALogout => "NOT_A_LOGOUT",
            Self::NoncePresent => "NONCE_PRESENT",
            Self::SubjectMissing => "SUBJECT_MISSING",
            Self::SubjectClaim => "SUBJECT_CLAIM",
            Self::Member { .. } => "MEMBER_INVALID",
            Self::SubjectsDiffer => "SUBJECTS_DIFFER",
        }
    }
}
