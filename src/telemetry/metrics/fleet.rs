//! How far the sharing of a fleet is behind.

use prometheus::core::Collector;
use prometheus::{GaugeVec, IntGaugeVec, Opts};
use std::time::Duration;

/// How far the sharing is behind, by feed.
#[derive(Debug)]
pub struct FleetGauges {
    unpublished: IntGaugeVec,
    lag: GaugeVec,
}

impl FleetGauges {
    #[expect(clippy::expect_used, reason = "the names are constant and valid")]
    pub(super) fn new(add: &impl Fn(Box<dyn Collector>)) -> Self {
        let options = Opts::new(
            "jwtd_revocation_feed_unpublished",
            "Changes of the own store that a shared stream does not have yet.",
        );
        let unpublished = IntGaugeVec::new(options, &["feed"]).expect("a valid name");
        add(Box::new(unpublished.clone()));
        let options = Opts::new(
            "jwtd_revocation_feed_lag_seconds",
            "How long it took until all was read that a shared stream had when it was last asked.",
        );
        let lag = GaugeVec::new(options, &["feed"]).expect("a valid name");
        add(Box::new(lag.clone()));
        Self { unpublished, lag }
    }

    /// Sets how many changes are not published.
    pub fn set_unpublished(&self, feed: &str, changes: u64) {
        let changes = i64::try_from(changes).unwrap_or(i64::MAX);
        self.unpublished.with_label_values(&[feed]).set(changes);
    }

    /// Sets how far the reading is behind.
    pub fn set_lag(&self, feed: &str, lag: Duration) {
        self.lag.with_label_values(&[feed]).set(lag.as_secs_f64());
    }
}
