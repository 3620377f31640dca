//! What callers who ask or watch the health are told: of the whole, of the service, and of
//! each issuer by its name.

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

/// The service of the contract.
const SERVICE: &str = "jwtd.v1.VerifierService";

/// How often to look whether keys have grown too old: nobody tells.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Tells the health.
#[derive(Clone, Debug)]
pub(super) struct Health {
    pub(super) reporter: HealthReporter,
    pub(super) readiness: Arc<Readiness>,
    pub(super) engine: Arc<Engine>,
    pub(super) watches: KeyWatches,
    pub(super) clock: Clock,
}

impl Health {
    /// Tells how it is, until `stop`; then that nobody is served any more, and after
    /// `delay` the watchers' streams are ended.
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
        // They would hold their connections to the last moment.
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
        // The empty name stands for the whole server; tonic-health begins with it as
        // SERVING.
        issuers.chain(["", SERVICE].map(|name| (name.to_owned(), ready))).collect()
    }
}
