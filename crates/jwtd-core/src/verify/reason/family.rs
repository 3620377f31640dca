//! What a reason speaks of, and who can fix it.

use std::fmt;

/// What a reason speaks of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ReasonFamily {
    /// The token is good.
    Ok,
    /// The bytes are not a signed token.
    Malformed,
    /// The algorithm.
    Algorithm,
    /// The issuer.
    Issuer,
    /// The issuer's keys.
    Key,
    /// The signature.
    Signature,
    /// The times in the token.
    Time,
    /// Audience, type and other claims.
    Claims,
    /// What was revoked before its time.
    Revocation,
    /// The binding of the token to its sender.
    Binding,
    /// The encryption around the token.
    Encryption,
    /// What the caller or the operator demands of the claims.
    Policy,
    /// jwtd itself.
    Internal,
}

/// Who can fix it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Nobody has to.
    Nobody,
    /// Whoever sent the token.
    Caller,
    /// Whoever runs jwtd.
    Operator,
    /// Whoever issued the token.
    Issuer,
}

impl fmt::Display for ReasonFamily {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ok => "ok",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Issuer => "issuer",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Time => "time",
            Self::Claims => "claims",
            Self::Revocation => "revocation",
            Self::Binding => "binding",
            Self::Encryption => "encryption",
            Self::Policy => "policy",
            Self::Internal => "internal",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Nobody => "nobody",
            Self::Caller => "caller",
            Self::Operator => "operator",
            Self::Issuer => "issuer",
        })
    }
}
