//! What the operator configured and the issuers published, frozen at one moment.
//! The only file that names `arc_swap`.

use super::KeyWatch;
use crate::keys::{IssuerIndex, Issuers, KeyState};
use crate::telemetry::{Metrics, VerificationCounters};
use crate::verify::{Profile, Reason};
use arc_swap::ArcSwap;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;

/// Issuers, keys and profiles at one moment. A batch is judged by one snapshot
/// from its first step to its last.
#[derive(Debug)]
pub struct Snapshot {
    issuers: Issuers,
    profiles: Vec<Profile>,
    by_name: HashMap<Box<str>, usize>,
    default: Option<usize>,
    counters: VerificationCounters,
    /// The names of the issuers, as replies share them.
    names: Vec<Bytes>,
    /// For each issuer, by its place, the watch over its keys if they are fetched.
    watches: Arc<[Option<Arc<KeyWatch>>]>,
}

/// Why a request gets no profile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProfileError {
    /// The request names none, and there are several without a `default`.
    NotNamed,
    /// There is no profile of that name.
    Unknown,
}

impl Snapshot {
    /// Freezes issuers and profiles.
    #[must_use]
    pub fn new(issuers: Issuers, profiles: Vec<Profile>, metrics: &Metrics) -> Self {
        let names = profiles.iter().enumerate();
        let by_name: HashMap<Box<str>, usize> =
            names.map(|(place, profile)| (profile.name().into(), place)).collect();
        let only = (profiles.len() == 1).then_some(0);
        let counters = metrics.verifications(
            profiles.iter().map(Profile::name),
            issuers.iter().map(|(_, issuer)| issuer.name()),
        );
        let default = by_name.get("default").copied().or(only);
        let names = issuers.iter().map(|(_, one)| Bytes::copy_from_slice(one.name().as_bytes()));
        let (names, watches) = (names.collect(), Arc::default());
        Self { names, issuers, profiles, by_name, default, counters, watches }
    }

    /// The same snapshot, but one issuer has other keys.
    #[must_use]
    pub fn with_keys(&self, issuer: IssuerIndex, keys: KeyState, metrics: &Metrics) -> Self {
        let issuers = self.issuers.with_keys(issuer, keys);
        let watches = Arc::clone(&self.watches);
        Self { watches, ..Self::new(issuers, self.profiles.clone(), metrics) }
    }

    /// The same snapshot; the keys of the issuers at these places are watched over.
    #[must_use]
    pub fn with_watches(self, watches: Vec<Option<Arc<KeyWatch>>>) -> Self {
        Self { watches: watches.into(), ..self }
    }

    /// The watch over the keys of this issuer, if they are fetched.
    #[must_use]
    pub fn watch(&self, issuer: IssuerIndex) -> Option<&Arc<KeyWatch>> {
        self.watches.get(issuer.get())?.as_ref()
    }

    /// The issuers.
    #[must_use]
    pub fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// The name of the issuer at this place, without a copy.
    #[must_use]
    pub fn issuer_name(&self, issuer: IssuerIndex) -> Bytes {
        self.names.get(issuer.get()).cloned().unwrap_or_default()
    }

    /// The profiles.
    #[must_use]
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// The place of the profile that a request names; empty stands for the one
    /// named `default`, or the only one.
    ///
    /// # Errors
    /// If there is no such profile.
    pub fn find_profile(&self, name: &str) -> Result<usize, ProfileError> {
        if name.is_empty() {
            return self.default.ok_or(ProfileError::NotNamed);
        }
        self.by_name.get(name).copied().ok_or(ProfileError::Unknown)
    }

    /// Counts `tokens` verdicts.
    pub fn count(&self, profile: usize, issuer: Option<IssuerIndex>, reason: Reason, tokens: u64) {
        self.counters.add(profile, issuer.map(IssuerIndex::get), reason, tokens);
    }
}

/// The snapshot of now.
#[derive(Debug)]
pub struct Current(ArcSwap<Snapshot>);

impl Current {
    /// Starts with `snapshot`.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        Self(ArcSwap::from_pointee(snapshot))
    }

    /// The snapshot of now.
    #[must_use]
    pub fn load(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// Puts `snapshot` in the place of the one before. Batches that have begun
    /// end with the one that they began with.
    pub fn publish(&self, snapshot: Snapshot) {
        self.0.store(Arc::new(snapshot));
    }

    /// Puts what `change` makes of the snapshot of now in its place, and returns the
    /// one before. `change` may be called again if another thread was faster: no
    /// change is lost.
    pub fn update(&self, change: impl Fn(&Snapshot) -> Snapshot) -> Arc<Snapshot> {
        self.0.rcu(|before| change(before))
    }
}
