//! The types of event that are known (CAEP 1.0, RISC 1.0, SSF 1.0).

/// The type of an event, by its URI.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum EventType {
    /// CAEP: a session has ended before its time.
    SessionRevoked,
    /// CAEP: claims of the tokens have changed.
    TokenClaimsChange,
    /// CAEP: a password, a key or another credential has changed.
    CredentialChange,
    /// RISC: the account was disabled.
    AccountDisabled,
    /// RISC: the account was deleted.
    AccountPurged,
    /// RISC: all sessions of the account have ended.
    SessionsRevoked,
    /// RISC: the account must change its credential.
    CredentialChangeRequired,
    /// RISC: a credential is known to others.
    CredentialCompromise,
    /// SSF: the stream works.
    Verification,
    /// SSF: the stream was enabled, paused or disabled.
    StreamUpdated,
    /// Any other.
    Other,
}

/// The status of a stream (SSF 1.0, section 8.1.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StreamStatus {
    /// Events are sent.
    Enabled,
    /// Events are kept, and sent later.
    Paused,
    /// Events are not sent, and lost.
    Disabled,
}

impl EventType {
    /// Those that report something for which tokens can be revoked, with their names in settings.
    pub const REVOKING: [(Self, &str); 8] = [
        (Self::SessionRevoked, "session-revoked"),
        (Self::CredentialChange, "credential-change"),
        (Self::AccountDisabled, "account-disabled"),
        (Self::AccountPurged, "account-purged"),
        (Self::SessionsRevoked, "sessions-revoked"),
        (Self::CredentialCompromise, "credential-compromise"),
        (Self::CredentialChangeRequired, "account-credential-change-required"),
        (Self::TokenClaimsChange, "token-claims-change"),
    ];

    /// The type with this name in settings.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let mut all = Self::REVOKING.into_iter();
        all.find_map(|(event_type, own)| (own == name).then_some(event_type))
    }

    /// The type with this URI.
    #[must_use]
    pub fn from_uri(uri: &str) -> Self {
        let Some(path) = uri.strip_prefix("https://schemas.openid.net/secevent/") else {
            return Self::Other;
        };
        match path {
            "caep/event-type/session-revoked" => Self::SessionRevoked,
            "caep/event-type/token-claims-change" => Self::TokenClaimsChange,
            "caep/event-type/credential-change" => Self::CredentialChange,
            "risc/event-type/account-disabled" => Self::AccountDisabled,
            "risc/event-type/account-purged" => Self::AccountPurged,
            "risc/event-type/sessions-revoked" => Self::SessionsRevoked,
            "risc/event-type/account-credential-change-required" => Self::CredentialChangeRequired,
            "risc/event-type/credential-compromise" => Self::CredentialCompromise,
            // The framework was called SSE, and its verification was one of RISC before.
            "ssf/event-type/verification"
            | "sse/event-type/verification"
            | "risc/event-type/verification" => Self::Verification,
            "ssf/event-type/stream-updated" | "sse/event-type/stream-updated" => {
                Self::StreamUpdated
            }
            _ => Self::Other,
        }
    }
}
