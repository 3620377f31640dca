//! The engine with its cache, called as the daemon calls it.

use crate::world::World;
use bytes::Bytes;
use jwtd::engine::{Batch, CacheLimits, Configuration, Decision, Engine, Snapshot};
use jwtd::telemetry::Metrics;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::Issuers;
use jwtd_core::policy::Policy;
use jwtd_core::verify::Profile;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) struct Rig {
    pub(crate) engine: Engine,
}

impl Rig {
    /// An engine with the issuers of `world` and a cache of `max_bytes` bytes.
    pub(crate) fn of(world: &World, max_bytes: u64) -> Self {
        Self::new(world.issuers.clone(), vec![world.profile.clone()], max_bytes)
    }

    pub(crate) fn new(issuers: Issuers, profiles: Vec<Profile>, max_bytes: u64) -> Self {
        let metrics = Arc::new(Metrics::new());
        let limits = CacheLimits { max_bytes, max_ttl: Duration::from_secs(3600) };
        let configuration = Configuration::new(profiles, &issuers, &metrics);
        Self { engine: Engine::new(Snapshot::new(configuration, issuers), limits, metrics) }
    }

    /// Replaces issuers, keys or profiles from now on.
    pub(crate) fn publish(&self, issuers: Issuers, profiles: Vec<Profile>) {
        let configuration = Configuration::new(profiles, &issuers, &self.engine.metrics);
        self.engine.current.publish(Snapshot::new(configuration, issuers));
    }

    /// Applies this policy from now on, with the same issuers and profiles.
    pub(crate) fn obey(&self, policy: &Policy) {
        self.engine.current.update(|snapshot| {
            let issuers = snapshot.issuers().clone();
            let profiles = snapshot.configuration().profiles().map(|(_, one)| &one.profile);
            let profiles = profiles.map(|profile| (profile.clone(), policy.clone()));
            let configuration = Configuration::new(profiles, &issuers, &self.engine.metrics);
            Arc::new(Snapshot::new(configuration, issuers))
        });
    }

    /// Verifies a batch under the first profile.
    pub(crate) fn decide<T: AsRef<[u8]>>(&self, tokens: &[T], now: i64) -> Vec<Decision> {
        self.decide_under(&self.engine.current.load(), 0, tokens, now)
    }

    /// Verifies a batch under one snapshot and the profile at this index.
    pub(crate) fn decide_under<T: AsRef<[u8]>>(
        &self,
        snapshot: &Arc<Snapshot>,
        profile: usize,
        tokens: &[T],
        now: i64,
    ) -> Vec<Decision> {
        let tokens = tokens.iter().map(|token| Bytes::copy_from_slice(token.as_ref())).collect();
        let profile = snapshot.configuration().profiles().nth(profile).unwrap().0;
        let batch = Batch::new(tokens, profile);
        let (now, at) = (UnixTime::from_seconds(now), Instant::now());
        self.engine.decide(Arc::clone(snapshot), batch, now, at).unwrap()
    }

    /// The number of tokens found in the cache.
    pub(crate) fn hits(&self) -> u64 {
        self.engine.metrics.cache_requests.hit.get()
    }

    /// The number of tokens not found in the cache, whose signatures were checked.
    pub(crate) fn misses(&self) -> u64 {
        self.engine.metrics.cache_requests.miss.get()
    }
}
