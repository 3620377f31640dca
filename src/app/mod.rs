//! Floor 9: builds the daemon from its configuration, serves, and drains.

mod audit;
mod certificates;
mod doors;
mod files;
mod gauges;
mod health;
mod reload;
mod revocation;
mod runtime;
mod senders;
mod signal;
mod snapshot_builder;
mod workers;

pub use audit::{AuditError, key_file};
pub use files::fingerprint;
pub use reload::Loader;
pub use runtime::{control as control_runtime, several as client_runtime, workers};
pub use signal::Signals;

use crate::admin::{self, Readiness};
use crate::clock::Clock;
use crate::config::{Config, Listen, Startup};
use crate::dispatch::{Admission, Amounts, Dispatcher};
use crate::engine::{CacheLimits, Current, Engine, ProofCache, Revocations};
use crate::grpc::PLACE;
use crate::revocation::Ledger;
use crate::shared_replay;
use crate::sources::{ClockWatch, Keeper};
use crate::state::{StateError, StateFolder};
use crate::telemetry::supervisor::{self, Duty};
use crate::telemetry::{Metrics, Traces};
use crate::transport::{BindError, Inherited, Listener, Server};
use certificates::CertificateDates;
use doors::Doors;
use files::Contents;
use health::Health;
use reload::{Reloader, Status};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tonic_health::server::HealthReporter;
use workers::WorkerThreads;

/// A daemon that is bound to its sockets and does not serve yet.
#[derive(Debug)]
pub struct App {
    listeners: Vec<Listener>,
    admin: Option<SocketAddr>,
    server: Server<Doors>,
    readiness: Arc<Readiness>,
    health: HealthReporter,
    engine: Arc<Engine>,
    keeper: Keeper,
    startup: Startup,
    threads: WorkerThreads,
    /// The fingerprints of key files and certificate files, taken when they were read.
    key_files: Contents,
    certificates: Contents,
    dates: CertificateDates,
    status: Arc<Status>,
    ledger: Option<Ledger>,
    /// Tasks that are aborted with the daemon.
    _recording: Vec<AbortOnDropHandle<()>>,
    _sharing: Option<AbortOnDropHandle<()>>,
    clock: Clock,
}

/// The idle streams allowed per connection, in units of `PLACE`. The memory bound allows 64 KiB for
/// each connection, of which an idle connection itself uses up to 34 KiB (20 KiB beside a thousand
/// others); streams get the rest.
const STREAMS: usize = (64 - 34) / PLACE;

/// The reasons why the daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The admin address, for probes and metrics, cannot be bound.
    #[error(
        "{0}: cannot serve probes and metrics: {words}; fix: choose another address with `admin`",
        words = crate::files::words::of_io(.1)
    )]
    Admin(SocketAddr, io::Error),
    /// The audit log cannot be opened.
    #[error(transparent)]
    Audit(AuditError),
    /// The operating system refuses to start threads.
    #[error("threads cannot be started: {words}", words = crate::files::words::of_io(.0))]
    Threads(io::Error),
    /// The exporter of traces cannot be set up.
    #[error("traces cannot be sent: {0}")]
    Traces(String),
    /// A listener for calls cannot be bound.
    #[error(transparent)]
    Listen(BindError),
    /// The revocation store cannot be read.
    #[error("{0}")]
    Revocations(String),
    /// The state folder cannot be used.
    #[error(transparent)]
    State(StateError),
}

impl App {
    /// Builds the daemon with `workers` worker threads, and opens its sockets. `clock` drives
    /// verdicts, deadlines, key refresh, reloads and the audit log; the timeouts of connections and
    /// of fetches use the runtime's clock. Must run inside a runtime.
    ///
    /// # Errors
    /// If a socket cannot be opened.
    pub fn start(config: Config, workers: usize, clock: Clock) -> Result<Self, StartError> {
        Self::start_with(config, workers, clock, Inherited::default())
    }

    /// Builds the daemon as [`App::start`] does, with sockets that a service manager has opened.
    ///
    /// # Errors
    /// Those of [`App::start`], or if the configuration does not name one of the sockets.
    pub fn start_with(
        config: Config,
        workers: usize,
        clock: Clock,
        inherited: Inherited,
    ) -> Result<Self, StartError> {
        let dates = CertificateDates::new(config.certificates(), clock.clone());
        let Config { startup, live } = config;
        let state = startup.state_dir.as_deref().map(StateFolder::open);
        let state = state.transpose().map_err(StartError::State)?;
        let metrics = Arc::new(Metrics::new());
        let cache = CacheLimits { max_bytes: startup.cache_bytes, max_ttl: startup.cache_ttl };
        let mut keeper = Keeper::new(clock.clone(), state.clone());
        let key_files = files::first(live.files.clone());
        // Fingerprint the files before they are read, so that no later change is missed.
        let certificates = files::contents(startup.listen.iter().flat_map(Listen::files));
        let logs = audit::start(&startup, &metrics, &clock).map_err(StartError::Audit)?;
        let (audit, refusals) = logs;
        let traces = startup
            .traces
            .as_ref()
            .map(|(endpoint, one_in)| Traces::start(endpoint, *one_in).map_err(StartError::Traces));
        let traces = traces.transpose()?;
        let feeds = revocation::pulses(&startup, &clock);
        let first = snapshot_builder::begin(&live, &mut keeper, feeds, &metrics, &clock);
        let engine = Arc::new(Engine {
            audit,
            refusals,
            traces,
            current: Current::new(first),
            cache: ProofCache::new(cache, &metrics),
            revocations: Revocations::new(),
            senders: senders::begin(&startup, &clock),
            metrics: Arc::clone(&metrics),
        });
        let watches = keeper.watches();
        let (ledger, feeds) =
            revocation::start(&startup, state.as_ref(), &engine, watches, &clock)?;
        let limits = startup.limits;
        let connections = doors::connections(limits.connections);
        let admission = Admission::new(Amounts {
            bytes: limits.in_flight_bytes,
            connections,
            streams: connections.saturating_mul(STREAMS),
            tokens: limits.in_flight_tokens,
            ..Amounts::default()
        });
        let status = Arc::new(Status::new(clock.wall()));

        let threads = WorkerThreads::start(workers, &clock).map_err(StartError::Threads)?;
        let dispatcher = Dispatcher::new(
            Arc::clone(&engine),
            keeper.watches().clone(),
            Arc::clone(&admission),
            threads.workers.clone(),
            &limits,
            clock.clone(),
        );
        let shared = startup.replay.redis.clone().map(|redis| shared_replay::begin(redis, &clock));
        let (shared, sharing) = shared.unzip();
        let dispatcher = dispatcher.sharing(shared);
        let (health, door) = doors::build(
            dispatcher,
            &limits,
            &startup.connection,
            ledger.clone(),
            &feeds.receivers,
            &engine,
            &clock,
        );
        let server = Server {
            door,
            metrics,
            admission: Arc::clone(&admission),
            workers: threads.workers.clone(),
            streams: limits.streams_per_connection,
            settings: startup.connection,
            clock: clock.clone(),
        };

        let listeners = Listener::bind_all(&startup.listen, inherited);
        let listeners = listeners.map_err(StartError::Listen)?;
        gauges::read(
            &engine,
            keeper.watches(),
            &admission,
            &status,
            &listeners,
            threads.workers.count(),
            clock.clone(),
        );
        let readiness =
            Arc::new(Readiness::new(Arc::clone(&engine), keeper.watches().clone(), clock.clone()));
        let admin = startup
            .admin
            .map(|address| {
                admin::start(address, startup.admin_hosts.clone(), Arc::clone(&readiness))
                    .map_err(|error| StartError::Admin(address, error))
            })
            .transpose()?;
        Ok(Self {
            listeners,
            admin,
            server,
            readiness,
            health,
            engine,
            keeper,
            startup,
            threads,
            key_files,
            certificates,
            dates,
            status,
            ledger,
            _recording: feeds.tasks,
            _sharing: sharing,
            clock,
        })
    }

    /// The addresses that take calls, in the form of `JWTD_ENDPOINT`.
    #[must_use]
    pub fn endpoints(&self) -> Vec<String> {
        self.listeners.iter().map(Listener::endpoint).collect()
    }

    /// The address of probes and metrics.
    #[must_use]
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Serves until `stop`, then drains. Returns at the latest `drain_delay` plus `drain_timeout`
    /// after `stop`.
    pub async fn serve(self, stop: CancellationToken) {
        self.serve_and_reload(stop, None).await;
    }

    /// Serves as [`App::serve`] does. With `reload`, reads the configuration again when one of its
    /// files changes, and on request.
    pub async fn serve_and_reload(
        mut self,
        stop: CancellationToken,
        reload: Option<(Loader, Arc<Notify>)>,
    ) {
        for endpoint in self.endpoints() {
            tracing::info!(endpoint, "taking calls");
        }
        if let Some(admin) = self.admin {
            tracing::info!(%admin, "serving probes and metrics");
        }
        self.keeper.run(&self.engine);
        let (engine, ledger) = (Arc::clone(&self.engine), self.ledger.clone());
        let (drain_delay, drain_timeout) = (self.startup.drain_delay, self.startup.drain_timeout);
        let health = Health {
            reporter: self.health,
            readiness: self.readiness,
            engine: Arc::clone(&self.engine),
            watches: self.keeper.watches().clone(),
            clock: self.clock.clone(),
        };
        let clock = self.clock.clone();
        let watch =
            ClockWatch::new(Arc::clone(&self.engine), self.keeper.watches().clone(), clock.clone());
        let look = move || Arc::clone(&watch).run();
        let _watching = AbortOnDropHandle::new(supervisor::task(Duty::Clock, clock.clone(), look));
        let encrypted = self.listeners.iter().filter_map(Listener::tls).cloned().collect();
        // Both variants keep the keys fresh for as long as they live.
        let (_keeper, _reloading) = match reload {
            Some((loader, asked)) => {
                let reloader = Reloader {
                    loader: Arc::new(loader),
                    encrypted,
                    engine: self.engine,
                    keeper: self.keeper,
                    startup: self.startup,
                    status: self.status,
                    key_files: self.key_files,
                    certificates: self.certificates,
                    dates: self.dates,
                    asked,
                    clock: self.clock,
                };
                let reloader = Arc::new(Mutex::new(reloader));
                let run = move || {
                    let reloader = Arc::clone(&reloader);
                    async move { reloader.lock().await.run().await }
                };
                let task = supervisor::task(Duty::Reload, clock.clone(), run);
                (None, Some(AbortOnDropHandle::new(task)))
            }
            None => (Some(self.keeper), None),
        };

        let close = CancellationToken::new();
        let telling = async {
            let tell = || health.clone().tell(stop.clone(), drain_delay);
            supervisor::attend(Duty::Health, clock.clone(), tell).await;
            close.cancel();
        };
        let serving = self.server.serve(self.listeners, close.clone(), drain_timeout);
        let (cut, ()) = tokio::join!(serving, telling);
        drop(self.threads);
        if cut > 0 {
            tracing::warn!(connections = cut, "cut off at the end of `drain_timeout`");
        }
        if let Some(refusals) = &engine.refusals {
            refusals.flush();
        }
        if let Some(audit) = &engine.audit {
            let lost = audit.log().flush();
            if lost > 0 {
                tracing::warn!(lost, "the last records of the audit log could not be written");
            }
        }
        // On another thread, because the flush waits for this one, which drives the exporter's
        // connection.
        let told = Arc::clone(&engine);
        let flush = move || told.traces.iter().for_each(Traces::flush);
        #[expect(clippy::disallowed_methods, reason = "once, at the end, for a second at most")]
        tokio::task::spawn_blocking(flush).await.ok();
        if let Some(ledger) = ledger {
            revocation::close(ledger, &clock).await;
        }
        tracing::info!("stopped");
    }
}
