//! Why a token is refused for the sake of its binding.

use super::nonce::NonceFault;
use crate::jose::jwk::UnusableKey;
use crate::jose::{Algorithm, BadTargetUri, Malformed};
use crate::verify::Reason;
use std::fmt;
use std::time::Duration;

/// A kind of binding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BindingKind {
    /// To the certificate of a client (RFC 8705).
    Certificate,
    /// To a key, whose possession a DPoP proof shows (RFC 9449).
    Dpop,
}

/// Why a token is refused for the sake of its binding.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BindingFault {
    /// The evidence for a binding of this kind did not come with the token.
    Missing(BindingKind),
    /// A DPoP-bound token was presented as a bearer token (RFC 9449, section 7.2).
    Bearer,
    /// `cnf` has only members that are not implemented; this is one of them.
    Unsupported(&'static str),
    /// The token is not bound, and must be.
    NotBound,
    /// The token is bound in a way that the profile does not accept.
    KindNotAccepted(BindingKind),
    /// The evidence is that of another sender.
    Mismatch(BindingKind),
    /// The thumbprint in `cnf` cannot be read.
    Unreadable(BindingKind),
    /// The proof is not good.
    Proof(ProofFault),
    /// The proof is not of this time.
    ProofExpired(ProofExpiry),
    /// The proof needs a nonce.
    Nonce(NonceFault),
    /// The proof or the one-time token was presented before.
    Replayed,
    /// The memory cannot tell if it was presented before.
    ReplayUnchecked(Unchecked),
}

/// Why it cannot be told whether something was presented before.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unchecked {
    /// The memory is full.
    #[error("the memory of what was presented is full")]
    Full,
    /// The sender's share of the memory is full.
    #[error("this sender has presented too many proofs at a time")]
    Share,
    /// The shared memory does not answer.
    #[error("the shared memory of what was presented does not answer")]
    Unreachable,
}

/// A fault of a DPoP proof, by the items of RFC 9449, section 4.3.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofFault {
    /// There is more than one proof in the header (item 1).
    #[error("there is more than one DPoP proof")]
    Several,
    /// The proof is longer than [`UnprovenProof::MAX_BYTES`](super::UnprovenProof::MAX_BYTES).
    #[error("the DPoP proof is longer than 8192 bytes")]
    TooLong,
    /// It is not a signed JWT, or a claim is missing or has another type (items 2 and 3).
    #[error("the DPoP proof: {0}")]
    Malformed(Malformed),
    /// `typ` is not `dpop+jwt` (item 4).
    #[error("the `typ` of the DPoP proof must be `dpop+jwt`")]
    Type,
    /// `alg` is that of a shared secret, or not accepted (item 5).
    #[error("the `alg` of the DPoP proof, {0}, is not accepted")]
    Algorithm(Algorithm),
    /// The proof brings no public key (items 6 and 7).
    #[error("the DPoP proof has no `jwk`")]
    KeyMissing,
    /// The key of the proof cannot be used (items 6 and 7).
    #[error("the `jwk` of the DPoP proof: {0}")]
    Key(UnusableKey),
    /// The signature is not that of the key (item 6).
    #[error("the signature of the DPoP proof does not fit its `jwk`")]
    Signature,
    /// `htm` is another method than that of the request (item 8).
    #[error("the `htm` of the DPoP proof is not the method of the request")]
    Method,
    /// `htu` is not a URI (item 9).
    #[error("the `htu` of the DPoP proof: {0}")]
    BadTarget(BadTargetUri),
    /// `htu` is another URI than that of the request (item 9).
    #[error("the `htu` of the DPoP proof is not the URI of the request")]
    Target,
    /// `ath` is missing (item 12).
    #[error("the DPoP proof has no `ath`")]
    TokenHashMissing,
    /// `ath` is that of another token (item 12).
    #[error("the `ath` of the DPoP proof is not the hash of this token")]
    TokenHash,
    /// The caller did not pass the request that the proof must be compared with.
    #[error(transparent)]
    Request(RequestFault),
}

/// Why a proof cannot be compared with the request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RequestFault {
    /// The method is not known.
    #[error("the caller did not give the method of the request (`context.method`)")]
    Method,
    /// The URL is not known.
    #[error("the caller did not give the URL of the request (`context.url`)")]
    Url,
    /// The URL is none.
    #[error("the URL of the request (`context.url`): {0}")]
    BadUrl(BadTargetUri),
}

/// The fault of a proof's time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProofExpiry {
    /// It was made too long ago.
    Old {
        /// Its age.
        age: Duration,
    },
    /// It was made in the future, or is not valid yet.
    Early {
        /// The time until it is acceptable.
        wait: Duration,
    },
    /// Its own `exp` has passed.
    Expired {
        /// Since when.
        ago: Duration,
    },
}

impl fmt::Display for BindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "cnf.x5t#S256",
            Self::Dpop => "cnf.jkt",
        })
    }
}

impl BindingFault {
    /// The stable reason.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Missing(_) | Self::Bearer | Self::Unsupported(_) => Reason::BindingRequired,
            Self::NotBound | Self::KindNotAccepted(_) => Reason::TokenNotBound,
            Self::Mismatch(_) | Self::Unreadable(_) => Reason::BindingMismatch,
            Self::Proof(_) => Reason::ProofInvalid,
            Self::ProofExpired(_) => Reason::ProofExpired,
            Self::Nonce(_) => Reason::NonceRequired,
            Self::Replayed => Reason::Replayed,
            Self::ReplayUnchecked(_) => Reason::ReplayUnchecked,
        }
    }
}

impl fmt::Display for BindingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(BindingKind::Certificate) => f.write_str(
                "the token is bound to a certificate (`cnf.x5t#S256`), and no certificate of the \
                 client came with it",
            ),
            Self::Missing(BindingKind::Dpop) => f.write_str(
                "the token is bound to a key (`cnf.jkt`), and no DPoP proof came with it",
            ),
            Self::Bearer => f.write_str(
                "the token is bound to a key (`cnf.jkt`), and was presented as a bearer token",
            ),
            Self::Unsupported(member) => {
                write!(f, "the token is bound by `cnf.{member}`, which jwtd cannot check")
            }
            Self::KindNotAccepted(kind) => {
                write!(f, "the token is bound by `{kind}`, which the profile does not accept")
            }
            Self::Mismatch(BindingKind::Certificate) => {
                f.write_str("the token is bound to another certificate than that of the client")
            }
            Self::Mismatch(BindingKind::Dpop) => {
                f.write_str("the token is bound to another key than that of the DPoP proof")
            }
            Self::Unreadable(kind) => {
                write!(f, "`{kind}` is not a SHA-256 thumbprint in base64url")
            }
            Self::Proof(fault) => fault.fmt(f),
            Self::ProofExpired(expiry) => expiry.fmt(f),
            Self::Nonce(fault) => fault.fmt(f),
            Self::ReplayUnchecked(cause) => cause.fmt(f),
            Self::NotBound | Self::Replayed => {
                f.write_str(self.reason().meaning().trim_end_matches('.'))
            }
        }
    }
}

impl fmt::Display for ProofExpiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Old { age } => write!(f, "the DPoP proof was made {} s ago", age.as_secs()),
            Self::Early { wait } => {
                write!(f, "the DPoP proof is acceptable only in {} s", wait.as_secs())
            }
            Self::Expired { ago } => write!(f, "the DPoP proof expired {} s ago", ago.as_secs()),
        }
    }
}
