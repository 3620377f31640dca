//! What the operator configured and the issuers published, frozen at one moment.
//! The only file that names `arc_swap`.

use super::KeyWatch;
use crate::ext_authz::HttpRules;
use crate::telemetry::{Metrics, ShadowCounters, VerificationCounters};
use arc_swap::ArcSwap;
use bytes::Bytes;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{Freshness, Issuer, IssuerIndex, Issuers, KeyState};
use jwtd_core::policy::{Caller, Policy};
use jwtd_core::verify::{Profile, Reason, Reject};
use std::collections::HashMap;
use std::sync::Arc;

/// Issuers, keys and profiles at one moment. A batch is judged by one snapshot
/// from its first step to its last.
#[derive(Debug)]
pub struct Snapshot {
    issuers: Issuers,
    profiles: Vec<Profile>,
    /// For each profile, by its place, its policy.
    policies: Arc<[Policy]>,
    /// What is done with HTTP requests, if proxies may ask about them.
    http: Option<Arc<HttpRules>>,
    by_name: HashMap<Box<str>, usize>,
    default: Option<usize>,
    counters: VerificationCounters,
    shadows: ShadowCounters,
    /// The names of the issuers, as replies share them.
    names: Vec<Bytes>,
    /// How many configurations there were before, and this one.
    generation: u64,
    /// For each issuer, by its place, what belongs to it beside its settings.
    upkeep: Arc<[Upkeep]>,
}

/// What belongs to an issuer beside the settings that decide about tokens.
#[derive(Clone, Debug, Default)]
pub struct Upkeep {
    /// The watch over its keys, if they are fetched.
    pub watch: Option<Arc<KeyWatch>>,
    /// Whether the daemon begins to take calls without its keys.
    pub optional: bool,
}

/// Why a request gets no profile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProfileError {
    /// The request names none, and there are several without a `default`.
    NotNamed,
    /// The profile is for other callers.
    NotServed,
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
        let shadows = metrics.shadows(profiles.iter().map(Profile::name));
        let default = by_name.get("default").copied().or(only);
        let names = issuers.iter().map(|(_, one)| Bytes::copy_from_slice(one.name().as_bytes()));
        let (names, upkeep) = (names.collect(), Arc::default());
        let policies = profiles.iter().map(|_| Policy::default()).collect();
        Self {
            names,
            issuers,
            profiles,
            policies,
            http: None,
            by_name,
            default,
            counters,
            shadows,
            generation: 1,
            upkeep,
        }
    }

    /// The same snapshot, but one issuer has other keys.
    #[must_use]
    pub fn with_keys(&self, issuer: IssuerIndex, keys: KeyState, metrics: &Metrics) -> Self {
        let issuers = self.issuers.with_keys(issuer, keys);
        let (upkeep, policies) = (Arc::clone(&self.upkeep), Arc::clone(&self.policies));
        let (http, generation) = (self.http.clone(), self.generation);
        Self {
            upkeep,
            policies,
            http,
            generation,
            ..Self::new(issuers, self.profiles.clone(), metrics)
        }
    }

    /// The same snapshot; these are the policies of the profiles at these places.
    #[must_use]
    pub fn with_policies(self, policies: Vec<Policy>) -> Self {
        Self { policies: policies.into(), ..self }
    }

    /// The same snapshot; this is done with HTTP requests.
    #[must_use]
    pub fn with_http(self, http: Option<HttpRules>) -> Self {
        Self { http: http.map(Arc::new), ..self }
    }

    /// The same snapshot; this belongs to the issuers at these places.
    #[must_use]
    pub fn with_upkeep(self, upkeep: Arc<[Upkeep]>) -> Self {
        Self { upkeep, ..self }
    }

    /// Whether both are of one configuration, and differ in keys at most: places of
    /// profiles and issuers mean the same in both.
    #[must_use]
    pub fn is_of_configuration_of(&self, other: &Self) -> bool {
        // Made anew with each configuration, and shared by all snapshots of it.
        Arc::ptr_eq(&self.upkeep, &other.upkeep)
    }

    /// Whether the daemon begins to take calls without keys of this issuer.
    #[must_use]
    pub fn is_optional(&self, issuer: IssuerIndex) -> bool {
        self.upkeep.get(issuer.get()).is_some_and(|one| one.optional)
    }

    /// How far the keys of this issuer can be relied on.
    #[must_use]
    pub fn freshness(&self, issuer: IssuerIndex, now: UnixTime) -> Freshness {
        let expired = match self.issuers.get(issuer).map(Issuer::keys) {
            Some(KeyState::Held { stale_at, .. }) => stale_at.is_some_and(|end| now >= end),
            Some(KeyState::Unavailable) | None => true,
        };
        match self.watch(issuer) {
            Some(watch) => watch.freshness(expired),
            None if expired => Freshness::Expired,
            None => Freshness::Fresh,
        }
    }

    /// The watch over the keys of this issuer, if they are fetched.
    #[must_use]
    pub fn watch(&self, issuer: IssuerIndex) -> Option<&Arc<KeyWatch>> {
        self.upkeep.get(issuer.get())?.watch.as_ref()
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

    /// The policy of the profile at this place.
    #[must_use]
    pub fn policy(&self, profile: usize) -> Option<&Policy> {
        self.policies.get(profile)
    }

    /// The same snapshot, made of the configuration with this number.
    #[must_use]
    pub fn with_generation(self, generation: u64) -> Self {
        Self { generation, ..self }
    }

    /// The number of the configuration that it is made of, counted from 1.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What is done with HTTP requests, if proxies may ask about them.
    #[must_use]
    pub fn http(&self) -> Option<&Arc<HttpRules>> {
        self.http.as_ref()
    }

    /// Whether any profile looks at claims beyond the registered ones, or returns some.
    #[must_use]
    pub fn reads_claims(&self) -> bool {
        self.http.as_ref().is_some_and(|http| !http.headers.is_empty())
            || self.policies.iter().any(|one| one.reads_claims() || one.projection.is_some())
    }

    /// The place of the profile that a request names; empty stands for the first that
    /// is meant for the caller, or else for the one named `default`, or the only one.
    ///
    /// # Errors
    /// If there is no such profile, or it is for others.
    pub fn find_profile(&self, name: &str, caller: &Caller) -> Result<usize, ProfileError> {
        let place = if name.is_empty() {
            let meant = self.policies.iter().position(|policy| policy.names(caller));
            meant.or(self.default).ok_or(ProfileError::NotNamed)?
        } else {
            self.by_name.get(name).copied().ok_or(ProfileError::Unknown)?
        };
        let serves = self.policies.get(place).is_some_and(|policy| policy.serves(caller));
        if serves { Ok(place) } else { Err(ProfileError::NotServed) }
    }

    /// Whether any profile is for `caller`.
    #[must_use]
    pub fn serves(&self, caller: &Caller) -> bool {
        self.policies.iter().any(|policy| policy.serves(caller))
    }

    /// Counts `tokens` verdicts.
    pub fn count(&self, profile: usize, issuer: Option<IssuerIndex>, reason: Reason, tokens: u64) {
        self.counters.add(profile, issuer.map(IssuerIndex::get), reason, tokens);
    }

    /// Counts what the shadow of a profile says; `permitted` is what its policy says.
    pub fn count_shadow(
        &self,
        profile: usize,
        said: Result<(), &Reject>,
        permitted: bool,
        now: UnixTime,
    ) {
        self.shadows.add(profile, said, permitted, now);
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

    /// The number of the configuration of now.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.0.load().generation()
    }

    /// Puts `snapshot` in the place of the one before. Batches that have begun
    /// end with the one that they began with.
    pub fn publish(&self, snapshot: Snapshot) {
        self.0.store(Arc::new(snapshot));
    }

    /// Puts what `change` makes of the snapshot of now in its place, and returns the
    /// one before. `change` may be called again if another thread was faster: no
    /// change is lost. The very snapshot that it got means no change.
    pub fn update(&self, change: impl Fn(&Arc<Snapshot>) -> Arc<Snapshot>) -> Arc<Snapshot> {
        self.0.rcu(change)
    }
}
