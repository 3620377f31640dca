//! A key set together with the keys that were skipped and warnings about tokens that it cannot
//! verify.

use super::key_set::{KeySet, Unusable};
use super::warnings::without_key;
use crate::jose::jwks::JwksError;
use crate::jose::{Algorithm, Jwk, JwkSet, KeyMaterial, Secret};

/// A key set, the keys that were skipped, and warnings.
#[derive(Debug)]
pub struct LoadedKeys {
    /// The usable keys.
    pub set: KeySet,
    /// One line for each key that was skipped.
    pub skipped: Vec<String>,
    /// Tokens that the usable keys should be able to verify but cannot, one line for each kind:
    /// either too many keys may have signed the token, so that none is tried, or an allowed
    /// algorithm has no key.
    pub warnings: Vec<String>,
}

impl LoadedKeys {
    /// Reads a JWK Set of public keys (RFC 7517, section 5), each bound to one of
    /// the algorithms `allowed`.
    ///
    /// # Errors
    /// If the text is not a set, or if one of its keys is private.
    pub fn from_jwks(text: &[u8], allowed: &[Algorithm]) -> Result<Self, JwksError> {
        let parsed = JwkSet::parse(text)?;
        let loaded = Self::from_public(&parsed.keys, allowed);
        Ok(loaded.after(parsed.skipped.iter().map(ToString::to_string)))
    }

    /// Reads a JWK Set of shared secrets.
    ///
    /// # Errors
    /// If the text is not a set, or if one of its keys is not a shared secret.
    pub fn from_secrets(text: &[u8], allowed: &[Algorithm]) -> Result<Self, JwksError> {
        let parsed = JwkSet::parse_secrets(text)?;
        let loaded = Self::from_shared(&parsed.keys, allowed);
        Ok(loaded.after(parsed.skipped.iter().map(ToString::to_string)))
    }

    /// Binds public keys to the algorithms `allowed`.
    #[must_use]
    pub fn from_public(keys: &[Jwk<KeyMaterial>], allowed: &[Algorithm]) -> Self {
        Self::bound(KeySet::of_public(keys, allowed), keys, allowed)
    }

    /// Binds shared secrets to the algorithms `allowed`.
    #[must_use]
    pub fn from_shared(keys: &[Jwk<Secret>], allowed: &[Algorithm]) -> Self {
        Self::bound(KeySet::of_secrets(keys, allowed), keys, allowed)
    }

    fn bound<M>(
        (set, unusable): (KeySet, Vec<Unusable>),
        jwks: &[Jwk<M>],
        allowed: &[Algorithm],
    ) -> Self {
        let mut warnings = set.ambiguities();
        let states_none = jwks.iter().any(|jwk| jwk.algorithm.is_none());
        if states_none {
            warnings.extend(allowed.iter().filter_map(|algorithm| without_key(&set, *algorithm)));
        }
        Self { set, skipped: unusable.iter().map(ToString::to_string).collect(), warnings }
    }

    fn after(mut self, earlier: impl Iterator<Item = String>) -> Self {
        self.skipped.splice(0..0, earlier);
        self
    }

    /// The reason why no key is usable; `None` if there is a usable one.
    #[must_use]
    pub fn unusable(&self, allowed: &[Algorithm]) -> Option<String> {
        if !self.set.keys().is_empty() {
            return None;
        }
        let names: Vec<_> = allowed.iter().map(|algorithm| algorithm.name()).collect();
        let what = format!("no usable key for {}", names.join(", "));
        Some([what].into_iter().chain(self.skipped.iter().cloned()).collect::<Vec<_>>().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;

    const ALLOWED: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Hs256];
    const LONG: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn secrets(key: &str) -> LoadedKeys {
        let text = format!(r#"{{"keys":[{{"kty":"oct","kid":"a","k":"{key}"}}]}}"#);
        LoadedKeys::from_secrets(text.as_bytes(), &ALLOWED).unwrap()
    }

    #[test]
    fn a_secret_is_bound_to_an_algorithm_of_secrets() {
        let loaded = secrets(LONG);
        let algorithms: Vec<_> = loaded.set.keys().iter().map(|key| key.key.algorithm()).collect();
        assert_eq!(algorithms, [Algorithm::Hs256]);
        assert_eq!((loaded.unusable(&ALLOWED), loaded.skipped.len()), (None, 0));
    }

    #[test]
    fn a_set_without_a_usable_key_says_what_was_wrong_with_each() {
        let loaded = secrets("AAAA");
        let why = loaded.unusable(&ALLOWED).unwrap();
        assert!(why.starts_with("no usable key for RS256, HS256; key \"a\" is skipped: "), "{why}");
    }

    /// Builds a set with these key IDs, and returns its warnings.
    fn warned(ids: &[Option<String>]) -> Vec<String> {
        let keys: Vec<_> = ids
            .iter()
            .map(|id| {
                let material = SigningKey::generate(Algorithm::EdDsa).unwrap().public().unwrap();
                Jwk { id: id.as_deref().map(Box::from), ..Jwk::bare(material) }
            })
            .collect();
        LoadedKeys::from_public(&keys, &[Algorithm::EdDsa]).warnings
    }

    #[test]
    fn keys_of_which_too_many_may_have_signed_are_announced() {
        let named = |count: usize| (0..count).map(|n| Some(n.to_string())).collect::<Vec<_>>();
        for (ids, expected) in [
            (vec![None; 8], None),
            (vec![None; 9], Some("9 keys without `kid` for EdDSA: a token without `kid`, or")),
            (named(8), None),
            (named(9), Some("9 keys for EdDSA: a token without `kid` gets KEY_AMBIGUOUS")),
            ([named(5), vec![None; 4]].concat(), Some("9 keys for EdDSA: a token without `kid`")),
        ] {
            let warnings = warned(&ids);
            assert_eq!(warnings.len(), usize::from(expected.is_some()), "{warnings:?}");
            let expected = expected.unwrap_or_default();
            assert!(warnings.iter().all(|one| one.starts_with(expected)), "{warnings:?}");
            assert!(warnings.iter().all(|one| one.contains("; fix: ")), "{warnings:?}");
        }
        let same = warned(&vec![Some("a".to_owned()); 9]);
        assert!(same[1].starts_with("9 keys with the `kid` \"a\" for EdDSA: a token with it"));
    }

    #[test]
    fn an_allowed_algorithm_that_got_no_key_is_announced() {
        let secret = |algorithm: &str| {
            let text = format!(r#"{{"keys":[{{"kty":"oct","kid":"a","k":"{LONG}"{algorithm}}}]}}"#);
            let allowed = [Algorithm::Hs256, Algorithm::Hs384];
            LoadedKeys::from_secrets(text.as_bytes(), &allowed).unwrap().warnings
        };
        let warnings = secret("");
        assert!(warnings[0].starts_with("no key serves HS384: "), "{warnings:?}");
        assert_eq!(warnings.len(), 1);
        assert!(secret(r#","alg":"HS256""#).is_empty(), "the issuer says so");
        // An algorithm that is allowed by default but fits no key at all causes no warning.
        assert!(warned(&[None]).is_empty());
    }
}
