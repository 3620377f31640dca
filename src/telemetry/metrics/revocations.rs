//! Changes of what is revoked.

use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts};

/// Handles of `revocations_total`.
#[derive(Debug)]
pub struct RevocationCounters {
    /// Entries that came.
    pub added: IntCounter,
    /// Entries that were undone.
    pub undone: IntCounter,
    /// Entries that have ended.
    pub ended: IntCounter,
    /// Requests that were refused because there were as many entries as there may be.
    pub full: IntCounter,
    /// Groups of requests that could not be recorded.
    pub failed: IntCounter,
    /// Entries and marks in the store: what counts against the bound.
    store_entries: IntGauge,
}

impl RevocationCounters {
    #[expect(clippy::expect_used, reason = "the names are constant and valid")]
    pub(super) fn new(add: &impl Fn(Box<dyn Collector>)) -> Self {
        let options = Opts::new(
            "jwtd_revocations_total",
            "Entries of revocation that came and went, and requests that failed, by result.",
        );
        let vector = IntCounterVec::new(options, &["result"]).expect("a valid name");
        add(Box::new(vector.clone()));
        let counter = |result| vector.with_label_values(&[result]);
        let store_entries = IntGauge::new(
            "jwtd_revocation_store_entries",
            "Entries in the store, and marks of such as were undone and must still be known.",
        );
        let store_entries = store_entries.expect("a valid name");
        add(Box::new(store_entries.clone()));
        Self {
            store_entries,
            added: counter("added"),
            undone: counter("undone"),
            ended: counter("ended"),
            full: counter("full"),
            failed: counter("failed"),
        }
    }

    /// Sets how many entries and marks the store holds.
    pub fn set_stored(&self, stored: u64) {
        self.store_entries.set(i64::try_from(stored).unwrap_or(i64::MAX));
    }
}
