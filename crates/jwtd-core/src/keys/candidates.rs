//! Selects among the keys of an issuer.

use super::key::Key;
use crate::jose::Header;

/// Why no key was selected.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A key with this ID exists, but for another algorithm.
    #[error("the key with this id is for another algorithm")]
    AlgorithmMismatch,
    /// More than [`Candidates::MOST`] keys could have signed the token.
    #[error("more than {} keys could have made the signature", Candidates::MOST)]
    Ambiguous,
    /// No key matches.
    #[error("there is no such key")]
    Unknown,
}

/// The keys that may have signed a token: nearly always one, and at most [`Candidates::MOST`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Candidates {
    indices: [usize; Self::MOST],
    count: usize,
}

impl Candidates {
    /// The most keys that are tried; with more, the selection is ambiguous. An attacker can cause
    /// one signature check for each of them. With eight RSA or P-256 keys, a bad token costs 0.2 to
    /// 0.3 ms, as much as a good one under a P-521 key.
    pub const MOST: usize = 8;

    /// Selects the keys for the algorithm in `header`. If the header names a certificate that some
    /// of these keys have, selects only those.
    pub(super) fn choose<'k>(
        keys: impl Iterator<Item = (usize, &'k Key)> + Clone,
        header: &Header,
    ) -> Result<Self, KeyError> {
        let fitting = keys.filter(|(_, key)| key.key.algorithm() == header.algorithm);
        if !header.certificate.is_empty() {
            let named =
                fitting.clone().filter(|(_, key)| key.certificate.is_same(&header.certificate));
            match Self::take(named) {
                Err(KeyError::Unknown) => {}
                chosen => return chosen,
            }
        }
        Self::take(fitting)
    }

    fn take<'k>(keys: impl Iterator<Item = (usize, &'k Key)>) -> Result<Self, KeyError> {
        let mut candidates = Self::default();
        for (index, _) in keys {
            let place = candidates.indices.get_mut(candidates.count).ok_or(KeyError::Ambiguous)?;
            *place = index;
            candidates.count = candidates.count.saturating_add(1);
        }
        if candidates.count == 0 { Err(KeyError::Unknown) } else { Ok(candidates) }
    }

    /// The number of candidates.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.count
    }

    /// The indices of the candidates in the set.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.indices.iter().copied().take(self.count)
    }
}
