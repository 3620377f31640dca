//! Floor 9: puts the daemon together from its configuration, serves, and drains.

mod clock;
mod runtime;
mod signal;

pub use clock::now;
pub use runtime::{build as build_runtime, workers};
pub use signal::asked_to_stop;

use crate::admin::{self, Readiness};
use crate::config::{Config, Remote};
use crate::engine::{CacheLimits, Current, Engine, KeyWatch, ProofCache, Snapshot};
use crate::grpc::server::Server;
use crate::grpc::{BindError, Listener, MeteredLayer, Verifier};
use crate::keys::{Issuer, IssuerIndex, KeyState};
use crate::pb::verifier_service_server::VerifierServiceServer;
use crate::sched::{Admission, Budget, Scheduler};
use crate::sources;
use crate::telemetry::Metrics;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tonic_health::server::HealthReporter;
use tonic_reflection::server::Builder as Reflection;

/// A daemon that listens and does not yet serve.
#[derive(Debug)]
pub struct App {
    listeners: Vec<Listener>,
    admin: Option<SocketAddr>,
    server: Server<tonic::service::Routes>,
    readiness: Arc<Readiness>,
    health: HealthReporter,
    engine: Arc<Engine>,
    remotes: Vec<(IssuerIndex, Remote)>,
    drain_timeout: Duration,
}

/// Why the daemon cannot start.
#[derive(Debug)]
pub enum StartError {
    /// The address of the probes and metrics cannot be opened.
    Admin(SocketAddr, io::Error),
    /// A socket for calls cannot be opened.
    Listen(BindError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin(address, error) => write!(
                f,
                "{address}: cannot serve probes and metrics: {error}; choose another with `admin`"
            ),
            Self::Listen(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}

const SERVICE: &str = "jwtd.v1.VerifierService";

impl App {
    /// Builds the daemon and opens its sockets. Must run inside a runtime.
    ///
    /// # Errors
    /// If a socket cannot be opened.
    pub fn start(config: Config, workers: usize) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::new());
        let cache = CacheLimits { max_bytes: config.cache_bytes, max_ttl: config.cache_ttl };
        let watches = watches(&config, &metrics);
        let engine = Arc::new(Engine {
            current: Current::new(
                Snapshot::new(config.issuers, config.profiles, &metrics).with_watches(watches),
            ),
            cache: ProofCache::new(cache, &metrics),
            metrics: Arc::clone(&metrics),
        });
        let limits = config.limits;
        let admission = Admission {
            tokens: Budget::new(limits.in_flight_tokens),
            bytes: Budget::new(limits.in_flight_bytes),
            connections: Budget::new(limits.connections.min(runtime::most_connections())),
        };
        read_gauges(&engine, &admission, workers);

        let scheduler = Scheduler::new(Arc::clone(&engine), workers, now);
        let (health, routes) =
            services(scheduler, &admission, limits.batch_tokens, limits.message_bytes);
        let metered = MeteredLayer {
            bytes: Arc::clone(&admission.bytes),
            message_bytes: limits.message_bytes,
            metrics,
        };
        let (connections, streams) =
            (Arc::clone(&admission.connections), limits.streams_per_connection);
        let server = Server { service: routes, metered, connections, streams };

        let listeners = config.listen.iter().map(Listener::bind).collect::<Result<_, _>>();
        let listeners = listeners.map_err(StartError::Listen)?;
        let readiness = Arc::new(Readiness::new(Arc::clone(&engine), config.optional));
        let admin = config
            .admin
            .map(|address| {
                admin::start(address, Arc::clone(&readiness))
                    .map_err(|error| StartError::Admin(address, error))
            })
            .transpose()?;
        let (remotes, drain_timeout) = (config.remotes, config.drain_timeout);
        Ok(Self { listeners, admin, server, readiness, health, engine, remotes, drain_timeout })
    }

    /// Where calls are taken, in the form that `JWTD_ENDPOINT` takes.
    #[must_use]
    pub fn endpoints(&self) -> Vec<String> {
        self.listeners.iter().map(Listener::endpoint).collect()
    }

    /// Where probes and metrics are served.
    #[must_use]
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Serves until `stop`, then drains. Ends at the latest `drain_timeout` after.
    pub async fn serve(self, stop: CancellationToken) {
        set_health(&self.health, self.readiness.is_ready()).await;
        for endpoint in self.endpoints() {
            tracing::info!(endpoint, "taking calls");
        }
        if let Some(admin) = self.admin {
            tracing::info!(%admin, "serving probes and metrics");
        }
        let published = Arc::new(Notify::new());
        let notify = Arc::clone(&published);
        let refreshing =
            sources::keep_fresh(self.engine, self.remotes, now, move || notify.notify_one());
        // It ends with the daemon.
        let _refreshing = AbortOnDropHandle::new(tokio::spawn(refreshing));

        let close = CancellationToken::new();
        let announce = announce(self.health, self.readiness, &published, &stop, &close);
        let serving = self.server.serve(self.listeners, close.clone(), self.drain_timeout);
        let (cut, ()) = tokio::join!(serving, announce);
        if cut > 0 {
            tracing::warn!(connections = cut, "cut off at the end of `drain_timeout`");
        }
        tracing::info!("stopped");
    }
}

/// For each issuer, by its place, a watch over its keys if they are fetched.
fn watches(config: &Config, metrics: &Metrics) -> Vec<Option<Arc<KeyWatch>>> {
    let mut watches: Vec<_> = config.issuers.iter().map(|_| None).collect();
    for (index, remote) in &config.remotes {
        if let Some(slot) = watches.get_mut(index.get()) {
            let seed = RandomState::new().hash_one(0);
            let name = config.issuers.get(*index).map_or("", Issuer::name);
            let unknown = metrics.unknown_kids(name);
            let watch = KeyWatch::new(remote.pace, remote.unknown_kid_wait, seed, unknown);
            *slot = Some(Arc::new(watch));
        }
    }
    watches
}

/// Tells callers who watch the health how it is, until `stop`. They learn of the end
/// before connections `close`.
async fn announce(
    mut health: HealthReporter,
    readiness: Arc<Readiness>,
    published: &Notify,
    stop: &CancellationToken,
    close: &CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = published.notified() => set_health(&health, readiness.is_ready()).await,
        }
    }
    tracing::info!("draining");
    readiness.drain();
    set_health(&health, false).await;
    // Ends the streams of those who watch; they would hold their connections to the
    // last moment.
    for service in ["", SERVICE] {
        health.clear_service_status(service).await;
    }
    close.cancel();
}

fn read_gauges(engine: &Arc<Engine>, admission: &Admission, workers: usize) {
    // Weakly: the metrics are a part of the engine.
    let (weak, admission) = (Arc::downgrade(engine), admission.clone());
    let loaded = now().seconds();
    engine.metrics.on_scrape(move |gauges| {
        let Some(engine) = weak.upgrade() else { return };
        gauges.set_cache(engine.cache.entries(), engine.cache.bytes());
        gauges.set_in_flight(
            admission.tokens.taken(),
            admission.bytes.taken(),
            admission.connections.taken(),
        );
        gauges.set_workers(workers);
        gauges.set_reloaded(loaded);
        for (_, issuer) in engine.current.load().issuers().iter() {
            let keys = match issuer.keys() {
                KeyState::Held { set, .. } => set.keys().len(),
                KeyState::Unavailable => 0,
            };
            gauges.set_keys(issuer.name(), keys);
        }
    });
}

fn services(
    scheduler: Scheduler,
    admission: &Admission,
    batch_tokens: usize,
    message_bytes: usize,
) -> (HealthReporter, tonic::service::Routes) {
    let verifier = Verifier::new(scheduler, admission.clone(), batch_tokens);
    let verifier = VerifierServiceServer::new(verifier).max_decoding_message_size(message_bytes);
    let (health, health_service) = tonic_health::server::health_reporter();
    let mut routes = tonic::service::Routes::builder();
    routes.add_service(verifier).add_service(health_service);
    let reflection = || {
        Reflection::configure()
            .register_encoded_file_descriptor_set(crate::pb::DESCRIPTOR)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    // The descriptors are built in; were one damaged, calls go on without it.
    if let Ok(service) = reflection().build_v1() {
        routes.add_service(service);
    }
    if let Ok(service) = reflection().build_v1alpha() {
        routes.add_service(service);
    }
    (health, routes.routes().prepare())
}

async fn set_health(health: &HealthReporter, serving: bool) {
    use tonic_health::ServingStatus::{NotServing, Serving};
    let status = if serving { Serving } else { NotServing };
    // tonic-health begins with the whole server as SERVING.
    for service in ["", SERVICE] {
        health.set_service_status(service, status).await;
    }
}
