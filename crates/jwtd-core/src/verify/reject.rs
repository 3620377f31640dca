//! Why a token is refused, with what a person needs to see it.

mod malformed;

use super::binding::BindingFault;
use super::reason::Reason;
use super::revocation::RevokedBy;
use crate::jose::{Algorithm, Malformed, Part};
use crate::keys::{DecryptionKeyError, IssuerIndex, KeyError};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why a token is refused. It holds no text of the token, but for the name of a member that is
/// too large, shortened.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Reject {
    /// The issuer's key with this id is for another algorithm.
    AlgorithmKeyMismatch,
    /// The issuer is not configured for the algorithm.
    AlgorithmNotAllowed,
    /// None of the audiences is accepted.
    AudienceMismatch,
    /// There is no `aud`.
    AudienceMissing,
    /// The binding of the token to its sender.
    Binding(Box<BindingFault>),
    /// A claim does not hold what it must; the demand of the configuration in words.
    ClaimNotAllowed(Arc<str>),
    /// A required claim, by the name in the configuration, is missing.
    ClaimMissing(Arc<str>),
    /// `exp` has passed.
    Expired {
        /// Since when, the leeway not counted.
        ago: Duration,
    },
    /// There is no `exp`.
    ExpiryMissing,
    /// A bug.
    Internal,
    /// The profile limits the age, and there is no `iat`.
    IssuedAtMissing,
    /// `iat` lies in the future.
    IssuedInFuture {
        /// How long until it is acceptable.
        wait: Duration,
    },
    /// There is no `iss`.
    IssuerMissing,
    /// The profile does not trust the issuer.
    IssuerNotInProfile,
    /// No configured issuer has this `iss`.
    IssuerUnknown,
    /// Too many keys could have signed the token.
    KeyAmbiguous,
    /// The issuer has no such key.
    KeyUnknown,
    /// The issuer's keys are too old.
    KeysStale,
    /// The issuer's keys were never loaded.
    KeysUnavailable,
    /// The bytes are not a signed token.
    Malformed(Malformed),
    /// `exp` lies further from `iat` than the profile allows.
    LifetimeTooLong {
        /// The life from `iat` to `exp`.
        lifetime: Duration,
        /// The longest that the profile allows.
        limit: Duration,
    },
    /// None of the scopes is held of which the profile demands one; their names.
    NoScope(Arc<str>),
    /// `nbf` has not come.
    NotYetValid {
        /// How long until it is acceptable.
        wait: Duration,
    },
    /// A feed of revocations is stale.
    RevocationStale {
        /// The time since the feed was last read; `None` if it never was.
        age: Option<Duration>,
    },
    /// The token is revoked.
    Revoked(RevokedBy),
    /// A rule of the operator could not be decided.
    RuleFailed {
        /// Where the rule stands in the configuration.
        rule: Arc<str>,
        /// Why not.
        why: &'static str,
    },
    /// A rule of the operator does not hold; its message.
    RuleNotMet(Arc<str>),
    /// A scope that the request demands is missing. No text of the caller comes back to it.
    RequestedScopeMissing {
        /// Its place among those of the request, from 0.
        place: usize,
    },
    /// A scope that the profile demands, by its name, is missing.
    ScopeMissing(Arc<str>),
    /// The signature of ECDSA, of this algorithm, is in DER.
    SignatureDer(Algorithm),
    /// The signature does not fit.
    SignatureInvalid,
    /// The encrypted token does not say that a token is in it (`cty`).
    ContentTypeMissing,
    /// The token was not decrypted; why, is not told.
    DecryptionFailed,
    /// More decryption keys fit than may be tried.
    DecryptionKeyAmbiguous,
    /// The decryption key belongs to another issuer than the one that the token inside names.
    DecryptionKeyForeign,
    /// No issuer has such a decryption key.
    DecryptionKeyUnknown,
    /// The decryption key is not for this `alg` and `enc`.
    EncryptionNotAllowed,
    /// The token is not encrypted, and must be.
    EncryptionRequired,
    /// The content of the encrypted token is not signed.
    EncryptedNotSigned,
    /// The content of the encrypted token is itself encrypted.
    NestedTooDeep,
    /// A claim in the header is not that of the payload.
    ReplicatedClaimMismatch,
    /// The profile lets other subjects pass.
    SubjectNotAllowed,
    /// The token was issued too long ago.
    TooOld {
        /// Its age.
        age: Duration,
        /// The greatest age that the profile allows.
        limit: Duration,
    },
    /// The `typ` is not accepted.
    TypeNotAllowed,
}

/// A refusal before the signature was checked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{reject}")]
pub struct Refusal {
    /// Why.
    pub reject: Reject,
    /// The configured issuer that the token claims, if it got that far: good
    /// for counting, and proven by nothing.
    pub issuer: Option<IssuerIndex>,
}

impl<R: Into<Reject>> From<R> for Refusal {
    fn from(reject: R) -> Self {
        Self { reject: reject.into(), issuer: None }
    }
}

impl From<Malformed> for Reject {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<KeyError> for Reject {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::AlgorithmMismatch => Self::AlgorithmKeyMismatch,
            KeyError::Ambiguous => Self::KeyAmbiguous,
            KeyError::Unknown => Self::KeyUnknown,
        }
    }
}

impl From<DecryptionKeyError> for Reject {
    fn from(error: DecryptionKeyError) -> Self {
        match error {
            DecryptionKeyError::AlgorithmMismatch => Self::EncryptionNotAllowed,
            DecryptionKeyError::Ambiguous => Self::DecryptionKeyAmbiguous,
            DecryptionKeyError::CurveMismatch => Self::Malformed(Malformed::Member {
                part: Part::Header,
                name: "epk",
                expected: "a point on the curve of the decryption key",
            }),
            DecryptionKeyError::Unknown => Self::DecryptionKeyUnknown,
        }
    }
}

impl Reject {
    /// The stable reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::AlgorithmKeyMismatch => Reason::AlgorithmKeyMismatch,
            Self::AlgorithmNotAllowed => Reason::AlgorithmNotAllowed,
            Self::AudienceMismatch => Reason::AudienceMismatch,
            Self::AudienceMissing => Reason::AudienceMissing,
            Self::Binding(fault) => fault.reason(),
            Self::ClaimMissing(_) => Reason::ClaimMissing,
            Self::ClaimNotAllowed(_) => Reason::ClaimNotAllowed,
            Self::Expired { .. } => Reason::Expired,
            Self::ExpiryMissing => Reason::ExpiryMissing,
            Self::Internal => Reason::Internal,
            Self::IssuedAtMissing => Reason::IssuedAtMissing,
            Self::IssuedInFuture { .. } => Reason::IssuedInFuture,
            Self::IssuerMissing => Reason::IssuerMissing,
            Self::IssuerNotInProfile => Reason::IssuerNotInProfile,
            Self::IssuerUnknown => Reason::IssuerUnknown,
            Self::KeyAmbiguous => Reason::KeyAmbiguous,
            Self::KeyUnknown => Reason::KeyUnknown,
            Self::KeysStale => Reason::KeysStale,
            Self::KeysUnavailable => Reason::KeysUnavailable,
            Self::LifetimeTooLong { .. } => Reason::LifetimeTooLong,
            Self::Malformed(malformed) => malformed::reason(malformed),
            Self::NoScope(_) | Self::RequestedScopeMissing { .. } | Self::ScopeMissing(_) => {
                Reason::ScopeMissing
            }
            Self::NotYetValid { .. } => Reason::NotYetValid,
            Self::RevocationStale { .. } => Reason::RevocationStale,
            Self::Revoked(_) => Reason::Revoked,
            Self::RuleFailed { .. } => Reason::PolicyFailed,
            Self::RuleNotMet(_) => Reason::PolicyDenied,
            Self::SignatureDer(_) | Self::SignatureInvalid => Reason::SignatureInvalid,
            Self::ContentTypeMissing => Reason::ContentTypeMissing,
            Self::DecryptionFailed => Reason::DecryptionFailed,
            Self::DecryptionKeyAmbiguous => Reason::DecryptionKeyAmbiguous,
            Self::DecryptionKeyForeign => Reason::DecryptionKeyForeign,
            Self::DecryptionKeyUnknown => Reason::DecryptionKeyUnknown,
            Self::EncryptionNotAllowed => Reason::EncryptionNotAllowed,
            Self::EncryptionRequired => Reason::EncryptionRequired,
            Self::EncryptedNotSigned => Reason::EncryptedNotSigned,
            Self::NestedTooDeep => Reason::NestedTooDeep,
            Self::ReplicatedClaimMismatch => Reason::ReplicatedClaimMismatch,
            Self::SubjectNotAllowed => Reason::SubjectNotAllowed,
            Self::TooOld { .. } => Reason::TooOld,
            Self::TypeNotAllowed => Reason::TypeNotAllowed,
        }
    }

    /// The [`Display`](std::fmt::Display) text for logs: without the name of a member, which the
    /// author of the token chose.
    #[must_use]
    pub fn without_member(&self) -> String {
        if let Self::Malformed(Malformed::Json { part, fault, member: Some(_) }) = self {
            let bare = Malformed::Json { part: *part, fault: *fault, member: None };
            return bare.to_string();
        }
        self.to_string()
    }

    /// When the same token may be judged otherwise, if that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let (Self::NotYetValid { wait } | Self::IssuedInFuture { wait }) = self else {
            return None;
        };
        // A time in another unit will not come.
        (!is_other_unit(*wait)).then_some(*wait)
    }
}

/// Whether a span can only come from a time that does not count seconds: it is longer than three
/// thousand years, and one of milliseconds is longer than fifty thousand.
fn is_other_unit(span: Duration) -> bool {
    span.as_secs() > 100_000_000_000
}

fn in_seconds(claim: &str) -> String {
    format!(
        "`{claim}` looks like milliseconds; it must be seconds since 1970 (RFC 7519, section 2)"
    )
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binding(fault) => fault.fmt(f),
            Self::ClaimMissing(name) => write!(f, "the claim `{name}` is missing"),
            Self::ClaimNotAllowed(demand) => f.write_str(demand),
            Self::Expired { ago } => write!(f, "expired {} s ago", ago.as_secs()),
            Self::IssuedInFuture { wait } if is_other_unit(*wait) => {
                f.write_str(&in_seconds("iat"))
            }
            Self::LifetimeTooLong { lifetime, .. } if is_other_unit(*lifetime) => {
                f.write_str(&in_seconds("exp"))
            }
            Self::NotYetValid { wait } if is_other_unit(*wait) => f.write_str(&in_seconds("nbf")),
            Self::SignatureDer(algorithm) => write!(
                f,
                "the signature is in DER; {algorithm} wants the bytes of r and s, one after the \
                 other (RFC 7518, section 3.4)"
            ),
            Self::IssuedInFuture { wait } => {
                write!(f, "issued in the future; acceptable in {} s", wait.as_secs())
            }
            Self::LifetimeTooLong { lifetime, limit } => write!(
                f,
                "the token lives {} s; at most {} s are allowed",
                lifetime.as_secs(),
                limit.as_secs()
            ),
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::NoScope(names) => write!(f, "none of the scopes `{names}` is held"),
            Self::NotYetValid { wait } => write!(f, "acceptable in {} s", wait.as_secs()),
            Self::RevocationStale { age: Some(age) } => {
                write!(f, "what is revoked was last heard of {} s ago", age.as_secs())
            }
            Self::RevocationStale { age: None } => {
                f.write_str("what is revoked was not heard of yet")
            }
            Self::Revoked(by) => by.fmt(f),
            Self::RuleFailed { rule, why } => write!(f, "`{rule}` cannot be decided: {why}"),
            Self::RuleNotMet(message) => f.write_str(message),
            Self::RequestedScopeMissing { place } => {
                write!(f, "the scope at `options.scopes[{place}]` is missing")
            }
            Self::ScopeMissing(name) => write!(f, "the scope `{name}` is missing"),
            Self::TooOld { age, limit } => {
                write!(
                    f,
                    "issued {} s ago; at most {} s are allowed",
                    age.as_secs(),
                    limit.as_secs()
                )
            }
            Self::AlgorithmKeyMismatch
            | Self::AlgorithmNotAllowed
            | Self::AudienceMismatch
            | Self::AudienceMissing
            | Self::ContentTypeMissing
            | Self::DecryptionFailed
            | Self::DecryptionKeyAmbiguous
            | Self::DecryptionKeyForeign
            | Self::DecryptionKeyUnknown
            | Self::EncryptedNotSigned
            | Self::EncryptionNotAllowed
            | Self::EncryptionRequired
            | Self::ExpiryMissing
            | Self::Internal
            | Self::IssuedAtMissing
            | Self::IssuerMissing
            | Self::IssuerNotInProfile
            | Self::IssuerUnknown
            | Self::KeyAmbiguous
            | Self::KeyUnknown
            | Self::KeysStale
            | Self::KeysUnavailable
            | Self::NestedTooDeep
            | Self::ReplicatedClaimMismatch
            | Self::SignatureInvalid
            | Self::SubjectNotAllowed
            | Self::TypeNotAllowed => f.write_str(self.reason().meaning().trim_end_matches('.')),
        }
    }
}

impl std::error::Error for Reject {}
