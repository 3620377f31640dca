//! The lag of a fleet's sharing.

use prometheus::core::Collector;
use prometheus::{GaugeVec, IntGaugeVec, Opts};
use std::time::Duration;

/// The lag of sharing, by feed.
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
            "Changes of the daemon's own store that are not yet in a shared stream.",
        );
        let unpublished = IntGaugeVec::new(options, &["feed"]).expect("a valid name");
        add(Box::new(unpublished.clone()));
        let options = Opts::new(
            "jwtd_revocation_feed_lag_seconds",
            "Time until everything was read that a shared stream held at the last poll.",
        );
        let lag = GaugeVec::new(options, &["feed"]).expect("a valid name");
        add(Box::new(lag.clone()));
        Self { unpublished, lag }
    }

    /// Sets the number of unpublished changes.
    pub fn set_unpublished(&self, feed: &str, changes: u64) {
        let changes = i64::try_from(changes).unwrap_or(i64::MAX);
        self.unpublished.with_label_values(&[feed]).set(changes);
    }

    /// Sets the lag of reading.
    pub fn set_lag(&self, feed: &str, lag: Duration) {
        self.lag.with_label_values(&[feed]).set(lag.as_secs_f64());
    }
}
