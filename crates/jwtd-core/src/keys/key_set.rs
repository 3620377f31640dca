//! The keys of one issuer, and the selection among them.

use super::candidates::{Candidates, KeyError};
use super::key::Key;
use crate::crypto::{Digest, MacKey, PublicKey, VerifyingKey, certificate_thumbprints, digest};
use crate::jose::jwk::UnusableKey;
use crate::jose::{Algorithm, CertificateThumbprints, Header, Jwk, KeyMaterial, Secret};
use std::collections::HashMap;
use std::fmt;

/// The keys of one issuer.
pub struct KeySet {
    keys: Box<[Key]>,
    /// The keys that have an ID, by ID. Attackers choose the IDs in tokens, so the map keeps its
    /// keyed hash.
    by_id: HashMap<Box<str>, Vec<usize>>,
    fingerprint: Digest,
}

/// Omits the fingerprint: for a set of one weak secret it would reveal the secret.
impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// A key that was left out of a set.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{} is skipped: {reason}", named(id.as_deref()))]
#[non_exhaustive]
pub struct Unusable {
    /// The index in the list that the set was built from, counted from 0.
    pub index: usize,
    /// `kid`
    pub id: Option<Box<str>>,
    /// The reason.
    pub reason: UnusableKey,
}

fn named(id: Option<&str>) -> String {
    id.map_or_else(|| "a key without `kid`".to_owned(), |id| format!("key {id:?}"))
}

impl KeySet {
    /// Builds a set of public keys. `allowed` lists the algorithms that the issuer may use, in
    /// order of preference: a key without `alg` is permanently bound to the first that fits (R11).
    #[must_use]
    pub fn of_public(keys: &[Jwk<KeyMaterial>], allowed: &[Algorithm]) -> (Self, Vec<Unusable>) {
        Self::build(
            keys,
            allowed,
            |jwk, algorithm| PublicKey::bind(&jwk.material, algorithm).map(VerifyingKey::Public),
            |jwk, algorithm| jwk.material.family() == algorithm.family(),
        )
    }

    /// Builds a set of shared secrets, bound as in [`KeySet::of_public`].
    #[must_use]
    pub fn of_secrets(keys: &[Jwk<Secret>], allowed: &[Algorithm]) -> (Self, Vec<Unusable>) {
        Self::build(
            keys,
            allowed,
            |jwk, algorithm| MacKey::bind(&jwk.material, algorithm).map(VerifyingKey::Mac),
            |_, algorithm| algorithm.family() == crate::jose::Family::Hmac,
        )
    }

    fn build<M>(
        jwks: &[Jwk<M>],
        allowed: &[Algorithm],
        bind: impl Fn(&Jwk<M>, Algorithm) -> Result<VerifyingKey, UnusableKey>,
        fits: impl Fn(&Jwk<M>, Algorithm) -> bool,
    ) -> (Self, Vec<Unusable>) {
        let mut keys = Vec::new();
        let mut unusable = Vec::new();
        for (index, jwk) in jwks.iter().enumerate() {
            let chosen = allowed
                .iter()
                .copied()
                .find(|algorithm| {
                    jwk.algorithm.is_none_or(|own| own == *algorithm) && fits(jwk, *algorithm)
                })
                .ok_or(UnusableKey::NotAllowed);
            match chosen.and_then(|algorithm| bind(jwk, algorithm)) {
                Ok(key) => {
                    let stated = jwk.thumbprints;
                    let certificate = jwk.certificate.as_deref();
                    let known = certificate.map(certificate_thumbprints).unwrap_or_default();
                    let certificate = CertificateThumbprints {
                        sha1: stated.sha1.or(known.sha1),
                        sha256: stated.sha256.or(known.sha256),
                    };
                    keys.push(Key { id: jwk.id.clone(), certificate, key });
                }
                Err(reason) => unusable.push(Unusable { index, id: jwk.id.clone(), reason }),
            }
        }
        (Self::new(keys), unusable)
    }

    /// Builds a set of bound keys.
    #[must_use]
    pub fn new(keys: Vec<Key>) -> Self {
        let mut by_id: HashMap<Box<str>, Vec<usize>> = HashMap::new();
        for (index, key) in keys.iter().enumerate() {
            if let Some(id) = &key.id {
                by_id.entry(id.clone()).or_default().push(index);
            }
        }
        let parts = keys.iter().flat_map(|key| {
            let (present, id) = match &key.id {
                Some(id) => (&b"1"[..], id.as_bytes()),
                None => (&b"0"[..], &b""[..]),
            };
            let CertificateThumbprints { sha1, sha256 } = &key.certificate;
            let sha1 = sha1.as_ref().map_or(&[][..], |hash| hash);
            let sha256 = sha256.as_ref().map_or(&[][..], |hash| hash);
            let algorithm = key.key.algorithm().name().as_bytes();
            [present, id, sha1, sha256, algorithm, key.key.thumbprint()]
        });
        Self { fingerprint: digest(parts), keys: keys.into(), by_id }
    }

    /// The keys, in order.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The fingerprint. Two sets with the same one select the same keys for every token.
    #[must_use]
    pub fn fingerprint(&self) -> &Digest {
        &self.fingerprint
    }

    /// Selects the keys that may have signed a token with this header.
    ///
    /// A token with an ID matches the keys with that ID or, if there are none, the keys without an
    /// ID. A token without an ID matches by its algorithm. If the token names a certificate that
    /// some of the matching keys have, only those remain.
    ///
    /// # Errors
    /// If no key matches, or too many do.
    pub fn select(&self, header: &Header) -> Result<Candidates, KeyError> {
        let all = || self.keys.iter().enumerate();
        let Some(id) = header.key_id.as_deref() else {
            return Candidates::choose(all(), header);
        };
        let Some(named) = self.by_id.get(id) else {
            return Candidates::choose(all().filter(|(_, key)| key.id.is_none()), header);
        };
        let named = named.iter().filter_map(|index| Some((*index, self.keys.get(*index)?)));
        match Candidates::choose(named, header) {
            Err(KeyError::Unknown) => Err(KeyError::AlgorithmMismatch),
            chosen => chosen,
        }
    }
}

#[cfg(test)]
mod tests;
