//! The engine with its cache, called as the daemon calls it.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made should end")]

use bytes::Bytes;
use jwtd::engine::{Batch, CacheLimits, Configuration, Decision, Engine, Snapshot};
use jwtd::telemetry::Metrics;
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::UnixTime;
use jwtd_core::policy::Caller;
use jwtd_core::verify::Profile;
use jwtd_testkit::bench::issuers;
use jwtd_testkit::bench::tokens;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An engine with this key and a cache of `max_bytes` bytes.
pub(crate) fn engine(key: &SigningKey, max_bytes: u64) -> Engine {
    let (issuers, metrics) = (issuers(key), Arc::new(Metrics::new()));
    let profile = Profile::new("default", &[&tokens::name(key.algorithm())], &issuers).unwrap();
    let limits = CacheLimits { max_bytes, max_ttl: Duration::from_secs(3600) };
    let configuration = Configuration::new([profile], &issuers, &metrics);
    Engine::new(Snapshot::new(configuration, issuers), limits, metrics)
}

/// Verifies a batch, in the steps of the daemon.
pub(crate) fn decide(engine: &Engine, tokens: Vec<Bytes>, now: UnixTime) -> Vec<Decision> {
    let snapshot = engine.current.load();
    let only = snapshot.configuration().find_profile("", &Caller::Unknown).unwrap();
    let batch = Batch::new(tokens, only);
    engine.decide(snapshot, batch, now, Instant::now()).unwrap()
}
