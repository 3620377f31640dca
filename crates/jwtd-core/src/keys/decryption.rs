//! The decryption keys of all issuers. An encrypted token does not reveal its issuer, so its key is
//! searched among those of all issuers.

use super::issuer_index::IssuerIndex;
use crate::crypto::{DecryptionKey, Digest, KeyFit, digest};
use crate::jose::{JweHeader, KeyManagement, KeyMode};
use std::collections::HashMap;
use std::sync::Arc;

/// The keys that the tokens of one issuer may be encrypted to.
#[derive(Debug, Default)]
pub struct DecryptionKeys {
    /// The keys, each with its ID and bound to its algorithms.
    pub keys: Vec<DecryptionKey>,
    /// True if the header around a nested token may omit `cty`, which RFC 7519, section 5.2
    /// requires.
    pub content_type_optional: bool,
}

impl DecryptionKeys {
    /// Warns, with a fix, if more keys match a token without `kid` than may be tried: such a token
    /// is refused. Returns at most one warning.
    #[must_use]
    pub fn ambiguities(&self) -> Vec<String> {
        const FIX: &str = "fix: give each key a `kid`, and let the issuer put it into its tokens";

        let all = KeyManagement::ALL.iter();
        let warn = |algorithm: &KeyManagement| {
            let fits = |key: &&DecryptionKey| key.algorithms().contains(*algorithm);
            let (count, most) = (self.keys.iter().filter(fits).count(), most(*algorithm));
            (count > most).then(|| {
                format!(
                    "{count} decryption keys for {algorithm}: a token without `kid` gets \
                     DECRYPTION_KEY_AMBIGUOUS, because at most {most} are tried; {FIX}"
                )
            })
        };
        // One warning is enough: it concerns the key type, which serves several algorithms.
        let mut lines: Vec<String> = all.filter_map(warn).collect();
        lines.truncate(1);
        lines
    }
}

/// The most keys that are tried. Anyone can cause a private-key operation for each of them; an RSA
/// operation takes a millisecond, so only one RSA key is tried.
const fn most(algorithm: KeyManagement) -> usize {
    match algorithm.mode() {
        KeyMode::KeyEncryption => 1,
        KeyMode::DirectEncryption
        | KeyMode::GcmKeyWrapping(_)
        | KeyMode::KeyAgreement(_)
        | KeyMode::KeyWrapping(_) => 4,
    }
}

/// Why no key was selected.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptionKeyError {
    /// A key with this ID exists, but it is not bound to this `alg` with this `enc`.
    #[error("the decryption key with this id is not for this `alg` and `enc`")]
    AlgorithmMismatch,
    /// More keys match than may be tried.
    #[error("more decryption keys fit than may be tried")]
    Ambiguous,
    /// A key with this ID exists, but on another curve than `epk`.
    #[error("the decryption key with this id is on another curve than `epk`")]
    CurveMismatch,
    /// No key matches.
    #[error("there is no such decryption key")]
    Unknown,
}

/// A key that may decrypt a token, and the issuers that own it.
#[derive(Clone, Debug)]
pub struct Recipient<'k> {
    /// The key.
    pub key: &'k DecryptionKey,
    /// The issuers whose tokens the key may decrypt.
    pub owners: Vec<IssuerIndex>,
}

/// The decryption keys of all issuers.
#[derive(Debug)]
pub struct DecryptionIndex {
    /// The keys of each issuer that has any, in the order of the issuers.
    owned: Vec<(IssuerIndex, Arc<DecryptionKeys>)>,
    /// The index in `owned`, and of the key within it. Attackers choose the IDs in tokens, so the
    /// map keeps its keyed hash.
    by_id: HashMap<Box<str>, Vec<(usize, usize)>>,
    fingerprint: Digest,
}

impl DecryptionIndex {
    pub(super) fn new(owned: Vec<(IssuerIndex, Arc<DecryptionKeys>)>) -> Self {
        let mut by_id: HashMap<Box<str>, Vec<(usize, usize)>> = HashMap::new();
        let mut parts = Vec::new();
        for (place, (owner, own)) in owned.iter().enumerate() {
            parts.push(format!("{} {}", owner.get(), own.content_type_optional).into_bytes());
            for (at, key) in own.keys.iter().enumerate() {
                let (algorithms, encryptions) = (key.algorithms().bits(), key.encryptions().bits());
                parts.push(format!("{algorithms} {encryptions} {:?}", key.id()).into_bytes());
                parts.push(key.thumbprint().to_vec());
                if let Some(id) = key.id() {
                    by_id.entry(id.into()).or_default().push((place, at));
                }
            }
        }
        let fingerprint = digest(parts.iter().map(|part| &part[..]));
        Self { owned, by_id, fingerprint }
    }

    /// True if no issuer has decryption keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.owned.is_empty()
    }

    /// The number of keys of all issuers.
    #[must_use]
    pub fn count(&self) -> usize {
        self.owned.iter().map(|(_, own)| own.keys.len()).sum()
    }

    /// The fingerprint. Two indexes with the same one select the same keys for every token.
    #[must_use]
    pub fn fingerprint(&self) -> &Digest {
        &self.fingerprint
    }

    /// True if the header around the issuer's nested tokens may omit `cty`.
    #[must_use]
    pub fn is_content_type_optional(&self, issuer: IssuerIndex) -> bool {
        self.owned.iter().any(|(owner, own)| *owner == issuer && own.content_type_optional)
    }

    /// The secrets that the issuer shares with this service, each with whether it is the only
    /// issuer that has it: only such a one can tell who made a token.
    pub fn secrets(&self, issuer: IssuerIndex) -> impl Iterator<Item = (&DecryptionKey, bool)> {
        let is_secret =
            |key: &&DecryptionKey| key.algorithms().iter().any(KeyManagement::is_symmetric);
        let own = self.owned.iter().filter(move |(owner, _)| *owner == issuer);
        own.flat_map(|(_, own)| &own.keys).filter(is_secret).map(move |key| {
            let has_it = |keys: &DecryptionKeys| {
                keys.keys.iter().any(|one| one.thumbprint() == key.thumbprint())
            };
            let mut others = self.owned.iter().filter(|(owner, _)| *owner != issuer);
            (key, !others.any(|(_, keys)| has_it(keys)))
        })
    }

    /// Selects the keys that may decrypt a token with this header, in the order in which they are
    /// tried.
    ///
    /// A token with an ID matches the keys with that ID or, if there are none, the keys without an
    /// ID. A token without an ID matches by its algorithms and the curve of `epk`.
    ///
    /// # Errors
    /// If no key matches, or too many do.
    pub fn select(&self, header: &JweHeader) -> Result<Vec<Recipient<'_>>, DecryptionKeyError> {
        let named = header.key_id.as_deref().and_then(|id| self.by_id.get(id));
        // If no key has the token's ID, a key with a different ID cannot be the right one.
        let only_nameless = header.key_id.is_some() && named.is_none();
        let mut found: Vec<Recipient<'_>> = Vec::new();
        let mut other_curve = false;
        let mut consider = |(place, at): (usize, usize)| {
            let Some((owner, own)) = self.owned.get(place) else { return };
            let Some(key) = own.keys.get(at) else { return };
            if only_nameless && key.id().is_some() {
                return;
            }
            match key.fit(header) {
                KeyFit::OtherAlgorithm => {}
                KeyFit::OtherCurve => other_curve = true,
                KeyFit::Fits => {
                    let same = |one: &&mut Recipient<'_>| one.key.thumbprint() == key.thumbprint();
                    match found.iter_mut().find(same) {
                        Some(one) if one.owners.contains(owner) => {}
                        Some(one) => one.owners.push(*owner),
                        None => found.push(Recipient { key, owners: vec![*owner] }),
                    }
                }
            }
        };
        match named {
            Some(named) => named.iter().for_each(|place| consider(*place)),
            None => {
                for (place, (_, own)) in self.owned.iter().enumerate() {
                    (0..own.keys.len()).for_each(|at| consider((place, at)));
                }
            }
        }
        match (found.len(), named.is_some()) {
            (0, false) => Err(DecryptionKeyError::Unknown),
            (0, true) if other_curve => Err(DecryptionKeyError::CurveMismatch),
            (0, true) => Err(DecryptionKeyError::AlgorithmMismatch),
            (count, _) if count > most(header.algorithm) => Err(DecryptionKeyError::Ambiguous),
            _ => Ok(found),
        }
    }
}
