//! The proof that a token brings: a signature, or that it was encrypted with a shared secret.

use crate::jose::{Header, KeyManagement, TokenType};
use crate::keys::{Candidates, KeySet};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The proof that a token brings.
#[derive(Debug)]
pub(super) enum Evidence {
    /// A signature, still to be checked.
    Signature(Signature),
    /// The token was opened with a secret that its issuer shares with this service. The tag of
    /// the content was checked then, and nothing is left to check.
    SharedKey(Arc<SharedKeyHeader>),
}

/// A signature, and the keys that may have made it.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) signed: SignedBytes,
    pub(super) bytes: Vec<u8>,
    pub(super) header: Arc<Header>,
    pub(super) set: Arc<KeySet>,
    pub(super) candidates: Candidates,
}

/// The JWS Signing Input (RFC 7515, section 2): what the signature covers, and nothing else.
#[derive(Debug)]
pub(super) struct SignedBytes {
    /// The JWS of a nested token, decrypted. Without it the token is the JWS.
    pub(super) plaintext: Option<Zeroizing<Vec<u8>>>,
    /// How long the header and the payload of the JWS are, with the dot between them.
    pub(super) length: usize,
}

impl SignedBytes {
    pub(super) fn of<'b>(&'b self, token: &'b [u8]) -> Option<&'b [u8]> {
        let bytes = self.plaintext.as_ref().map_or(token, |plaintext| plaintext);
        bytes.get(..self.length)
    }
}

/// The header of a token that a shared key authenticates. It is that of the encryption, which
/// is the only one, and the tag of the content covers it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SharedKeyHeader {
    pub(super) algorithm: KeyManagement,
    /// The `kid`, or the id that the configured key has.
    pub(super) key_id: Option<Box<str>>,
    pub(super) token_type: TokenType,
}

/// The header of a proven token, by what proved it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum ProvenHeader {
    Signed(Arc<Header>),
    SharedKey(Arc<SharedKeyHeader>),
}

impl ProvenHeader {
    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Signed(header) => header.algorithm.name(),
            Self::SharedKey(header) => header.algorithm.name(),
        }
    }

    pub(super) fn key_id(&self) -> Option<&str> {
        match self {
            Self::Signed(header) => header.key_id.as_deref(),
            Self::SharedKey(header) => header.key_id.as_deref(),
        }
    }

    pub(super) fn token_type(&self) -> &TokenType {
        match self {
            Self::Signed(header) => &header.token_type,
            Self::SharedKey(header) => &header.token_type,
        }
    }
}
