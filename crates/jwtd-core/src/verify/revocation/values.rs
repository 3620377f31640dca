//! The 128-bit values that stand for what is revoked and for what a token bears.

use super::target::{RevocationKind, RevocationTarget};
use crate::crypto::MessageKey;
use crate::jose::base64url;
use crate::verify::Proven;
use std::hash::{BuildHasher, Hash, Hasher};

/// The secret of one process that makes the values. What an attacker writes into tokens cannot
/// be made to collide with an entry, nor to fill a table unevenly.
#[derive(Clone, Debug)]
pub struct RevocationKey {
    key: MessageKey,
    /// For the test that shows that short values would refuse good tokens.
    #[cfg(test)]
    pub(super) mask: u64,
}

/// A value: HMAC-SHA-256 of the kind, the `iss` and the text, each with its length before it,
/// cut to 128 bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Value([u64; 2]);

impl RevocationKey {
    /// The key of a secret, which is random and this process's own.
    #[must_use]
    pub fn new(secret: &[u8; MessageKey::LEAST_BYTES]) -> Self {
        Self {
            key: MessageKey::of(secret),
            #[cfg(test)]
            mask: u64::MAX,
        }
    }

    /// The value of what is revoked.
    pub(super) fn value_of(&self, target: &RevocationTarget) -> Value {
        self.value(target.kind(), target.issuer(), target.value())
    }

    /// The value of the issuer of what is revoked.
    pub(super) fn issuer(&self, issuer: &str) -> Value {
        self.value(RevocationKind::Issuer, issuer, "")
    }

    pub(super) fn value(&self, kind: RevocationKind, issuer: &str, text: &str) -> Value {
        let length = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes();
        let mut message =
            Vec::with_capacity(issuer.len().saturating_add(text.len()).saturating_add(17));
        message.push(kind.number());
        for part in [issuer, text] {
            message.extend(length(part));
            message.extend(part.as_bytes());
        }
        let tag = self.key.tag(&message);
        let mut words = tag.chunks_exact(8).map(|word| {
            let word: [u8; 8] = word.try_into().unwrap_or_default();
            u64::from_le_bytes(word)
        });
        let value = [words.next().unwrap_or_default(), words.next().unwrap_or_default()];
        #[cfg(test)]
        let value = [value[0] & self.mask, if self.mask == u64::MAX { value[1] } else { 0 }];
        Value(value)
    }
}

/// The values of what one proven token bears. They are computed once and hold for as long as the
/// process: they hang on nothing but the token and the key that signed it.
#[derive(Clone, Debug)]
pub struct TokenValues {
    pub(super) issuer: Value,
    pub(super) token: Option<Value>,
    /// An error if the claim is there and is no text.
    pub(super) session: Result<Option<Value>, Unreadable>,
    pub(super) subject: Option<Value>,
    /// `client_id` and `azp`.
    pub(super) clients: Result<[Option<Value>; 2], Unreadable>,
    pub(super) key: Value,
}

/// A claim that is there and is no text: which session or client it means cannot be told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unreadable;

impl TokenValues {
    /// Those of a token. Nothing if it names no issuer, which no proven token does.
    #[must_use]
    pub fn of(key: &RevocationKey, proven: &Proven) -> Option<Self> {
        let claims = proven.claims();
        let issuer = claims.issuer()?;
        let value = |kind, text: Option<&str>| Some(key.value(kind, issuer, text?));
        let client = |text| value(RevocationKind::Client, text);
        let clients = match (claims.client_id(), claims.authorized_party()) {
            (Ok(id), Ok(party)) => Ok([client(id), client(party.filter(|_| party != id))]),
            _ => Err(Unreadable),
        };
        let session = claims.session_id().map_err(|_| Unreadable);
        let thumbprint = base64url::encode(proven.proof().key());
        Some(Self {
            issuer: key.issuer(issuer),
            token: value(RevocationKind::Token, claims.token_id()),
            session: session.map(|id| value(RevocationKind::Session, id)),
            subject: value(RevocationKind::Subject, claims.subject()),
            clients,
            key: key.value(RevocationKind::Key, issuer, &thumbprint),
        })
    }
}

/// The value is its own hash.
impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self([first, _]) = self;
        state.write_u64(*first);
    }
}

/// Takes values for what they are: as good as random, under a key that nobody knows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AsTheyAre(u64);

impl BuildHasher for AsTheyAre {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for AsTheyAre {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}
