//! A key set together with what had to be left out of it.

use super::key_set::{KeySet, Unusable};
use crate::jose::jwks::JwksError;
use crate::jose::{Algorithm, Jwk, JwkSet, KeyMaterial, Secret};

/// Keys, and what had to be left out.
#[derive(Debug)]
pub struct LoadedKeys {
    /// The usable keys.
    pub set: KeySet,
    /// One line for each key that was skipped.
    pub skipped: Vec<String>,
}

impl LoadedKeys {
    /// Reads a JWK Set of public keys (RFC 7517, section 5), each bound to one of
    /// the algorithms `allowed`.
    ///
    /// # Errors
    /// If the text is not a set, or if a key of it is private.
    pub fn from_jwks(text: &[u8], allowed: &[Algorithm]) -> Result<Self, JwksError> {
        let parsed = JwkSet::parse(text)?;
        let loaded = Self::from_public(&parsed.keys, allowed);
        Ok(loaded.after(parsed.skipped.iter().map(ToString::to_string)))
    }

    /// Reads a JWK Set of shared secrets.
    ///
    /// # Errors
    /// If the text is not a set, or if a key of it is not a shared secret.
    pub fn from_secrets(text: &[u8], allowed: &[Algorithm]) -> Result<Self, JwksError> {
        let parsed = JwkSet::parse_secrets(text)?;
        let loaded = Self::from_shared(&parsed.keys, allowed);
        Ok(loaded.after(parsed.skipped.iter().map(ToString::to_string)))
    }

    /// Binds public keys to the algorithms `allowed`.
    #[must_use]
    pub fn from_public(keys: &[Jwk<KeyMaterial>], allowed: &[Algorithm]) -> Self {
        Self::bound(KeySet::of_public(keys, allowed))
    }

    /// Binds shared secrets to the algorithms `allowed`.
    #[must_use]
    pub fn from_shared(keys: &[Jwk<Secret>], allowed: &[Algorithm]) -> Self {
        Self::bound(KeySet::of_secrets(keys, allowed))
    }

    fn bound((set, unusable): (KeySet, Vec<Unusable>)) -> Self {
        Self { set, skipped: unusable.iter().map(ToString::to_string).collect() }
    }

    fn after(mut self, earlier: impl Iterator<Item = String>) -> Self {
        self.skipped.splice(0..0, earlier);
        self
    }

    /// Why no key is usable, if none is.
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
}
