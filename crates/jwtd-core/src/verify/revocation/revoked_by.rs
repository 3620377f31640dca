//! By what a token is revoked.

use super::target::RevocationKind;
use std::fmt;

/// By what a token is revoked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RevokedBy {
    /// The kind of the entry.
    pub kind: RevocationKind,
    /// False if the claim that the entries name is no text, so that no entry can be told to mean
    /// it or not.
    pub readable: bool,
}

impl fmt::Display for RevokedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.kind, self.readable) {
            (RevocationKind::Token, _) => "the token is revoked by its `jti`",
            (RevocationKind::Session, true) => "its session is revoked (`sid`)",
            (RevocationKind::Session, false) => {
                "sessions of its issuer are revoked, and its `sid` is no text"
            }
            (RevocationKind::Subject, _) => {
                "the tokens of its subject that were issued until a time are revoked"
            }
            (RevocationKind::Client, true) => {
                "the tokens of its client that were issued until a time are revoked"
            }
            (RevocationKind::Client, false) => {
                "clients of its issuer are revoked, and its `client_id` or `azp` is no text"
            }
            (RevocationKind::Issuer, _) => {
                "all tokens of its issuer that were issued until a time are revoked"
            }
            (RevocationKind::Key, _) => "the key that signed it is revoked",
        })
    }
}
