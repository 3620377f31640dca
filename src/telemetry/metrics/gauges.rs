//! Values that are read when they are asked for.

use prometheus::core::Collector;
use prometheus::{Gauge, IntGauge, IntGaugeVec, Opts};

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
    last_reload_time: Gauge,
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
        let last_reload_time = Gauge::new(
            "jwtd_config_last_reload_success_timestamp_seconds",
            "When the configuration was last loaded, in seconds since the epoch.",
        )
        .expect("a valid name");
        add(Box::new(last_reload_time.clone()));
        Self {
            cache_entries: gauge("jwtd_cache_entries", "Checked signatures remembered."),
            cache_bytes: gauge("jwtd_cache_bytes", "Bytes of the signatures remembered."),
            in_flight_tokens: gauge("jwtd_in_flight_tokens", "Tokens being worked on."),
            in_flight_bytes: gauge(
                "jwtd_in_flight_bytes",
                "Bytes of calls being received or worked on.",
            ),
            connections: gauge("jwtd_connections", "Open connections."),
            workers: gauge("jwtd_workers", "Threads that serve calls and check signatures."),
            jwks_keys,
            last_reload_successful: gauge(
                "jwtd_config_last_reload_successful",
                "Whether the configuration was loaded without faults when it was last read.",
            ),
            last_reload_time,
        }
    }

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
        #[expect(clippy::cast_precision_loss, reason = "exact until the year 285 million")]
        self.last_reload_time.set(seconds as f64);
    }
}

fn whole(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
