//! An issuer as it is given to the builder, and how it becomes an [`Issuer`].

use super::error::BuildError;
use crate::jose::{Algorithm, Family, Jwk, Secret, pem};
use crate::keys::{Issuer, KeyState, Leeway, LoadedKeys};
use std::fmt;
use std::time::Duration;

/// A party whose tokens are accepted: its `iss`, its keys and the audiences that its tokens may
/// name.
#[derive(Clone, Debug)]
pub struct TrustedIssuer {
    identifier: Box<str>,
    keys: Vec<KeySource>,
    algorithms: Option<Vec<Algorithm>>,
    audiences: Vec<Box<str>>,
    any_audience: bool,
    clock_skew: Duration,
}

/// Keys that are not read yet: the algorithms that they are bound to may be given later.
#[derive(Clone)]
pub(super) enum KeySource {
    Jwks(Vec<u8>),
    Pem(Vec<u8>),
    Secret(Secret),
    SecretJwks(Secret),
}

/// Shows the kind alone: a private key may have been given by mistake.
impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jwks(_) => "Jwks",
            Self::Pem(_) => "Pem",
            Self::Secret(_) => "Secret",
            Self::SecretJwks(_) => "SecretJwks",
        })
    }
}

/// An issuer that was built.
pub(super) struct Built {
    pub(super) issuer: Issuer,
    /// In order of preference.
    pub(super) algorithms: Box<[Algorithm]>,
    pub(super) skipped: Vec<String>,
}

impl TrustedIssuer {
    /// Starts the description of an issuer. `iss` is compared byte by byte with the claim.
    #[must_use]
    pub fn new(iss: &str) -> Self {
        Self {
            identifier: iss.into(),
            keys: Vec::new(),
            algorithms: None,
            audiences: Vec::new(),
            any_audience: false,
            clock_skew: Leeway::DEFAULT.span(),
        }
    }

    /// Trusts the public keys of a JWK Set (RFC 7517, section 5). A key that cannot be used is
    /// skipped and listed by [`Verifier::skipped`](super::Verifier::skipped).
    #[must_use]
    pub fn jwks(self, text: impl AsRef<[u8]>) -> Self {
        self.keys(KeySource::Jwks(text.as_ref().into()))
    }

    /// Trusts the public keys of a PEM text: sections `PUBLIC KEY` and `CERTIFICATE`. Of a
    /// certificate only the key is used.
    #[must_use]
    pub fn pem(self, text: impl AsRef<[u8]>) -> Self {
        self.keys(KeySource::Pem(text.as_ref().into()))
    }

    /// Trusts one shared secret: HS256, unless [`algorithms`](Self::algorithms) says otherwise.
    #[must_use]
    pub fn secret(self, secret: Secret) -> Self {
        self.keys(KeySource::Secret(secret))
    }

    /// Trusts the shared secrets of a JWK Set, each with `kty` of `oct`: HS256, unless
    /// [`algorithms`](Self::algorithms) says otherwise.
    #[must_use]
    pub fn secret_jwks(self, text: impl AsRef<[u8]>) -> Self {
        self.keys(KeySource::SecretJwks(Secret::new(text.as_ref().into())))
    }

    /// Accepts tokens that name this audience. May be called several times; a token must name
    /// one of them.
    #[must_use]
    pub fn audience(mut self, name: &str) -> Self {
        self.audiences.push(name.into());
        self
    }

    /// Accepts tokens for any audience, and those that name none. Tokens that the issuer made for
    /// other services are then accepted, too.
    #[must_use]
    pub fn any_audience(mut self) -> Self {
        self.any_audience = true;
        self
    }

    /// Accepts these algorithms alone, instead of RS256, ES256 and EdDSA. A key without `alg` is
    /// bound to the first that fits it.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Lets the clock of the issuer differ by this much, instead of 60 s.
    #[must_use]
    pub fn clock_skew(mut self, span: Duration) -> Self {
        self.clock_skew = span;
        self
    }

    fn keys(mut self, source: KeySource) -> Self {
        self.keys.push(source);
        self
    }

    pub(super) fn build(self) -> Result<Built, BuildError> {
        let issuer = self.identifier;
        if issuer.is_empty() {
            return Err(BuildError::IssuerEmpty);
        }
        let audiences: Vec<&str> = self.audiences.iter().map(|name| &**name).collect();
        let audiences = match (self.any_audience, &*audiences) {
            (true, []) => None,
            (true, _) => return Err(BuildError::AudienceConflict { issuer }),
            (false, []) => return Err(BuildError::AudienceMissing { issuer }),
            (false, names) if names.contains(&"") => {
                return Err(BuildError::AudienceEmpty { issuer });
            }
            (false, names) => Some(names),
        };
        let source = match &*self.keys {
            [] => return Err(BuildError::KeysMissing { issuer }),
            [source] => source,
            _ => return Err(BuildError::KeysTwice { issuer }),
        };
        let clock_skew = match Leeway::try_from(self.clock_skew) {
            Ok(clock_skew) => clock_skew,
            Err(source) => return Err(BuildError::ClockSkew { issuer, source }),
        };
        let algorithms = self.algorithms.unwrap_or_else(|| source.default_algorithms().to_vec());
        let (keys, skipped) = source.load(&issuer, &algorithms)?;
        let set = algorithms.iter().copied().collect();
        let issuer = Issuer::new(&issuer, &[&issuer], set, audiences, clock_skew, "verifier", keys);
        Ok(Built { issuer, algorithms: algorithms.into(), skipped })
    }
}

impl KeySource {
    fn default_algorithms(&self) -> &'static [Algorithm] {
        match self {
            Self::Jwks(_) | Self::Pem(_) => &[Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa],
            Self::Secret(_) | Self::SecretJwks(_) => &[Algorithm::Hs256],
        }
    }

    /// Reads the keys and binds them; the lines say which were skipped, and why, and what the
    /// others cannot serve.
    pub(super) fn load(
        &self,
        issuer: &str,
        algorithms: &[Algorithm],
    ) -> Result<(KeyState, Vec<String>), BuildError> {
        if algorithms.is_empty() {
            return Err(BuildError::AlgorithmMissing { issuer: issuer.into() });
        }
        // RFC 8725, section 3.1: no issuer has both kinds of keys, so that none can be taken for
        // one of the other kind.
        let secret = matches!(self, Self::Secret(_) | Self::SecretJwks(_));
        let other = |algorithm: &&Algorithm| (algorithm.family() == Family::Hmac) != secret;
        if let Some(algorithm) = algorithms.iter().find(other) {
            let (issuer, algorithm) = (issuer.into(), *algorithm);
            return Err(BuildError::AlgorithmMismatch { issuer, algorithm });
        }
        let jwks = |source| BuildError::Jwks { issuer: issuer.into(), source };
        let loaded = match self {
            Self::Jwks(text) => LoadedKeys::from_jwks(text, algorithms).map_err(jwks)?,
            Self::Pem(text) => {
                let keys = pem::parse_keys(text)
                    .map_err(|source| BuildError::Pem { issuer: issuer.into(), source })?;
                LoadedKeys::from_public(&keys, algorithms)
            }
            Self::Secret(secret) => {
                if algorithms.len() > 1 {
                    return Err(BuildError::SecretShared { issuer: issuer.into() });
                }
                let key = Jwk::bare(secret.clone());
                LoadedKeys::from_shared(&[key], algorithms)
            }
            Self::SecretJwks(text) => {
                LoadedKeys::from_secrets(text.expose(), algorithms).map_err(jwks)?
            }
        };
        if let Some(why) = loaded.unusable(algorithms) {
            return Err(BuildError::KeysUnusable { issuer: issuer.into(), why });
        }
        let LoadedKeys { set, mut skipped, warnings } = loaded;
        skipped.extend(warnings);
        Ok((KeyState::Held { set: set.into(), stale_at: None }, skipped))
    }
}
