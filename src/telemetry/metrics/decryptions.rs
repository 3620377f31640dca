//! Counts encrypted tokens for which a key exists.

use jwtd_core::jose::KeyManagement;
use prometheus::{IntCounter, IntCounterVec};

/// The outcome for an encrypted token for which a key exists.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decryption {
    /// The decryption failed.
    Failed,
    /// It was decrypted, and its content was parsed.
    Opened,
    /// It was refused for another reason.
    Refused,
}

impl Decryption {
    const ALL: [Self; 3] = [Self::Failed, Self::Opened, Self::Refused];

    const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Opened => "opened",
            Self::Refused => "refused",
        }
    }
}

/// Handles of `decryptions_total`.
#[derive(Debug)]
pub struct Decryptions(Vec<(KeyManagement, [IntCounter; 3])>);

impl Decryptions {
    pub(super) fn new(vector: &IntCounterVec) -> Self {
        let of = |algorithm: &KeyManagement| {
            let counter =
                |result: Decryption| vector.with_label_values(&[algorithm.name(), result.name()]);
            (*algorithm, Decryption::ALL.map(counter))
        };
        Self(KeyManagement::ALL.iter().map(of).collect())
    }

    /// Counts one token.
    pub fn add(&self, algorithm: KeyManagement, result: Decryption) {
        let found = self.0.iter().find(|(own, _)| *own == algorithm);
        if let Some((_, [failed, opened, refused])) = found {
            match result {
                Decryption::Failed => failed.inc(),
                Decryption::Opened => opened.inc(),
                Decryption::Refused => refused.inc(),
            }
        }
    }
}
