//! The choice among the keys of an issuer.

use super::key::Key;
use crate::jose::Header;

/// Why no key is chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is a key with this id, but for another algorithm.
    #[error("the key with this id is for another algorithm")]
    AlgorithmMismatch,
    /// More than [`Candidates::MOST`] keys could have signed the token.
    #[error("more than {} keys could have made the signature", Candidates::MOST)]
    Ambiguous,
    /// There is no such key.
    #[error("there is no such key")]
    Unknown,
}

/// The keys that may have signed a token: one, nearly always, and at most
/// [`Candidates::MOST`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Candidates {
    indices: [usize; Self::MOST],
    count: usize,
}

impl Candidates {
    /// How many keys are tried before the choice is called ambiguous: each costs
    /// a signature check that an attacker can ask for. With eight keys of RSA or P-256 a bad
    /// token costs 0.2 to 0.3 ms, as much as a good one under a key of P-521.
    pub const MOST: usize = 8;

    /// The keys of the algorithm in `header`; of these, those of the certificate that it names, if
    /// there are any.
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

    /// How many there are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Their places in the set.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.indices.iter().copied().take(self.count)
    }
}
