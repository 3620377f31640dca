//! Fetches of key sets.

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts};
use std::time::Duration;

/// Fetches of key sets.
#[derive(Debug)]
pub(super) struct Fetches {
    total: IntCounterVec,
    seconds: Histogram,
    unknown_kid: IntCounterVec,
}

/// Counts tokens of one issuer whose key id is unknown.
#[derive(Clone, Debug)]
pub struct UnknownKids(IntCounter);

impl UnknownKids {
    /// Counts one token.
    pub fn add(&self) {
        self.0.inc();
    }
}

impl Fetches {
    #[expect(clippy::expect_used, reason = "the names are constant and valid")]
    pub(super) fn new(add: &impl Fn(Box<dyn Collector>)) -> Self {
        let total = Opts::new(
            "jwtd_jwks_fetches_total",
            "Attempts to fetch the key set of an issuer, by outcome.",
        );
        let total = IntCounterVec::new(total, &["issuer", "outcome"]).expect("a valid name");
        let seconds = HistogramOpts::new(
            "jwtd_jwks_fetch_seconds",
            "Duration of attempts to fetch a key set, including its metadata.",
        );
        let seconds = seconds.buckets(vec![0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]);
        let seconds = Histogram::with_opts(seconds).expect("valid buckets");
        add(Box::new(total.clone()));
        add(Box::new(seconds.clone()));
        let unknown_kid = Opts::new(
            "jwtd_unknown_kid_total",
            "Tokens whose key id matched no key of the issuer on arrival.",
        );
        let unknown_kid = IntCounterVec::new(unknown_kid, &["issuer"]).expect("a valid name");
        add(Box::new(unknown_kid.clone()));
        Self { total, seconds, unknown_kid }
    }

    /// The vectors with series for each issuer.
    pub(super) fn vectors(&self) -> [IntCounterVec; 2] {
        [self.total.clone(), self.unknown_kid.clone()]
    }

    pub(super) fn unknown_kids(&self, issuer: &str) -> UnknownKids {
        UnknownKids(self.unknown_kid.with_label_values(&[issuer]))
    }

    pub(super) fn count(&self, issuer: &str, outcome: &str, took: Duration) {
        self.total.with_label_values(&[issuer, outcome]).inc();
        self.seconds.observe(took.as_secs_f64());
    }
}
