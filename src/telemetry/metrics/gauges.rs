//! Gauges that are set at each scrape.

use jwtd_core::keys::Freshness;
use prometheus::core::Collector;
use prometheus::{Gauge, GaugeVec, IntGauge, IntGaugeVec, Opts};
use std::time::Duration;

/// Gauges that are set at each scrape.
#[derive(Debug)]
pub struct Gauges {
    cache_entries: IntGauge,
    cache_bytes: IntGauge,
    replay_entries: IntGauge,
    replay_bytes: IntGauge,
    in_flight_tokens: IntGauge,
    in_flight_bytes: IntGauge,
    connections: IntGauge,
    streams: IntGauge,
    workers: IntGauge,
    revocation_entries: IntGauge,
    revocation_bytes: IntGauge,
    feed_age: GaugeVec,
    feed_stale: IntGaugeVec,
    feed_failing: IntGaugeVec,
    jwks_keys: IntGaugeVec,
    jwks_state: IntGaugeVec,
    jwks_last_success: GaugeVec,
    jwks_expiry: GaugeVec,
    limits: IntGaugeVec,
    last_reload_successful: IntGauge,
    last_reload_time: Gauge,
    restart_required: IntGauge,
    certificate_expiry: GaugeVec,
}

impl Gauges {
    #[expect(clippy::expect_used, reason = "the names are constant and valid")]
    pub(super) fn new(add: &impl Fn(Box<dyn Collector>)) -> Self {
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help).expect("a valid name");
            add(Box::new(gauge.clone()));
            gauge
        };
        let keys = Opts::new("jwtd_jwks_keys", "Usable keys of the issuer.");
        let jwks_keys = IntGaugeVec::new(keys, &["issuer"]).expect("a valid name");
        add(Box::new(jwks_keys.clone()));
        let state = "Freshness of the issuer's keys: 1 for the current state.";
        let state = Opts::new("jwtd_jwks_state", state);
        let jwks_state = IntGaugeVec::new(state, &["issuer", "state"]).expect("a valid name");
        add(Box::new(jwks_state.clone()));
        let success = Opts::new(
            "jwtd_jwks_last_success_timestamp_seconds",
            "Time of the last fetch of an issuer's key set, in seconds since the epoch.",
        );
        let jwks_last_success = GaugeVec::new(success, &["issuer"]).expect("a valid name");
        add(Box::new(jwks_last_success.clone()));
        let stale = Opts::new(
            "jwtd_jwks_expiry_timestamp_seconds",
            "Time at which an issuer's fetched keys expire, in seconds since the epoch.",
        );
        let jwks_expiry = GaugeVec::new(stale, &["issuer"]).expect("a valid name");
        add(Box::new(jwks_expiry.clone()));
        let age = Opts::new(
            "jwtd_revocation_feed_age_seconds",
            "Time since a revocation feed was last heard from; since the start if it never was.",
        );
        let feed_age = GaugeVec::new(age, &["feed"]).expect("a valid name");
        add(Box::new(feed_age.clone()));
        let stale = Opts::new(
            "jwtd_revocation_feed_stale",
            "1 if a revocation feed has been silent for longer than its `max_age`, or is \
             incomplete.",
        );
        let feed_stale = IntGaugeVec::new(stale, &["feed"]).expect("a valid name");
        add(Box::new(feed_stale.clone()));
        let failing = "1 if the last attempt to read a revocation feed failed, or found faults.";
        let failing = Opts::new("jwtd_revocation_feed_failing", failing);
        let feed_failing = IntGaugeVec::new(failing, &["feed"]).expect("a valid name");
        add(Box::new(feed_failing.clone()));
        let limits = Opts::new("jwtd_limit", "The limits of the gauges with these names.");
        let limits = IntGaugeVec::new(limits, &["limit"]).expect("a valid name");
        add(Box::new(limits.clone()));
        let expiry = Opts::new(
            "jwtd_tls_certificate_expiry_timestamp_seconds",
            "Expiry of a listener's certificate, in seconds since the epoch.",
        );
        let certificate_expiry = GaugeVec::new(expiry, &["listener"]).expect("a valid name");
        add(Box::new(certificate_expiry.clone()));
        let last_reload_time = Gauge::new(
            "jwtd_config_last_reload_success_timestamp_seconds",
            "Time at which the configuration was last loaded, in seconds since the epoch.",
        )
        .expect("a valid name");
        add(Box::new(last_reload_time.clone()));
        Self {
            cache_entries: gauge(
                "jwtd_cache_entries",
                "Entries in the cache of checked signatures.",
            ),
            cache_bytes: gauge(
                "jwtd_cache_bytes",
                "Memory of the cache of checked signatures, in bytes.",
            ),
            replay_entries: gauge(
                "jwtd_replay_memory_entries",
                "Proofs and one-time tokens in the memory of what was presented.",
            ),
            replay_bytes: gauge(
                "jwtd_replay_memory_bytes",
                "Memory of what was presented, in bytes.",
            ),
            in_flight_tokens: gauge("jwtd_in_flight_tokens", "Tokens in progress."),
            in_flight_bytes: gauge(
                "jwtd_in_flight_bytes",
                "Bytes of calls being received or processed.",
            ),
            connections: gauge("jwtd_connections", "Open connections."),
            streams: gauge(
                "jwtd_streams",
                "Stream slots of open long-lived calls: 1 for VerifyStream, 2 for Watch, 4 for \
                 ServerReflectionInfo.",
            ),
            workers: gauge("jwtd_workers", "Threads that serve calls and check signatures."),
            revocation_entries: gauge(
                "jwtd_revocation_entries",
                "Tokens, sessions, subjects, clients, issuers and keys that are revoked.",
            ),
            revocation_bytes: gauge(
                "jwtd_revocation_bytes",
                "Memory of the revocation set, in bytes.",
            ),
            feed_age,
            feed_stale,
            feed_failing,
            jwks_keys,
            jwks_state,
            jwks_last_success,
            jwks_expiry,
            limits,
            last_reload_successful: gauge(
                "jwtd_config_last_reload_successful",
                "1 if the configuration was free of faults when it was last read.",
            ),
            last_reload_time,
            certificate_expiry,
            restart_required: gauge(
                "jwtd_config_restart_required",
                "1 if the configuration that was last read has settings that take effect only \
                 after a restart.",
            ),
        }
    }

    /// Sets the size of the cache.
    pub fn set_cache(&self, entries: u64, bytes: u64) {
        self.cache_entries.set(whole(entries));
        self.cache_bytes.set(whole(bytes));
    }

    /// Sets the size of the memory of what was presented.
    pub fn set_replay_memory(&self, entries: u64, bytes: u64) {
        self.replay_entries.set(whole(entries));
        self.replay_bytes.set(whole(bytes));
    }

    /// Sets a limit; `limit` is the name of the gauge that it bounds, without `jwtd_`.
    pub fn set_limit(&self, limit: &'static str, value: u64) {
        self.limits.with_label_values(&[limit]).set(whole(value));
    }

    /// Sets the amounts in flight.
    pub fn set_in_flight(&self, tokens: usize, bytes: usize, connections: usize, streams: usize) {
        self.in_flight_tokens.set(whole(tokens));
        self.in_flight_bytes.set(whole(bytes));
        self.connections.set(whole(connections));
        self.streams.set(whole(streams));
    }

    /// Sets the size of the revocation set.
    pub fn set_revocations(&self, entries: usize, bytes: usize) {
        self.revocation_entries.set(whole(entries));
        self.revocation_bytes.set(whole(bytes));
    }

    /// Sets if the last attempt to read a feed failed.
    pub fn set_feed_failing(&self, feed: &str, failing: bool) {
        self.feed_failing.with_label_values(&[feed]).set(i64::from(failing));
    }

    /// Sets the silence of a feed, and if the feed is stale.
    pub fn set_feed(&self, feed: &str, age: Duration, stale: bool) {
        self.feed_age.with_label_values(&[feed]).set(age.as_secs_f64());
        self.feed_stale.with_label_values(&[feed]).set(i64::from(stale));
    }

    /// Sets the number of worker threads.
    pub fn set_workers(&self, workers: usize) {
        self.workers.set(whole(workers));
    }

    /// Removes all issuers, before the current ones are set.
    pub fn forget_issuers(&self) {
        self.jwks_keys.reset();
        self.jwks_state.reset();
        self.jwks_last_success.reset();
        self.jwks_expiry.reset();
    }

    /// Sets the number of usable keys of an issuer and their freshness. If they are fetched, also
    /// sets the fetch time and the time of expiry, in seconds since the epoch.
    pub fn set_issuer(
        &self,
        issuer: &str,
        keys: usize,
        freshness: Freshness,
        fetched_at: Option<i64>,
        stale_at: Option<i64>,
    ) {
        self.jwks_keys.with_label_values(&[issuer]).set(whole(keys));
        for state in Freshness::ALL {
            let gauge = self.jwks_state.with_label_values(&[issuer, state.name()]);
            gauge.set(i64::from(state == freshness));
        }
        for (gauge, seconds) in
            [(&self.jwks_last_success, fetched_at), (&self.jwks_expiry, stale_at)]
        {
            if let Some(seconds) = seconds {
                gauge.with_label_values(&[issuer]).set(time(seconds));
            }
        }
    }

    /// Sets the expiry of a listener's certificate, in seconds since the epoch.
    pub fn set_certificate(&self, listener: &str, not_after: i64) {
        self.certificate_expiry.with_label_values(&[listener]).set(time(not_after));
    }

    /// Sets the outcome of the last reload, the time when a configuration was last applied, and if
    /// changed settings need a restart.
    pub fn set_reload(&self, successful: bool, seconds: i64, restart_required: bool) {
        self.last_reload_successful.set(i64::from(successful));
        self.last_reload_time.set(time(seconds));
        self.restart_required.set(i64::from(restart_required));
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact until the year 285 million")]
fn time(seconds: i64) -> f64 {
    seconds as f64
}

fn whole(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
