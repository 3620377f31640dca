//! Targets of revocation.

use crate::jose::base64url;
use std::fmt;

/// The kinds of what can be revoked.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RevocationKind {
    /// One token, by its `jti`.
    Token,
    /// All tokens of a session, by `sid`.
    Session,
    /// The tokens of a subject that were issued until a time, by `sub`.
    Subject,
    /// The tokens of a client that were issued until a time, by `client_id` or `azp`.
    Client,
    /// The tokens of an issuer that were issued until a time.
    Issuer,
    /// All tokens that a key signed, by its thumbprint (RFC 7638).
    Key,
}

impl RevocationKind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Token, Self::Session, Self::Subject, Self::Client, Self::Issuer, Self::Key];

    /// The name in settings, in the API and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Session => "session",
            Self::Subject => "subject",
            Self::Client => "client",
            Self::Issuer => "issuer",
            Self::Key => "key",
        }
    }

    /// The number in stored entries; it never changes.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Token => 1,
            Self::Session => 2,
            Self::Subject => 3,
            Self::Client => 4,
            Self::Issuer => 5,
            Self::Key => 6,
        }
    }

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether a time belongs to it, until which tokens were issued that are revoked.
    #[must_use]
    pub const fn has_time(self) -> bool {
        matches!(self, Self::Subject | Self::Client | Self::Issuer)
    }
}

impl fmt::Display for RevocationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A target of revocation: the tokens of one `iss` with one value of a claim.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RevocationTarget {
    kind: RevocationKind,
    issuer: Box<str>,
    value: Box<str>,
}

/// Why something cannot be revoked.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadTarget {
    /// The `iss` or the value is empty.
    #[error("is empty")]
    Empty,
    /// The `iss` or the value is too long.
    #[error("is longer than {} bytes", RevocationTarget::MOST)]
    TooLong,
    /// Of an issuer there is no further value.
    #[error("everything of an issuer has no value of its own")]
    NotAlone,
    /// It is no thumbprint.
    #[error("is no SHA-256 thumbprint of a key (RFC 7638): 43 characters of base64url")]
    NotAThumbprint,
}

impl RevocationTarget {
    /// The longest `iss`, and the longest value, in bytes.
    pub const MOST: usize = 2048;

    /// The tokens of the exact `iss` `issuer` that have `value`. For
    /// [`RevocationKind::Issuer`] the value is empty.
    ///
    /// # Errors
    /// If no token can have it.
    pub fn new(kind: RevocationKind, issuer: &str, value: &str) -> Result<Self, BadTarget> {
        let fits = match kind {
            RevocationKind::Issuer => value.is_empty().then_some(()).ok_or(BadTarget::NotAlone),
            RevocationKind::Key => {
                let bytes = base64url::decode(value.as_bytes()).unwrap_or_default();
                (bytes.len() == 32).then_some(()).ok_or(BadTarget::NotAThumbprint)
            }
            RevocationKind::Token
            | RevocationKind::Session
            | RevocationKind::Subject
            | RevocationKind::Client => (!value.is_empty()).then_some(()).ok_or(BadTarget::Empty),
        };
        fits?;
        if issuer.is_empty() {
            return Err(BadTarget::Empty);
        }
        if issuer.len() > Self::MOST || value.len() > Self::MOST {
            return Err(BadTarget::TooLong);
        }
        Ok(Self { kind, issuer: issuer.into(), value: value.into() })
    }

    /// Of which kind it is.
    #[must_use]
    pub fn kind(&self) -> RevocationKind {
        self.kind
    }

    /// The exact `iss` of its tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The value of the claim; empty for all tokens of an issuer.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}
