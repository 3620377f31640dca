//! Why a revocation cannot be recorded.

use jwtd_core::verify::BadTarget;

/// Why a revocation cannot be recorded. No text of the request comes back.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RevocationFault {
    /// What is revoked cannot be borne by a token.
    #[error("its `issuer` or its value {0}")]
    Bad(BadTarget),
    /// The comment is too long.
    #[error("its `comment` is longer than 256 bytes")]
    CommentTooLong,
    /// A key has an end.
    #[error("a revoked key does not end; fix: leave `expires_at` out")]
    EndOfKey,
    /// The end is too far ahead.
    #[error("its `expires_at` is more than a hundred years ahead; fix: it counts seconds")]
    EndOutOfBounds,
    /// The end has come.
    #[error("its `expires_at` has passed, so that no token is left to be refused")]
    EndPassed,
    /// It names no issuer.
    #[error("it names no `issuer`")]
    NoIssuer,
    /// It names nothing that could be revoked.
    #[error(
        "it names nothing; fix: set one of `token_id`, `session_id`, `subject`, `client_id`, \
         `key_thumbprint` and `everything`"
    )]
    Nothing,
    /// It names more than one thing.
    #[error("it names more than one thing; fix: make a revocation of each")]
    Several,
    /// The time is too far ahead, or before 1970.
    #[error("its `issued_before` is more than a day ahead, or before 1970; fix: it counts seconds")]
    TimeOutOfBounds,
    /// There is a time where none counts.
    #[error(
        "its `issued_before` means nothing here; fix: leave it out, all tokens that bear this are \
         refused"
    )]
    TimeWithoutMeaning,
    /// No configured issuer has this name.
    #[error("its `issuer` is neither the name nor an `iss` of a configured issuer")]
    UnknownIssuer,
}
