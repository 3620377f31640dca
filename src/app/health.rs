//! The gRPC health states: of the server, of the service, and of each issuer by its name.

use crate::admin::Readiness;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::sources::KeyWatches;
use jwtd_core::keys::Freshness;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// The name of the verifier service.
const SERVICE: &str = "jwtd.v1.VerifierService";

/// The interval between checks for expired keys: expiry sends no notification.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Publishes health states.
#[derive(Clone, Debug)]
pub(super) struct Health {
    pub(super) reporter: HealthReporter,
    pub(super) readiness: Arc<Readiness>,
    pub(super) engine: Arc<Engine>,
    pub(super) watches: KeyWatches,
    pub(super) clock: Clock,
}

impl Health {
    /// Publishes changes of health until `stop`, then reports everything as not serving, and ends
    /// the streams of watchers after `delay`.
    pub(super) async fn tell(mut self, stop: CancellationToken, delay: Duration) {
        let (mut told, mut news) = (HashMap::new(), self.watches.news());
        while !stop.is_cancelled() {
            self.tell_changes(&mut told).await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = news.next() => {}
                () = self.clock.sleep(LOOK_EVERY) => {}
            }
        }
        tracing::info!("draining");
        self.readiness.drain();
        self.tell_changes(&mut told).await;
        self.clock.sleep(delay).await;
        // Open watch streams would keep their connections until the drain timeout.
        for name in told.keys() {
            self.reporter.clear_service_status(name).await;
        }
    }

    async fn tell_changes(&mut self, told: &mut HashMap<String, bool>) {
        let states = self.states();
        for (name, serving) in &states {
            if told.get(name) != Some(serving) {
                let status =
                    if *serving { ServingStatus::Serving } else { ServingStatus::NotServing };
                self.reporter.set_service_status(name, status).await;
            }
        }
        for name in told.keys().filter(|name| !states.contains_key(*name)) {
            self.reporter.clear_service_status(name).await;
        }
        *told = states;
    }

    fn states(&self) -> HashMap<String, bool> {
        let (ready, draining) = (self.readiness.is_ready(), self.readiness.is_draining());
        let (snapshot, now) = (self.engine.current.load(), self.clock.wall());
        let issuers = snapshot.issuers().iter().map(|(_, issuer)| {
            let usable = self.watches.freshness(issuer, now) != Freshness::Expired;
            (issuer.name().to_owned(), usable && !draining)
        });
        // The empty name stands for the whole server; tonic-health initializes it to SERVING.
        issuers.chain(["", SERVICE].map(|name| (name.to_owned(), ready))).collect()
    }
}
