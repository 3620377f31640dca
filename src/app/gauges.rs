//! The gauges that are read at each scrape.

use super::reload::Status;
use super::senders;
use crate::clock::Clock;
use crate::dispatch::{Admission, Resource};
use crate::engine::Engine;
use crate::sources::KeyWatches;
use crate::transport::Listener;
use jwtd_core::keys::KeyState;
use std::sync::Arc;

/// Reads the gauges of the daemon at each scrape.
pub(super) fn read(
    engine: &Arc<Engine>,
    watches: &KeyWatches,
    admission: &Arc<Admission>,
    status: &Arc<Status>,
    listeners: &[Listener],
    workers: usize,
    clock: Clock,
) {
    let encrypted =
        listeners.iter().filter_map(|one| Some((one.endpoint(), Arc::clone(one.tls()?))));
    let encrypted: Vec<_> = encrypted.collect();
    // A weak reference, because the engine owns the metrics.
    let (weak, admission) = (Arc::downgrade(engine), Arc::clone(admission));
    let (status, watches) = (Arc::clone(status), watches.clone());
    engine.metrics.on_scrape(move |gauges| {
        let Some(engine) = weak.upgrade() else { return };
        gauges.set_cache(engine.cache.entries(), engine.cache.bytes());
        gauges.set_in_flight(
            admission.taken(Resource::Tokens),
            admission.taken(Resource::Bytes),
            admission.taken(Resource::Connections),
            admission.taken(Resource::Streams),
        );
        for (name, resource) in [
            ("in_flight_tokens", Resource::Tokens),
            ("in_flight_bytes", Resource::Bytes),
            ("connections", Resource::Connections),
            ("streams", Resource::Streams),
        ] {
            let limit = admission.limit(resource);
            gauges.set_limit(name, u64::try_from(limit).unwrap_or(u64::MAX));
        }
        gauges.set_limit("cache_bytes", engine.cache.max_bytes());
        senders::show(&engine.senders, gauges, clock.wall());
        gauges.set_workers(workers);
        for (listener, tls) in &encrypted {
            if let Some(not_after) = tls.not_after() {
                gauges.set_certificate(listener, not_after);
            }
        }
        status.show(gauges);
        gauges.forget_issuers();
        let (snapshot, now) = (engine.current.load(), clock.wall());
        for (_, issuer) in snapshot.issuers().iter() {
            let (keys, stale_at) = match issuer.keys() {
                KeyState::Held { set, stale_at } => (set.keys().len(), *stale_at),
                KeyState::Unavailable => (0, None),
            };
            let fetched_at = watches.of(issuer).and_then(|watch| watch.outlook().fetched_at);
            let fetched_at = fetched_at.map(|moment| moment.seconds());
            let stale_at = stale_at.map(|moment| moment.seconds());
            let freshness = watches.freshness(issuer, now);
            gauges.set_issuer(issuer.name(), keys, freshness, fetched_at, stale_at);
        }
    });
}
