//! Why a verifier cannot be built.

use crate::jose::pem::PemError;
use crate::jose::{Algorithm, JwksError};
use crate::keys::{LeewayTooLong, SameIdentifier};

/// Why a [`Verifier`](super::Verifier) cannot be built, or cannot take new keys. Each message
/// says what is wrong, where, and how to fix it; it holds the text of the source.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// An algorithm of shared secrets beside public keys, or one of public keys beside a secret.
    #[error(
        "the issuer `{issuer}`: {algorithm} does not go with its kind of keys; \
         fix: list HS256, HS384 or HS512 in `algorithms` for secrets, and others for public keys"
    )]
    AlgorithmMismatch {
        /// Its `iss`.
        issuer: Box<str>,
        /// The first that does not fit.
        algorithm: Algorithm,
    },
    /// An issuer with an empty list of algorithms.
    #[error(
        "the issuer `{issuer}`: the list of algorithms is empty; \
         fix: name one in `algorithms`, or leave the call out"
    )]
    AlgorithmMissing {
        /// Its `iss`.
        issuer: Box<str>,
    },
    /// An issuer for which both certain audiences and any are accepted.
    #[error(
        "the issuer `{issuer}`: `any_audience` contradicts `audience`; fix: remove one of the calls"
    )]
    AudienceConflict {
        /// Its `iss`.
        issuer: Box<str>,
    },
    /// An empty name of an audience.
    #[error(
        "the issuer `{issuer}`: an audience is empty; \
         fix: give `audience` the name of this service as it stands in `aud`"
    )]
    AudienceEmpty {
        /// Its `iss`.
        issuer: Box<str>,
    },
    /// An issuer for which no audience is named: tokens for other services would be accepted.
    #[error(
        "the issuer `{issuer}`: no audience is accepted; \
         fix: name this service with `audience`, or call `any_audience` to accept all tokens"
    )]
    AudienceMissing {
        /// Its `iss`.
        issuer: Box<str>,
    },
    /// A clock skew beyond five minutes.
    #[error(
        "the issuer `{issuer}`: {source}; fix: give `clock_skew` at most 300 s, and synchronize clocks"
    )]
    ClockSkew {
        /// Its `iss`.
        issuer: Box<str>,
        /// What is wrong with it.
        source: LeewayTooLong,
    },
    /// An issuer with an empty `iss`.
    #[error("an issuer has an empty `iss`; fix: give `TrustedIssuer::new` the `iss` of its tokens")]
    IssuerEmpty,
    /// There is no issuer.
    #[error("no issuer is trusted; fix: add one with `VerifierBuilder::issuer`")]
    IssuerMissing,
    /// Two issuers have the same `iss`.
    #[error(
        "the issuer `{}` is added twice; fix: add it once, with all of its keys in one set",
        source.identifier
    )]
    IssuerTwice {
        /// Which.
        source: SameIdentifier,
    },
    /// No issuer has this `iss`.
    #[error(
        "the issuer `{issuer}` is not trusted; \
         fix: give its `iss` exactly as it was given to `TrustedIssuer::new`"
    )]
    IssuerUnknown {
        /// What was given for it.
        issuer: Box<str>,
    },
    /// A JWK Set that is refused as a whole.
    #[error(
        "the issuer `{issuer}`: its JWK Set is refused: {source}; \
         fix: give the document that its `jwks_uri` serves, or secrets to the calls for secrets"
    )]
    Jwks {
        /// Its `iss`.
        issuer: Box<str>,
        /// Why.
        source: JwksError,
    },
    /// An issuer without keys.
    #[error(
        "the issuer `{issuer}` has no keys; fix: call `jwks`, `pem`, `secret` or `secret_jwks`"
    )]
    KeysMissing {
        /// Its `iss`.
        issuer: Box<str>,
    },
    /// An issuer with several sources of keys.
    #[error(
        "the issuer `{issuer}` has several sources of keys; \
         fix: give all of its keys in one call of `jwks`, `pem`, `secret` or `secret_jwks`"
    )]
    KeysTwice {
        /// Its `iss`.
        issuer: Box<str>,
    },
    /// No key can be used.
    #[error("the issuer `{issuer}`: {why}; fix: add a key, or let `algorithms` name one that fits")]
    KeysUnusable {
        /// Its `iss`.
        issuer: Box<str>,
        /// What is wrong with each key.
        why: String,
    },
    /// PEM that is refused as a whole.
    #[error(
        "the issuer `{issuer}`: its PEM is refused: {source}; \
         fix: give sections `PUBLIC KEY` or `CERTIFICATE` alone"
    )]
    Pem {
        /// Its `iss`.
        issuer: Box<str>,
        /// Why.
        source: PemError,
    },
    /// One secret for several algorithms (RFC 8725, section 3.1).
    #[error(
        "the issuer `{issuer}`: one secret cannot serve several algorithms; \
         fix: list one algorithm, or give one secret for each with `secret_jwks`"
    )]
    SecretShared {
        /// Its `iss`.
        issuer: Box<str>,
    },
    /// Tokens may be longer than the core was measured with.
    #[error(
        "the limit of {bytes} bytes for a token is too high; fix: give `limits` at most {} bytes",
        crate::jose::Limits::MAX_TOKEN_BYTES
    )]
    TokenLimit {
        /// What was given.
        bytes: usize,
    },
    /// No type of token is accepted.
    #[error("no `typ` is accepted; fix: name one in `token_types`, or leave the call out")]
    TypeMissing,
}
