//! A verifier of one process: its issuers and what it expects of their tokens, checked once and
//! used for each token. It adds nothing to [`verify`](super::verify()) but the building.

mod error;
mod issuer;
#[cfg(test)]
mod tests;

pub use error::BuildError;
pub use issuer::TrustedIssuer;

use super::context::TokenContext;
use super::profile::{AcceptedTypes, Profile};
use super::reject::Reject;
use super::token::Proven;
use super::verifier::{verify, verify_in_context};
use crate::jose::{Algorithm, Limits, Secret, TokenType, UnixTime};
use crate::keys::Issuers;
use issuer::KeySource;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Verifies tokens of the issuers that it was built with. It is immutable and can be shared
/// among threads; new keys give a new one.
#[derive(Clone)]
pub struct Verifier {
    issuers: Issuers,
    profile: Profile,
    /// By the place of the issuer.
    kept: Vec<Kept>,
}

/// What is kept of an issuer beside what [`Issuers`] knows.
#[derive(Clone, Debug)]
struct Kept {
    /// In order of preference: what new keys are bound to.
    algorithms: Box<[Algorithm]>,
    skipped: Arc<[String]>,
}

/// Collects what a [`Verifier`] is built of.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct VerifierBuilder {
    issuers: Vec<TrustedIssuer>,
    limits: Limits,
    types: Option<AcceptedTypes>,
    required_audiences: Vec<Arc<str>>,
    required_claims: Vec<Arc<str>>,
    max_age: Option<Duration>,
    max_lifetime: Option<Duration>,
}

impl Verifier {
    /// Starts to build one.
    pub fn builder() -> VerifierBuilder {
        VerifierBuilder {
            issuers: Vec::new(),
            limits: Limits::DEFAULT,
            types: None,
            required_audiences: Vec::new(),
            required_claims: Vec::new(),
            max_age: None,
            max_lifetime: None,
        }
    }

    /// Verifies one token, as [`verify`](super::verify()) does: its form, its signature, its
    /// times, its audience and what else the verifier was built to expect.
    ///
    /// # Errors
    /// The first step that fails.
    pub fn verify(&self, token: impl AsRef<[u8]>, now: UnixTime) -> Result<Proven, Reject> {
        verify(token.as_ref(), &self.issuers, &self.profile, &[], now)
    }

    /// As [`verify`](Self::verify), for a token that came with `context`.
    ///
    /// # Errors
    /// The first step that fails.
    pub fn verify_in_context(
        &self,
        token: impl AsRef<[u8]>,
        context: &TokenContext,
        now: UnixTime,
    ) -> Result<Proven, Reject> {
        verify_in_context(token.as_ref(), &self.issuers, &self.profile, &[], context, now)
    }

    /// The same verifier with another JWK Set for one issuer: a removed key is refused from then
    /// on. This verifier stays as it is, and stays usable if the new set is refused.
    ///
    /// # Errors
    /// If no issuer has this `iss`, if it signs with shared secrets, or if the set is refused or
    /// holds no usable key.
    pub fn with_jwks(&self, iss: &str, text: impl AsRef<[u8]>) -> Result<Self, BuildError> {
        self.with_keys(iss, &KeySource::Jwks(text.as_ref().into()))
    }

    /// As [`with_jwks`](Self::with_jwks), for an issuer that signs with shared secrets.
    ///
    /// # Errors
    /// If no issuer has this `iss`, if it signs with other keys, or if the set is refused or
    /// holds no usable secret.
    pub fn with_secret_jwks(&self, iss: &str, text: impl AsRef<[u8]>) -> Result<Self, BuildError> {
        self.with_keys(iss, &KeySource::SecretJwks(Secret::new(text.as_ref().into())))
    }

    fn with_keys(&self, iss: &str, source: &KeySource) -> Result<Self, BuildError> {
        let unknown = || BuildError::IssuerUnknown { issuer: iss.into() };
        let index = self.issuers.route(iss).ok_or_else(unknown)?;
        let mut kept = self.kept.clone();
        let own = kept.get_mut(index.get()).ok_or_else(unknown)?;
        let (keys, skipped) = source.load(iss, &own.algorithms)?;
        own.skipped = skipped.into();
        let issuers = self.issuers.with_keys(index, keys);
        Ok(Self { issuers, profile: self.profile.clone(), kept })
    }

    /// The keys that could not be used, as pairs of the `iss` and a line that says why: worth a
    /// warning in the log.
    pub fn skipped(&self) -> impl Iterator<Item = (&str, &str)> {
        let issuers = self.issuers.iter().map(|(_, issuer)| issuer.name());
        let kept = issuers.zip(&self.kept);
        kept.flat_map(|(iss, kept)| kept.skipped.iter().map(move |line| (iss, &**line)))
    }

    /// The issuers and their keys, for the functions of [`verify`](crate::verify).
    #[must_use]
    pub fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// What is expected of the tokens, for the functions of [`verify`](crate::verify).
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }
}

/// Names the issuers, and shows nothing of their keys: the thumbprint of a weak secret would
/// give it away.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers: Vec<_> = self.issuers.iter().map(|(_, issuer)| issuer.name()).collect();
        f.debug_struct("Verifier").field("issuers", &issuers).finish_non_exhaustive()
    }
}

impl VerifierBuilder {
    /// Trusts an issuer. May be called several times.
    pub fn issuer(mut self, issuer: TrustedIssuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Bounds the size and depth of tokens, instead of [`Limits::DEFAULT`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Accepts these types of token alone, instead of `JWT`, `at+jwt` and no `typ`.
    pub fn token_types(mut self, types: impl IntoIterator<Item = TokenType>) -> Self {
        self.types = Some(types.into_iter().collect());
        self
    }

    /// Refuses tokens that do not name this audience beside an accepted one. May be called several
    /// times; a token must name all of them.
    pub fn require_audience(mut self, name: &str) -> Self {
        self.required_audiences.push(name.into());
        self
    }

    /// Refuses tokens without this claim, or where it is null. May be called several times.
    pub fn require_claim(mut self, name: &str) -> Self {
        self.required_claims.push(name.into());
        self
    }

    /// Refuses tokens without `iat`, or where it is longer ago than this and the clock skew.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Refuses tokens without `iat`, or where `exp` is later than `iat` by more than this.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = Some(lifetime);
        self
    }

    /// Reads the keys and builds the verifier.
    ///
    /// # Errors
    /// The first thing that is wrong or missing.
    pub fn build(self) -> Result<Verifier, BuildError> {
        if self.issuers.is_empty() {
            return Err(BuildError::IssuerMissing);
        }
        if self.limits.token_bytes > Limits::MAX_TOKEN_BYTES {
            return Err(BuildError::TokenLimit { bytes: self.limits.token_bytes });
        }
        let (mut issuers, mut kept) = (Vec::new(), Vec::new());
        for issuer in self.issuers {
            let built = issuer.build()?;
            kept.push(Kept { algorithms: built.algorithms, skipped: built.skipped.into() });
            issuers.push(built.issuer);
        }
        let issuers = Issuers::new(issuers, self.limits)
            .map_err(|source| BuildError::IssuerTwice { source })?;
        let trusted: Vec<&str> = issuers.iter().map(|(_, issuer)| issuer.name()).collect();
        let mut profile = Profile::new("verifier", &trusted, &issuers)
            .map_err(|unknown| BuildError::IssuerUnknown { issuer: unknown.0 })?;
        if let Some(types) = self.types {
            if types.iter().next().is_none() {
                return Err(BuildError::TypeMissing);
            }
            profile.types = types;
        }
        profile.required_audiences = self.required_audiences.into();
        profile.required_claims = self.required_claims.into();
        profile.max_age = self.max_age;
        profile.max_lifetime = self.max_lifetime;
        Ok(Verifier { issuers, profile, kept })
    }
}
