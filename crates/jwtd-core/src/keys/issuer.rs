//! Issuers: their names, their keys, and the lookup from the `iss` of a token to its issuer.

use super::decryption::{DecryptionIndex, DecryptionKeys};
use super::issuer_index::IssuerIndex;
use super::key_set::KeySet;
use crate::crypto::{Digest, digest};
use crate::jose::{AlgorithmSet, Limits, UnixTime};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The allowed difference between the clocks of the issuer and of this machine: at most five
/// minutes (R33).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Leeway(Duration);

/// The leeway exceeds five minutes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the leeway exceeds five minutes")]
#[non_exhaustive]
pub struct LeewayTooLong;

impl Leeway {
    /// The longest leeway.
    pub const MAX: Duration = Duration::from_secs(300);

    /// The default of one minute, as in Envoy and SPIRE.
    pub const DEFAULT: Self = Self(Duration::from_secs(60));

    /// The leeway as a duration.
    #[must_use]
    pub const fn span(self) -> Duration {
        self.0
    }
}

impl TryFrom<Duration> for Leeway {
    type Error = LeewayTooLong;

    fn try_from(span: Duration) -> Result<Self, LeewayTooLong> {
        if span > Self::MAX { Err(LeewayTooLong) } else { Ok(Self(span)) }
    }
}

/// The known keys of an issuer.
#[derive(Clone, Debug)]
pub enum KeyState {
    /// A key set is loaded. It must not be used from `stale_at` on.
    Held {
        /// The keys.
        set: Arc<KeySet>,
        /// The time at which the set expires; `None` for keys that do not age, such as those of a
        /// file.
        stale_at: Option<UnixTime>,
    },
    /// No set has been loaded yet.
    Unavailable,
}

/// A party whose tokens are accepted.
#[derive(Clone, Debug)]
pub struct Issuer {
    name: Box<str>,
    identifiers: Box<[Box<str>]>,
    algorithms: AlgorithmSet,
    audiences: Option<Box<[Box<str>]>>,
    clock_skew: Leeway,
    max_lifetime: Option<Duration>,
    keys: KeyState,
    decryption: Option<Arc<DecryptionKeys>>,
    origin: Digest,
    settings: Digest,
}

impl Issuer {
    /// Describes an issuer.
    /// `name` is chosen by the operator; `identifiers` are the exact values of `iss`; `audiences`
    /// are the accepted values of `aud`, or `None` to accept any; `source` identifies the key
    /// source, in any form that differs between different sources.
    #[must_use]
    pub fn new(
        name: &str,
        identifiers: &[&str],
        algorithms: AlgorithmSet,
        audiences: Option<&[&str]>,
        clock_skew: Leeway,
        source: &str,
        keys: KeyState,
    ) -> Self {
        let boxed = |list: &[&str]| list.iter().copied().map(Box::from).collect();
        // The digest separates parts by their lengths, and lists by the count before them.
        let count = u64::try_from(identifiers.len()).unwrap_or(u64::MAX).to_be_bytes();
        let bits = algorithms.bits().to_be_bytes();
        let fixed = [name.as_bytes(), source.as_bytes(), &bits, &count];
        let listed = identifiers.iter().map(|identifier| identifier.as_bytes());
        let origin = digest(fixed.into_iter().chain(listed));
        Self {
            name: name.into(),
            origin,
            settings: origin,
            identifiers: boxed(identifiers),
            algorithms,
            audiences: audiences.map(boxed),
            clock_skew,
            max_lifetime: None,
            keys,
            decryption: None,
        }
    }

    /// The same issuer, with keys that its tokens may be encrypted to.
    #[must_use]
    pub fn with_decryption(self, keys: DecryptionKeys) -> Self {
        Self { decryption: Some(Arc::new(keys)), ..self }
    }

    /// The keys that its tokens may be encrypted to, if any.
    #[must_use]
    pub fn decryption(&self) -> Option<&DecryptionKeys> {
        self.decryption.as_deref()
    }

    /// The same issuer with other keys.
    #[must_use]
    pub fn with_keys(&self, keys: KeyState) -> Self {
        Self { keys, ..self.clone() }
    }

    /// The name that the operator chose.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The `iss` values that belong to it.
    #[must_use]
    pub fn identifiers(&self) -> &[Box<str>] {
        &self.identifiers
    }

    /// The `aud` values that it may name; `None` to accept any.
    #[must_use]
    pub fn audiences(&self) -> Option<&[Box<str>]> {
        self.audiences.as_deref()
    }

    /// The algorithms that it may use.
    #[must_use]
    pub fn algorithms(&self) -> AlgorithmSet {
        self.algorithms
    }

    /// Returns true if it may name `audience`.
    #[must_use]
    pub fn accepts_audience(&self, audience: &str) -> bool {
        self.audiences.as_deref().is_none_or(|all| all.iter().any(|one| **one == *audience))
    }

    /// Returns true if any audience is accepted, even none.
    #[must_use]
    pub fn accepts_any_audience(&self) -> bool {
        self.audiences.is_none()
    }

    /// The allowed difference between its clock and that of this machine.
    #[must_use]
    pub fn clock_skew(&self) -> Leeway {
        self.clock_skew
    }

    /// The same issuer, with this maximum token lifetime, from `iat` to `exp`.
    #[must_use]
    pub fn with_max_lifetime(self, max_lifetime: Option<Duration>) -> Self {
        Self { max_lifetime, ..self }
    }

    /// The maximum lifetime of its tokens, from `iat` to `exp`.
    #[must_use]
    pub fn max_lifetime(&self) -> Option<Duration> {
        self.max_lifetime
    }

    /// Its keys.
    #[must_use]
    pub fn keys(&self) -> &KeyState {
        &self.keys
    }

    /// A digest of all settings that determine its keys: name, `iss`, algorithms and key source.
    /// While it is unchanged, fetched keys stay valid after a configuration change and after a
    /// restart.
    #[must_use]
    pub fn origin(&self) -> &Digest {
        &self.origin
    }

    /// A digest of all settings that determine what a signature of this issuer proves: name, `iss`,
    /// algorithms, key source and, once it is part of [`Issuers`], the limits of its tokens.
    #[must_use]
    pub fn settings(&self) -> &Digest {
        &self.settings
    }
}

/// Two issuers share a value of `iss`. They are given by name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the issuers `{first}` and `{second}` share the `iss` `{identifier}`")]
#[non_exhaustive]
pub struct SameIdentifier {
    /// The first of the two issuers.
    pub first: Box<str>,
    /// The second of the two issuers.
    pub second: Box<str>,
    /// The shared `iss` value.
    pub identifier: Box<str>,
}

/// All accepted issuers, found by `iss` in constant time.
#[derive(Clone, Debug)]
pub struct Issuers {
    issuers: Vec<Issuer>,
    routes: Arc<HashMap<Box<str>, IssuerIndex>>,
    decryption: Arc<DecryptionIndex>,
    limits: Limits,
}

impl Issuers {
    /// Combines issuers. `limits` apply to their tokens.
    ///
    /// # Errors
    /// If two of them share a value of `iss`.
    pub fn new(mut issuers: Vec<Issuer>, limits: Limits) -> Result<Self, SameIdentifier> {
        let mut routes = HashMap::new();
        for issuer in &mut issuers {
            issuer.settings = digest([&issuer.origin[..], limits.to_string().as_bytes()]);
        }
        for (index, issuer) in issuers.iter().enumerate() {
            for identifier in &issuer.identifiers {
                let Some(IssuerIndex(first)) =
                    routes.insert(identifier.clone(), IssuerIndex(index))
                else {
                    continue;
                };
                if first != index {
                    let name = |index: usize| issuers.get(index).map(|issuer| issuer.name.clone());
                    return Err(SameIdentifier {
                        first: name(first).unwrap_or_default(),
                        second: issuer.name.clone(),
                        identifier: identifier.clone(),
                    });
                }
            }
        }
        let owned = issuers.iter().enumerate();
        let owned = owned.filter_map(|(index, issuer)| {
            Some((IssuerIndex(index), Arc::clone(issuer.decryption.as_ref()?)))
        });
        let decryption = Arc::new(DecryptionIndex::new(owned.collect()));
        Ok(Self { issuers, routes: Arc::new(routes), decryption, limits })
    }

    /// Returns the issuer with exactly this `iss` (R30).
    #[must_use]
    pub fn route(&self, identifier: &str) -> Option<IssuerIndex> {
        self.routes.get(identifier).copied()
    }

    /// Returns the issuer with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<IssuerIndex> {
        self.issuers.iter().position(|issuer| *issuer.name == *name).map(IssuerIndex)
    }

    /// Returns the issuer at this index.
    #[must_use]
    pub fn get(&self, index: IssuerIndex) -> Option<&Issuer> {
        self.issuers.get(index.0)
    }

    /// Iterates over all issuers with their indices.
    pub fn iter(&self) -> impl Iterator<Item = (IssuerIndex, &Issuer)> {
        self.issuers.iter().enumerate().map(|(index, issuer)| (IssuerIndex(index), issuer))
    }

    /// The limits of their tokens.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The decryption keys of all issuers. A refresh of signing keys does not change them.
    #[must_use]
    pub fn decryption(&self) -> &DecryptionIndex {
        &self.decryption
    }

    /// The same issuers, with other keys for the one at `index`.
    #[must_use]
    pub fn with_keys(&self, index: IssuerIndex, keys: KeyState) -> Self {
        let mut changed = self.clone();
        if let Some(issuer) = changed.issuers.get_mut(index.0) {
            *issuer = issuer.with_keys(keys);
        }
        changed
    }

    /// The same issuers, with new keys for each issuer for which `keys` returns some.
    #[must_use]
    pub fn map_keys(&self, keys: impl Fn(IssuerIndex, &Issuer) -> Option<KeyState>) -> Self {
        let mut changed = self.clone();
        for (index, issuer) in changed.issuers.iter_mut().enumerate() {
            if let Some(keys) = keys(IssuerIndex(index), issuer) {
                *issuer = issuer.with_keys(keys);
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Algorithm;

    fn issuer(name: &str) -> Issuer {
        let algorithms = [Algorithm::Es256].into_iter().collect();
        let keys = KeyState::Unavailable;
        Issuer::new(name, &[name], algorithms, None, Leeway::DEFAULT, "source", keys)
    }

    fn held() -> KeyState {
        KeyState::Held { set: Arc::new(KeySet::new(Vec::new())), stale_at: None }
    }

    fn holds(issuer: &Issuer) -> bool {
        matches!(issuer.keys(), KeyState::Held { .. })
    }

    #[test]
    fn r32_a_leeway_is_five_minutes_at_most() {
        assert_eq!(Leeway::try_from(Leeway::MAX).unwrap().span(), Leeway::MAX);
        assert_eq!(Leeway::try_from(Duration::ZERO).unwrap().span(), Duration::ZERO);
        assert!(Leeway::try_from(Leeway::MAX + Duration::from_nanos(1)).is_err());
    }

    #[test]
    fn only_the_issuer_that_is_meant_gets_other_keys() {
        let limits = Limits { token_bytes: 777, ..Limits::DEFAULT };
        let before = Issuers::new(vec![issuer("a"), issuer("b")], limits).unwrap();
        let b = before.find("b").unwrap();
        assert_eq!((b.get(), before.route("b")), (1, Some(b)));
        for after in [
            before.with_keys(b, held()),
            before.map_keys(|index, issuer| (index == b && issuer.name() == "b").then(held)),
        ] {
            assert_eq!(
                after.iter().map(|(_, issuer)| holds(issuer)).collect::<Vec<_>>(),
                [false, true]
            );
            assert_eq!(after.limits().token_bytes, 777);
            assert_eq!(after.get(b).unwrap().settings(), before.get(b).unwrap().settings());
        }
    }

    #[test]
    fn what_decides_an_issuers_keys_is_told_from_what_decides_its_proofs() {
        let among = |limits| Issuers::new(vec![issuer("a")], limits).unwrap();
        let (wide, narrow) =
            (among(Limits::DEFAULT), among(Limits { token_bytes: 777, ..Limits::DEFAULT }));
        let digests = |issuers: &Issuers| {
            let (_, issuer) = issuers.iter().next().unwrap();
            (*issuer.origin(), *issuer.settings())
        };
        let (one, other) = (digests(&wide), digests(&narrow));
        assert_eq!(one.0, other.0);
        assert_ne!(one.1, other.1);
        assert_ne!(one.0, *issuer("b").origin());
        assert_ne!(one.0, Digest::default());
    }
}
