//! What the operator configured, frozen. A reload makes one; every snapshot until the next
//! shares it, so that nothing of it is copied when keys change.

use super::pulses::{Moment, Pulse, Pulses};
use crate::config::Revokers;
use crate::ext_authz::HttpRules;
use crate::telemetry::{Metrics, ShadowCounters, VerificationCounters};
use bytes::Bytes;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{IssuerIndex, Issuers};
use jwtd_core::policy::{Caller, Policy};
use jwtd_core::verify::{Profile, Reason, Reject, WhenStale};
use std::collections::HashMap;
use std::sync::Arc;

/// Profiles with their policies, and what else the operator said.
#[derive(Debug)]
pub struct Configuration {
    profiles: Vec<Arc<ServedProfile>>,
    /// Places in `profiles`.
    by_name: HashMap<Box<str>, usize>,
    default: Option<usize>,
    http: Option<Arc<HttpRules>>,
    revokers: Revokers,
    pulses: Pulses,
    counters: VerificationCounters,
    shadows: ShadowCounters,
    /// The names of the issuers, as replies share them.
    names: Vec<Bytes>,
    /// For each issuer, by its place, whether the daemon begins without its keys.
    optional: Vec<bool>,
    generation: u64,
}

/// A profile, and its policy.
#[derive(Clone, Debug)]
pub struct ServedProfile {
    /// What is expected of tokens.
    pub profile: Profile,
    /// What is demanded of their claims, and who may ask.
    pub policy: Policy,
}

impl From<(Profile, Policy)> for ServedProfile {
    fn from((profile, policy): (Profile, Policy)) -> Self {
        Self { profile, policy }
    }
}

impl From<Profile> for ServedProfile {
    /// One that demands nothing of claims and serves everybody.
    fn from(profile: Profile) -> Self {
        Self { profile, policy: Policy::default() }
    }
}

/// The place of a profile in the [`Configuration`] that named it. No other one takes it, for it
/// bears the number of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProfileIndex {
    place: usize,
    generation: u64,
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

impl Configuration {
    /// The first configuration of a process, of these profiles and the names of `issuers`.
    #[must_use]
    pub fn new(
        profiles: impl IntoIterator<Item: Into<ServedProfile>>,
        issuers: &Issuers,
        metrics: &Metrics,
    ) -> Self {
        let served = |profile: _| Arc::new(Into::<ServedProfile>::into(profile));
        let profiles: Vec<_> = profiles.into_iter().map(served).collect();
        let names = || profiles.iter().map(|one| one.profile.name());
        let places = names().enumerate().map(|(place, name)| (name.into(), place));
        let by_name: HashMap<Box<str>, _> = places.collect();
        let only = (profiles.len() == 1).then_some(0);
        let default = by_name.get("default").copied().or(only);
        let issuers = || issuers.iter().map(|(_, issuer)| issuer.name());
        Self {
            counters: metrics.verifications(names(), issuers()),
            shadows: metrics.shadows(names()),
            by_name,
            default,
            http: None,
            revokers: Revokers::default(),
            pulses: Pulses::default(),
            names: issuers().map(|name| Bytes::copy_from_slice(name.as_bytes())).collect(),
            optional: Vec::new(),
            generation: 1,
            profiles,
        }
    }

    /// The same; this is done with HTTP requests.
    #[must_use]
    pub fn with_http(self, http: Option<HttpRules>) -> Self {
        Self { http: http.map(Arc::new), ..self }
    }

    /// The same; these callers may revoke.
    #[must_use]
    pub fn with_revokers(self, revokers: Revokers) -> Self {
        Self { revokers, ..self }
    }

    /// The same; these feeds say what is revoked of `issuers`.
    #[must_use]
    pub fn with_feeds(self, feeds: Arc<[Arc<Pulse>]>, issuers: &Issuers) -> Self {
        Self { pulses: Pulses::new(feeds, issuers), ..self }
    }

    /// The same; for each issuer, by its place, whether the daemon begins to take calls without
    /// its keys.
    #[must_use]
    pub fn with_optional(self, optional: Vec<bool>) -> Self {
        Self { optional, ..self }
    }

    /// The same, with this number.
    #[must_use]
    pub fn with_generation(self, generation: u64) -> Self {
        Self { generation, ..self }
    }

    /// Its number among those of the process, counted from 1.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The profiles, with their places.
    pub fn profiles(&self) -> impl Iterator<Item = (ProfileIndex, &ServedProfile)> {
        self.profiles.iter().enumerate().map(|(place, one)| (self.index(place), &**one))
    }

    /// The profile at this place; nothing if another configuration named the place.
    #[must_use]
    pub fn profile(&self, index: ProfileIndex) -> Option<&Arc<ServedProfile>> {
        self.profiles.get(index.place).filter(|_| index.generation == self.generation)
    }

    fn index(&self, place: usize) -> ProfileIndex {
        ProfileIndex { place, generation: self.generation }
    }

    /// The place of the profile that a request names; empty stands for the first that
    /// is meant for the caller, or else for the one named `default`, or the only one.
    ///
    /// # Errors
    /// If there is no such profile, or it is for others.
    pub fn find_profile(&self, name: &str, caller: &Caller) -> Result<ProfileIndex, ProfileError> {
        let place = if name.is_empty() {
            let meant = self.profiles.iter().position(|one| one.policy.callers.names(caller));
            meant.or(self.default).ok_or(ProfileError::NotNamed)?
        } else {
            self.by_name.get(name).copied().ok_or(ProfileError::Unknown)?
        };
        let index = self.index(place);
        let serves = self.profile(index).is_some_and(|one| one.policy.callers.admits(caller));
        if serves { Ok(index) } else { Err(ProfileError::NotServed) }
    }

    /// Whether any profile is for `caller`.
    #[must_use]
    pub fn serves(&self, caller: &Caller) -> bool {
        self.profiles.iter().any(|one| one.policy.callers.admits(caller))
    }

    /// Whether any profile looks at claims beyond the registered ones, or returns some.
    #[must_use]
    pub fn reads_claims(&self) -> bool {
        self.http.as_ref().is_some_and(|http| !http.headers.is_empty())
            || self
                .profiles
                .iter()
                .any(|one| one.policy.reads_claims() || one.policy.projection.is_some())
    }

    /// What is done with HTTP requests, if proxies may ask about them.
    #[must_use]
    pub fn http(&self) -> Option<&Arc<HttpRules>> {
        self.http.as_ref()
    }

    /// Who may revoke.
    #[must_use]
    pub fn revokers(&self) -> &Revokers {
        &self.revokers
    }

    /// When the feeds of revocation were last heard of.
    #[must_use]
    pub fn pulses(&self) -> &Pulses {
        &self.pulses
    }

    /// Whether a profile refuses tokens now because what is revoked is too old.
    #[must_use]
    pub fn refuses_what_is_stale(&self, now: Moment, issuers: &Issuers) -> bool {
        let stale = |place| self.pulses.age(place, now).is_some_and(|age| age.stale);
        let stale = issuers.iter().filter(|(place, _)| stale(*place)).map(|(place, _)| place);
        let stale: Vec<_> = stale.collect();
        let refuses = |profile: &Profile| profile.when_stale == WhenStale::Refuse;
        let mut profiles = self.profiles.iter().map(|one| &one.profile);
        profiles.any(|one| refuses(one) && stale.iter().any(|place| one.trusts(*place)))
    }

    /// The name of the issuer at this place, without a copy.
    #[must_use]
    pub fn issuer_name(&self, issuer: IssuerIndex) -> Bytes {
        self.names.get(issuer.get()).cloned().unwrap_or_default()
    }

    /// Whether the daemon begins to take calls without keys of this issuer.
    #[must_use]
    pub fn is_optional(&self, issuer: IssuerIndex) -> bool {
        self.optional.get(issuer.get()).copied().unwrap_or(false)
    }

    /// Counts `tokens` verdicts.
    pub fn count(
        &self,
        profile: ProfileIndex,
        issuer: Option<IssuerIndex>,
        reason: Reason,
        tokens: u64,
    ) {
        self.counters.add(profile.place, issuer.map(IssuerIndex::get), reason, tokens);
    }

    /// Counts what the shadow of a profile says; `permitted` is what its policy says.
    pub fn count_shadow(
        &self,
        profile: ProfileIndex,
        said: Result<(), &Reject>,
        permitted: bool,
        now: UnixTime,
    ) {
        self.shadows.add(profile.place, said, permitted, now);
    }
}
