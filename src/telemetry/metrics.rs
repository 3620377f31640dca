//! The metrics. The only file that names `prometheus`.
//!
//! Labels hold configured names and closed enums, never text of a token. Handles
//! are resolved once: no look-up by label on the way of a token.

use crate::jose::Algorithm;
use crate::verify::Reason;
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Encoder as _, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// All metrics of the daemon.
pub struct Metrics {
    registry: Registry,
    verifications: IntCounterVec,
    calls_started: IntCounterVec,
    calls_handled: IntCounterVec,
    call_seconds: HistogramVec,
    verification_seconds: Histogram,
    batch_tokens: Histogram,
    shed: IntCounterVec,
    gauges: Gauges,
    on_scrape: Mutex<Vec<OnScrape>>,
    /// Signatures that were checked.
    pub signature_checks: SignatureChecks,
    /// Look-ups in the cache.
    pub cache_requests: CacheRequests,
    /// Entries that left the cache.
    pub cache_evicted: CacheEvicted,
}

type OnScrape = Box<dyn Fn(&Gauges) + Send + Sync>;

/// Values that are read when they are asked for.
#[derive(Debug)]
pub struct Gauges {
    cache_entries: IntGauge,
    cache_bytes: IntGauge,
    in_flight_tokens: IntGauge,
    in_flight_bytes: IntGauge,
    connections: IntGauge,
    workers: IntGauge,
    jwks_keys: IntGaugeVec,
    last_reload_successful: IntGauge,
    last_reload_time: GaugeVec,
}

/// Handles of `cache_requests_total`.
#[derive(Debug)]
pub struct CacheRequests {
    /// Found, and the proof stands.
    pub hit: IntCounter,
    /// Not found, or the proof does not stand any more.
    pub miss: IntCounter,
}

/// Handles of `cache_evictions_total`.
#[derive(Debug)]
pub struct CacheEvicted {
    /// The token expired, or the entry grew too old.
    pub expired: IntCounter,
    /// Another token with the same hash took the place.
    pub replaced: IntCounter,
    /// The cache was full.
    pub size: IntCounter,
}

/// Handles of `signature_checks_total`.
#[derive(Debug)]
pub struct SignatureChecks(Vec<[IntCounter; 2]>);

impl SignatureChecks {
    /// Counts one token whose signature was checked.
    pub fn add(&self, algorithm: Algorithm, good: bool) {
        if let Some([bad_count, good_count]) = self.0.get(usize::from(algorithm.index())) {
            if good {
                good_count.inc()
            } else {
                bad_count.inc()
            }
        }
    }
}

/// Why load was shed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ShedCause {
    /// Too many bytes are being received or worked on.
    Bytes,
    /// Too many connections are open.
    Connections,
    /// Too many tokens are being worked on.
    Tokens,
}

impl ShedCause {
    const ALL: [Self; 3] = [Self::Bytes, Self::Connections, Self::Tokens];

    /// The value of the label `cause`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Connections => "connections",
            Self::Tokens => "tokens",
        }
    }
}

/// Handles of `verifications_total` for one snapshot. A series appears with its
/// first verdict; all of them at once would be many.
#[derive(Debug)]
pub struct VerificationCounters {
    vector: IntCounterVec,
    profiles: Vec<String>,
    /// Of the issuers, and `unknown` at the end.
    issuers: Vec<String>,
    /// For each pair of profile and issuer the counters by reason number.
    cells: Vec<OnceLock<Box<[OnceLock<IntCounter>]>>>,
}

impl VerificationCounters {
    /// Counts `tokens` verdicts. No issuer means that the token did not get as
    /// far as one.
    pub fn add(&self, profile: usize, issuer: Option<usize>, reason: Reason, tokens: u64) {
        let row = issuer.unwrap_or_else(|| self.issuers.len().saturating_sub(1));
        let (Some(pair), Some(profile), Some(issuer)) = (
            self.cells.get(profile * self.issuers.len() + row),
            self.profiles.get(profile),
            self.issuers.get(row),
        ) else {
            return;
        };
        let reasons = pair.get_or_init(|| {
            std::iter::repeat_with(OnceLock::new)
                .take(usize::from(u8::MAX))
                .collect()
        });
        let Some(cell) = reasons.get(usize::from(reason.number())) else {
            return;
        };
        cell.get_or_init(|| {
            self.vector
                .with_label_values(&[profile, issuer, reason.code()])
        })
        .inc_by(tokens);
    }
}

/// One call of gRPC, from its start to its end.
#[derive(Debug)]
pub struct Call {
    metrics: Arc<Metrics>,
    kind: &'static str,
    method: &'static str,
    started: std::time::Instant,
    code: &'static str,
}

const SERVICE: &str = "jwtd.v1.VerifierService";

impl Call {
    /// Sets the code that the call ends with. A call that is dropped before ends
    /// with `Canceled`.
    pub fn end(&mut self, code: &'static str) {
        self.code = code;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Self {
            metrics,
            kind,
            method,
            started,
            code,
        } = self;
        metrics
            .calls_handled
            .with_label_values(&[kind, SERVICE, *method, *code])
            .inc();
        let seconds = started.elapsed().as_secs_f64();
        metrics
            .call_seconds
            .with_label_values(&[kind, SERVICE, *method])
            .observe(seconds);
    }
}

/// From a microsecond to four seconds.
fn fine_buckets() -> Vec<f64> {
    (0..12).map(|step| 1e-6 * 4_f64.powi(step)).collect()
}

impl Metrics {
    /// All metrics at zero.
    ///
    /// # Panics
    /// Never: the names are constant, and a test makes them all.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the names are constant and valid")]
    pub fn new() -> Self {
        let registry = Registry::new();
        let add = |collector: Box<dyn Collector>| {
            registry
                .register(collector)
                .expect("each name is used once");
        };
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let vector = IntCounterVec::new(Opts::new(name, help), labels).expect("a valid name");
            add(Box::new(vector.clone()));
            vector
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help).expect("a valid name");
            add(Box::new(gauge.clone()));
            gauge
        };
        let histogram = |name: &str, help: &str, buckets: Vec<f64>| {
            let options = HistogramOpts::new(name, help).buckets(buckets);
            let histogram = Histogram::with_opts(options).expect("valid buckets");
            add(Box::new(histogram.clone()));
            histogram
        };

        let checks = counter(
            "jwtd_signature_checks_total",
            "Tokens whose signature was checked, by algorithm and result.",
            &["algorithm", "result"],
        );
        let checks = Algorithm::ALL.iter().map(|algorithm| {
            ["bad", "good"].map(|result| checks.with_label_values(&[algorithm.name(), result]))
        });
        let signature_checks = SignatureChecks(checks.collect());
        let requests = counter(
            "jwtd_cache_requests_total",
            "Tokens looked up among the signatures already checked, by result.",
            &["result"],
        );
        let evictions = counter(
            "jwtd_cache_evictions_total",
            "Entries that left the cache of checked signatures, by cause.",
            &["cause"],
        );
        let shed = counter(
            "jwtd_shed_total",
            "Calls and connections that were refused at once because a bound was reached.",
            &["cause"],
        );
        for cause in ShedCause::ALL {
            shed.with_label_values(&[cause.name()]);
        }
        let jwks_keys = IntGaugeVec::new(
            Opts::new("jwtd_jwks_keys", "Usable keys of the issuer."),
            &["issuer"],
        )
        .expect("a valid name");
        add(Box::new(jwks_keys.clone()));
        let last_reload_time = GaugeVec::new(
            Opts::new(
                "jwtd_config_last_reload_success_timestamp_seconds",
                "When the configuration was last loaded, in seconds since the epoch.",
            ),
            &[],
        )
        .expect("a valid name");
        add(Box::new(last_reload_time.clone()));
        let call_labels = ["grpc_type", "grpc_service", "grpc_method"];
        let call_seconds = HistogramVec::new(
            HistogramOpts::new(
                "grpc_server_handling_seconds",
                "How long calls took until their last message was sent.",
            )
            .buckets(fine_buckets()),
            &call_labels,
        )
        .expect("a valid name");
        add(Box::new(call_seconds.clone()));
        let build = IntGaugeVec::new(
            Opts::new("jwtd_build_info", "Always 1; the labels tell what runs."),
            &["version"],
        )
        .expect("a valid name");
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        add(Box::new(build));
        add(Box::new(ProcessCollector::for_self()));

        let metrics = Self {
            verifications: counter(
                "jwtd_verifications_total",
                "Tokens judged, by profile, issuer and reason.",
                &["profile", "issuer", "reason"],
            ),
            calls_started: counter(
                "grpc_server_started_total",
                "Calls that were begun.",
                &call_labels,
            ),
            calls_handled: counter(
                "grpc_server_handled_total",
                "Calls that were ended, by code.",
                &["grpc_type", "grpc_service", "grpc_method", "grpc_code"],
            ),
            call_seconds,
            verification_seconds: histogram(
                "jwtd_verification_seconds",
                "How long it took to judge the tokens of one message.",
                fine_buckets(),
            ),
            batch_tokens: histogram(
                "jwtd_batch_tokens",
                "How many tokens one message held.",
                vec![
                    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0,
                ],
            ),
            gauges: Gauges {
                cache_entries: gauge("jwtd_cache_entries", "Checked signatures remembered."),
                cache_bytes: gauge("jwtd_cache_bytes", "Bytes of the signatures remembered."),
                in_flight_tokens: gauge("jwtd_in_flight_tokens", "Tokens being worked on."),
                in_flight_bytes: gauge(
                    "jwtd_in_flight_bytes",
                    "Bytes of calls being received or worked on.",
                ),
                connections: gauge("jwtd_connections", "Open connections."),
                workers: gauge(
                    "jwtd_workers",
                    "Threads that serve calls and check signatures.",
                ),
                jwks_keys,
                last_reload_successful: gauge(
                    "jwtd_config_last_reload_successful",
                    "Whether the configuration was loaded without faults when it was last read.",
                ),
                last_reload_time,
            },
            cache_requests: CacheRequests {
                hit: requests.with_label_values(&["hit"]),
                miss: requests.with_label_values(&["miss"]),
            },
            cache_evicted: CacheEvicted {
                expired: evictions.with_label_values(&["expired"]),
                replaced: evictions.with_label_values(&["replaced"]),
                size: evictions.with_label_values(&["size"]),
            },
            on_scrape: Mutex::default(),
            shed,
            signature_checks,
            registry: registry.clone(),
        };
        for (kind, method) in [
            ("unary", "Verify"),
            ("unary", "VerifyBatch"),
            ("bidi_stream", "VerifyStream"),
        ] {
            metrics
                .calls_started
                .with_label_values(&[kind, SERVICE, method]);
            metrics
                .calls_handled
                .with_label_values(&[kind, SERVICE, method, "OK"]);
        }
        metrics
    }

    /// Handles for the verdicts under a snapshot with these profiles and issuers.
    pub fn verifications<'n>(
        &self,
        profiles: impl Iterator<Item = &'n str>,
        issuers: impl Iterator<Item = &'n str>,
    ) -> VerificationCounters {
        let profiles: Vec<_> = profiles.map(str::to_owned).collect();
        let issuers: Vec<_> = issuers.chain(["unknown"]).map(str::to_owned).collect();
        let count = profiles.len() * issuers.len();
        let cells = std::iter::repeat_with(OnceLock::new).take(count).collect();
        VerificationCounters {
            vector: self.verifications.clone(),
            profiles,
            issuers,
            cells,
        }
    }

    /// Begins a call of `method`; `kind` is `unary` or `bidi_stream`.
    pub fn call(self: &Arc<Self>, kind: &'static str, method: &'static str) -> Call {
        self.calls_started
            .with_label_values(&[kind, SERVICE, method])
            .inc();
        let started = std::time::Instant::now();
        Call {
            metrics: Arc::clone(self),
            kind,
            method,
            started,
            code: "Canceled",
        }
    }

    /// Counts a message that was judged.
    pub fn judged(&self, tokens: usize, took: Duration) {
        self.verification_seconds.observe(took.as_secs_f64());
        self.batch_tokens
            .observe(f64::from(u32::try_from(tokens).unwrap_or(u32::MAX)));
    }

    /// Counts something that was refused at once.
    pub fn shed(&self, cause: ShedCause) {
        self.shed.with_label_values(&[cause.name()]).inc();
    }

    /// Lets `read` set gauges whenever the metrics are asked for.
    pub fn on_scrape(&self, read: impl Fn(&Gauges) + Send + Sync + 'static) {
        self.on_scrape
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(read));
    }

    /// The metrics in the text format of Prometheus, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        for read in &*self
            .on_scrape
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
        {
            read(&self.gauges);
        }
        let mut text = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            Ok(()) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => format!("# {error}\n"),
        }
    }
}

impl Gauges {
    /// Sets the size of the cache.
    pub fn set_cache(&self, entries: u64, bytes: u64) {
        self.cache_entries.set(whole(entries));
        self.cache_bytes.set(whole(bytes));
    }

    /// Sets what is in flight.
    pub fn set_in_flight(&self, tokens: usize, bytes: usize, connections: usize) {
        self.in_flight_tokens.set(whole(tokens));
        self.in_flight_bytes.set(whole(bytes));
        self.connections.set(whole(connections));
    }

    /// Sets the number of worker threads.
    pub fn set_workers(&self, workers: usize) {
        self.workers.set(whole(workers));
    }

    /// Sets the number of usable keys of an issuer.
    pub fn set_keys(&self, issuer: &str, keys: usize) {
        self.jwks_keys.with_label_values(&[issuer]).set(whole(keys));
    }

    /// Sets when the configuration was last loaded without faults.
    pub fn set_reloaded(&self, seconds: i64) {
        self.last_reload_successful.set(1);
        let no_labels: [&str; 0] = [];
        #[expect(
            clippy::cast_precision_loss,
            reason = "exact until the year 285 million"
        )]
        self.last_reload_time
            .with_label_values(&no_labels)
            .set(seconds as f64);
    }
}

fn whole(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}
