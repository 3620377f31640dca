//! The metrics. Only this file and its folder name `prometheus`. Labels hold configured names and
//! closed enums, never text of a token. Handles are resolved once, so that counting a token needs
//! no look-up by label.

mod call;
mod connections;
mod decryptions;
mod duties;
mod events;
mod fetches;
mod fleet;
mod gauges;
mod names;
mod presentations;
mod requests;
mod revocations;
mod shadow;
mod shed;
mod signature_checks;
mod verifications;

pub use call::{Call, CalledMethod, MethodCalls};
pub use connections::{ConnectionEnd, Connections};
pub use decryptions::{Decryption, Decryptions};
pub use events::{EventCounters, EventOutcome};
pub use fetches::UnknownKids;
pub use fleet::FleetGauges;
pub use gauges::Gauges;
pub use presentations::{PresentationResult, Presentations};
pub use revocations::{FeedError, FeedErrors, RevocationCounters};
pub use shadow::ShadowCounters;
pub use shed::ShedCause;
pub use signature_checks::SignatureChecks;
pub use verifications::VerificationCounters;

use super::{limited, logs, panics};
use crate::clock::Clock;
use duties::Duties;
use fetches::Fetches;
use names::Names;
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Encoder as _, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec,
    Opts, Registry, TextEncoder,
};
use requests::Requests;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// All metrics of the daemon.
pub struct Metrics {
    registry: Registry,
    verifications: IntCounterVec,
    shadow_verifications: IntCounterVec,
    calls_started: IntCounterVec,
    calls_handled: IntCounterVec,
    call_seconds: HistogramVec,
    verification_seconds: Histogram,
    batch_tokens: Histogram,
    shed: IntCounterVec,
    duties: Duties,
    names: Names,
    fetches: Fetches,
    gauges: Gauges,
    requests: Requests,
    panics: IntCounter,
    log_lines_dropped: IntCounter,
    log_lines_held_back: IntCounter,
    on_scrape: Mutex<Vec<OnScrape>>,
    /// Connections.
    pub connections: Connections,
    /// Checked signatures.
    pub signature_checks: SignatureChecks,
    /// Checked signatures of DPoP proofs.
    pub proof_checks: SignatureChecks,
    /// Presentations of what counts but once.
    pub presentations: Presentations,
    /// Presentations to the shared memory.
    pub shared_presentations: Presentations,
    /// Encrypted tokens for which a key exists.
    pub decryptions: Decryptions,
    /// Look-ups in the cache.
    pub cache_requests: CacheRequests,
    /// Entries evicted from the cache.
    pub cache_evicted: CacheEvicted,
    /// Records of the audit log.
    pub audit_records: AuditRecords,
    /// Lines of the refusal log.
    pub refusal_lines: RefusalLines,
    /// Revocation entries.
    pub revocations: RevocationCounters,
}

/// Counters of `refusal_lines_total`.
#[derive(Debug)]
pub struct RefusalLines {
    /// Written lines.
    pub written: IntCounter,
    /// Refusals without a line: too many for the same reason in one second.
    pub held_back: IntCounter,
    /// Lost lines: the writer thread was too slow.
    pub dropped: IntCounter,
}

/// Counters of `audit_records_total`.
#[derive(Debug)]
pub struct AuditRecords {
    /// Written records.
    pub written: IntCounter,
    /// Lost records: the sink did not accept them in time.
    pub dropped: IntCounter,
}

type OnScrape = Box<dyn Fn(&Gauges) + Send + Sync>;

/// Handles of `cache_requests_total`.
#[derive(Debug)]
pub struct CacheRequests {
    /// The entry was found and is still valid.
    pub hit: IntCounter,
    /// No entry was found, or it is no longer valid.
    pub miss: IntCounter,
}

/// Handles of `cache_evictions_total`.
#[derive(Debug)]
pub struct CacheEvicted {
    /// The token expired, or the entry reached its age limit.
    pub expired: IntCounter,
    /// Another token with the same hash replaced it.
    pub replaced: IntCounter,
    /// The cache was full.
    pub size: IntCounter,
}

/// Buckets from a microsecond to four seconds.
fn fine_buckets() -> Vec<f64> {
    (0..12).map(|step| 1e-6 * 4_f64.powi(step)).collect()
}

impl Metrics {
    /// Creates all metrics at zero.
    ///
    /// # Panics
    /// Never: the names are constant, and a test creates them all.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the names are constant and valid")]
    pub fn new() -> Self {
        let registry = Registry::new();
        let add = |collector: Box<dyn Collector>| {
            registry.register(collector).expect("each name is used once");
        };
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let vector = IntCounterVec::new(Opts::new(name, help), labels).expect("a valid name");
            add(Box::new(vector.clone()));
            vector
        };
        let histogram = |name: &str, help: &str, buckets: Vec<f64>| {
            let options = HistogramOpts::new(name, help).buckets(buckets);
            let histogram = Histogram::with_opts(options).expect("valid buckets");
            add(Box::new(histogram.clone()));
            histogram
        };

        let signature_checks = SignatureChecks::new(&counter(
            "jwtd_signature_checks_total",
            "Tokens whose signature was checked, by algorithm and result.",
            &["algorithm", "result"],
        ));
        let proof_checks = SignatureChecks::new(&counter(
            "jwtd_dpop_proof_checks_total",
            "DPoP proofs whose signature was checked, by algorithm and result.",
            &["algorithm", "result"],
        ));
        let [presentations, shared_presentations] = Presentations::both(&counter);
        let decryptions = Decryptions::new(&counter(
            "jwtd_decryptions_total",
            "Encrypted tokens for which there was a key, by `alg` and result.",
            &["algorithm", "result"],
        ));
        let audit = counter(
            "jwtd_audit_records_total",
            "Records of the audit log, by outcome.",
            &["result"],
        );
        let refusals = counter(
            "jwtd_refusal_lines_total",
            "Refused tokens, by the outcome of their log line.",
            &["result"],
        );
        let requests = counter(
            "jwtd_cache_requests_total",
            "Look-ups in the cache of checked signatures, by result.",
            &["result"],
        );
        let evictions = counter(
            "jwtd_cache_evictions_total",
            "Entries evicted from the cache of checked signatures, by cause.",
            &["cause"],
        );
        let shed = counter(
            "jwtd_shed_total",
            "Calls and connections refused at once because a limit was reached.",
            &["cause"],
        );
        for cause in ShedCause::ALL {
            shed.with_label_values(&[cause.name()]);
        }
        let panics = "Panics that were caught; each is a bug.";
        let panics = IntCounter::new("jwtd_panics_total", panics).expect("a valid name");
        add(Box::new(panics.clone()));
        let log_lines_dropped = IntCounter::new(
            "jwtd_log_lines_dropped_total",
            "Log lines lost because standard error did not accept them in time.",
        )
        .expect("a valid name");
        add(Box::new(log_lines_dropped.clone()));
        let log_lines_held_back = IntCounter::new(
            "jwtd_log_lines_held_back_total",
            "Log lines suppressed because a peer or a library provoked too many.",
        )
        .expect("a valid name");
        add(Box::new(log_lines_held_back.clone()));
        let call_labels = ["grpc_type", "grpc_service", "grpc_method"];
        let call_seconds = HistogramVec::new(
            HistogramOpts::new(
                "grpc_server_handling_seconds",
                "Duration of calls until their last message was sent.",
            )
            .buckets(fine_buckets()),
            &call_labels,
        )
        .expect("a valid name");
        add(Box::new(call_seconds.clone()));
        let build = IntGaugeVec::new(
            Opts::new("jwtd_build_info", "Always 1; the labels describe the running build."),
            &["version"],
        )
        .expect("a valid name");
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        add(Box::new(build));
        add(Box::new(ProcessCollector::for_self()));

        let verifications = counter(
            "jwtd_verifications_total",
            "Verdicts, by profile, issuer and reason.",
            &["profile", "issuer", "reason"],
        );
        let shadow_verifications = counter(
            "jwtd_shadow_verifications_total",
            "Verdicts of the policy in a profile's `shadow`, by profile and reason.",
            &["profile", "reason"],
        );
        let fetches = Fetches::new(&add);
        let mut named = vec![verifications.clone(), shadow_verifications.clone()];
        named.extend(fetches.vectors());
        Self {
            names: Names::new(named),
            verifications,
            shadow_verifications,
            calls_started: counter("grpc_server_started_total", "Calls started.", &call_labels),
            calls_handled: counter(
                "grpc_server_handled_total",
                "Calls completed, by code.",
                &["grpc_type", "grpc_service", "grpc_method", "grpc_code"],
            ),
            call_seconds,
            verification_seconds: histogram(
                "jwtd_verification_seconds",
                "Time to verify the tokens of one message.",
                fine_buckets(),
            ),
            batch_tokens: histogram(
                "jwtd_batch_tokens",
                "Number of tokens in one message.",
                vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0],
            ),
            duties: Duties::new(&add),
            fetches,
            connections: Connections::new(&add),
            gauges: Gauges::new(&add),
            requests: Requests::new(&add),
            revocations: RevocationCounters::new(&add),
            cache_requests: CacheRequests {
                hit: requests.with_label_values(&["hit"]),
                miss: requests.with_label_values(&["miss"]),
            },
            cache_evicted: CacheEvicted {
                expired: evictions.with_label_values(&["expired"]),
                replaced: evictions.with_label_values(&["replaced"]),
                size: evictions.with_label_values(&["size"]),
            },
            audit_records: AuditRecords {
                written: audit.with_label_values(&["written"]),
                dropped: audit.with_label_values(&["dropped"]),
            },
            refusal_lines: RefusalLines {
                written: refusals.with_label_values(&["written"]),
                held_back: refusals.with_label_values(&["held_back"]),
                dropped: refusals.with_label_values(&["dropped"]),
            },
            on_scrape: Mutex::default(),
            panics,
            log_lines_dropped,
            log_lines_held_back,
            shed,
            signature_checks,
            proof_checks,
            presentations,
            shared_presentations,
            decryptions,
            registry: registry.clone(),
        }
    }

    /// Handles for verdicts under a snapshot with these profiles and issuers.
    pub fn verifications<'n>(
        &self,
        profiles: impl Iterator<Item = &'n str>,
        issuers: impl Iterator<Item = &'n str>,
    ) -> VerificationCounters {
        VerificationCounters::new(self.verifications.clone(), profiles, issuers)
    }

    /// Handles for verdicts of the shadow policies of these profiles.
    pub fn shadows<'n>(&self, profiles: impl Iterator<Item = &'n str>) -> ShadowCounters {
        ShadowCounters::new(self.shadow_verifications.clone(), profiles)
    }

    /// Starts a call of `method`, of which there are few.
    #[must_use]
    pub fn call(&self, method: &'static CalledMethod, clock: &Clock) -> Call {
        Arc::new(MethodCalls::new(self, method)).begin(clock)
    }

    /// Counts a verified message.
    pub fn judged(&self, tokens: usize, took: Duration) {
        self.verification_seconds.observe(took.as_secs_f64());
        self.batch_tokens.observe(f64::from(u32::try_from(tokens).unwrap_or(u32::MAX)));
    }

    /// Counts an attempt to fetch the key set of `issuer`. `outcome` is `ok` or one of a few words.
    pub fn fetched(&self, issuer: &str, outcome: &'static str, took: Duration) {
        self.fetches.count(issuer, outcome, took);
    }

    /// A handle that counts the tokens of `issuer` whose key id is unknown.
    pub fn unknown_kids(&self, issuer: &str) -> UnknownKids {
        self.fetches.unknown_kids(issuer)
    }

    /// Counts a request that a limit refused.
    pub fn shed(&self, cause: ShedCause) {
        self.shed.with_label_values(&[cause.name()]).inc();
    }

    /// Registers `read`, which sets gauges at each scrape.
    pub fn on_scrape(&self, read: impl Fn(&Gauges) + Send + Sync + 'static) {
        self.on_scrape.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(read));
    }

    /// The metrics in the text format of Prometheus, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        for read in &*self.on_scrape.lock().unwrap_or_else(PoisonError::into_inner) {
            read(&self.gauges);
        }
        self.panics.inc_by(panics::count().saturating_sub(self.panics.get()));
        self.duties.read();
        let dropped = logs::dropped().saturating_sub(self.log_lines_dropped.get());
        self.log_lines_dropped.inc_by(dropped);
        let held_back = limited::held_back().saturating_sub(self.log_lines_held_back.get());
        self.log_lines_held_back.inc_by(held_back);
        let mut families = self.registry.gather();
        self.names.prune(&mut families);
        let mut text = Vec::new();
        match TextEncoder::new().encode(&families, &mut text) {
            Ok(()) => String::from_utf8_lossy(&text).into_owned(),
            Err(_) => "# the metrics cannot be written as text\n".to_owned(),
        }
    }
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
