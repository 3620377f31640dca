//! The keys of one issuer, and the choice among them.

use crate::crypto::{Digest, MacKey, PublicKey, VerifyingKey, digest};
use crate::jose::jwk::UnusableKey;
use crate::jose::{Algorithm, Jwk, KeyMaterial, Secret};
use std::collections::HashMap;
use std::fmt;

/// A key of an issuer.
#[derive(Debug)]
pub struct Key {
    /// `kid`, unique neither among issuers nor within one.
    pub id: Option<Box<str>>,
    /// The key, bound to its algorithm.
    pub key: VerifyingKey,
}

/// The keys of one issuer.
pub struct KeySet {
    keys: Box<[Key]>,
    /// The keys that have an id, by id. The ids in tokens are chosen by
    /// attackers, so the map keeps its keyed hash.
    by_id: HashMap<Box<str>, Vec<usize>>,
    fingerprint: Digest,
}

/// Leaves the fingerprint out: that of one weak secret would give it away.
impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// A key that does not become part of a set.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{} is skipped: {reason}", named(id.as_deref()))]
#[non_exhaustive]
pub struct Unusable {
    /// Its place in the list that the set was made of, counted from 0.
    pub index: usize,
    /// `kid`
    pub id: Option<Box<str>>,
    /// Why.
    pub reason: UnusableKey,
}

fn named(id: Option<&str>) -> String {
    id.map_or_else(|| "a key without `kid`".to_owned(), |id| format!("key {id:?}"))
}

/// Why no key is chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is a key with this id, but for another algorithm.
    #[error("the key with this id is for another algorithm")]
    AlgorithmMismatch,
    /// More than four keys could have signed the token.
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
    /// a signature check that an attacker can ask for.
    pub const MOST: usize = 4;

    fn choose(indices: impl Iterator<Item = usize>) -> Result<Self, KeyError> {
        let mut candidates = Self::default();
        for index in indices {
            let place = candidates.indices.get_mut(candidates.count).ok_or(KeyError::Ambiguous)?;
            *place = index;
            candidates.count = candidates.count.saturating_add(1);
        }
        if candidates.count == 0 { Err(KeyError::Unknown) } else { Ok(candidates) }
    }

    /// Their places in the set.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.indices.iter().copied().take(self.count)
    }
}

impl KeySet {
    /// Makes a set of public keys. `allowed` says, in order of preference, which
    /// algorithms the issuer may use: a key that names none is bound to the
    /// first that fits, for good (R11).
    #[must_use]
    pub fn of_public(keys: &[Jwk<KeyMaterial>], allowed: &[Algorithm]) -> (Self, Vec<Unusable>) {
        Self::build(
            keys,
            allowed,
            |jwk, algorithm| PublicKey::bind(&jwk.material, algorithm).map(VerifyingKey::Public),
            |jwk, algorithm| jwk.material.family() == algorithm.family(),
        )
    }

    /// Makes a set of shared secrets, bound as in [`KeySet::of_public`].
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
                Ok(key) => keys.push(Key { id: jwk.id.clone(), key }),
                Err(reason) => unusable.push(Unusable { index, id: jwk.id.clone(), reason }),
            }
        }
        (Self::new(keys), unusable)
    }

    /// Makes a set of bound keys.
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
            [present, id, key.key.algorithm().name().as_bytes(), key.key.thumbprint()]
        });
        Self { fingerprint: digest(parts), keys: keys.into(), by_id }
    }

    /// The keys, in their order.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Two sets with the same fingerprint choose the same keys for every token.
    #[must_use]
    pub fn fingerprint(&self) -> &Digest {
        &self.fingerprint
    }

    /// The keys that may have signed a token with this header.
    ///
    /// A token with an id is matched by it, and if no key has that id, with the
    /// keys that have none. A token without an id is matched by its algorithm.
    ///
    /// # Errors
    /// If there is no such key, or if there are too many.
    pub fn select(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Candidates, KeyError> {
        let fits = |(_, key): &(usize, &Key)| key.key.algorithm() == algorithm;
        let all = || self.keys.iter().enumerate();
        let Some(id) = id else {
            return Candidates::choose(all().filter(fits).map(|(index, _)| index));
        };
        let Some(named) = self.by_id.get(id) else {
            let nameless = all().filter(|(_, key)| key.id.is_none());
            return Candidates::choose(nameless.filter(fits).map(|(index, _)| index));
        };
        let named = named.iter().filter_map(|index| Some((*index, self.keys.get(*index)?)));
        match Candidates::choose(named.filter(fits).map(|(index, _)| index)) {
            Err(KeyError::Unknown) => Err(KeyError::AlgorithmMismatch),
            chosen => chosen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;

    fn key(id: Option<&str>, algorithm: Algorithm) -> Key {
        let key = SigningKey::generate(algorithm).unwrap().verifying_key().unwrap();
        Key { id: id.map(Box::from), key }
    }

    fn chosen(
        set: &KeySet,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Vec<usize>, KeyError> {
        set.select(id, algorithm).map(|candidates| candidates.iter().collect())
    }

    use Algorithm::{EdDsa, Es256, Es384};

    #[test]
    fn a_token_with_an_id_gets_the_keys_of_that_id_and_algorithm() {
        let set = KeySet::new(vec![
            key(Some("a"), EdDsa),
            key(Some("a"), Es256),
            key(Some("b"), EdDsa),
            key(Some("a"), EdDsa),
        ]);
        assert_eq!(chosen(&set, Some("a"), EdDsa), Ok(vec![0, 3]));
        assert_eq!(chosen(&set, Some("a"), Es256), Ok(vec![1]));
        assert_eq!(chosen(&set, Some("b"), Es256), Err(KeyError::AlgorithmMismatch));
        assert_eq!(chosen(&set, Some("c"), EdDsa), Err(KeyError::Unknown));
        assert_eq!(chosen(&set, Some(""), EdDsa), Err(KeyError::Unknown));
    }

    #[test]
    fn r19_t15_an_unknown_id_falls_back_to_nameless_keys_only() {
        let set = KeySet::new(vec![key(Some("a"), EdDsa), key(None, EdDsa), key(None, Es256)]);
        assert_eq!(chosen(&set, Some("z"), EdDsa), Ok(vec![1]));
        assert_eq!(chosen(&set, Some("z"), Es384), Err(KeyError::Unknown));
        assert_eq!(chosen(&set, Some("a"), EdDsa), Ok(vec![0]));
    }

    #[test]
    fn a_token_without_an_id_is_matched_by_algorithm_up_to_four_keys() {
        let mut keys: Vec<_> = (0..4).map(|n| key(Some(&n.to_string()), EdDsa)).collect();
        keys.push(key(None, Es256));
        assert_eq!(chosen(&KeySet::new(keys), None, EdDsa), Ok(vec![0, 1, 2, 3]));
        let many = (0..5).map(|n| key(Some(&n.to_string()), EdDsa)).collect();
        let many = KeySet::new(many);
        assert_eq!(chosen(&many, None, EdDsa), Err(KeyError::Ambiguous));
        assert_eq!(chosen(&many, None, Es256), Err(KeyError::Unknown));
    }

    #[test]
    fn r11_a_key_without_alg_is_bound_to_the_first_allowed_that_fits() {
        let signing = SigningKey::generate(EdDsa).unwrap();
        let jwk = |algorithm| Jwk { id: None, algorithm, material: signing.public().unwrap() };
        let bound = |own, allowed: &[Algorithm]| {
            let (set, unusable) = KeySet::of_public(&[jwk(own)], allowed);
            let algorithm = set.keys().first().map(|key| key.key.algorithm());
            algorithm.ok_or_else(|| unusable[0].reason)
        };
        assert_eq!(bound(None, &[Es256, EdDsa]), Ok(EdDsa));
        assert_eq!(bound(Some(EdDsa), &[Es256, EdDsa]), Ok(EdDsa));
        assert_eq!(bound(None, &[Es256]), Err(UnusableKey::NotAllowed));
        assert_eq!(bound(Some(EdDsa), &[Es256]), Err(UnusableKey::NotAllowed));
    }

    #[test]
    fn the_fingerprint_tells_ids_algorithms_and_keys_apart() {
        let signing = SigningKey::generate(EdDsa).unwrap();
        let same = |id: Option<&str>| {
            KeySet::new(vec![Key { id: id.map(Box::from), key: signing.verifying_key().unwrap() }])
        };
        assert_eq!(same(Some("a")).fingerprint(), same(Some("a")).fingerprint());
        assert_ne!(same(Some("a")).fingerprint(), same(Some("b")).fingerprint());
        assert_ne!(same(Some("")).fingerprint(), same(None).fingerprint());
        let other = KeySet::new(vec![key(Some("a"), EdDsa)]);
        assert_ne!(same(Some("a")).fingerprint(), other.fingerprint());
    }
}
