//! Counts plain HTTP requests.

use super::Metrics;
use http::StatusCode;
use prometheus::core::Collector;
use prometheus::{IntCounterVec, Opts};

/// Plain HTTP requests, by handler.
#[derive(Debug)]
pub(super) struct Requests(IntCounterVec);

impl Requests {
    #[expect(clippy::expect_used, reason = "the names are constant and valid")]
    pub(super) fn new(add: &impl Fn(Box<dyn Collector>)) -> Self {
        let requests = Opts::new(
            "jwtd_http_requests_total",
            "Requests on the gRPC ports that were not gRPC calls, by handler and status.",
        );
        let requests = IntCounterVec::new(requests, &["handler", "code"]).expect("a valid name");
        add(Box::new(requests.clone()));
        Self(requests)
    }
}

impl Metrics {
    /// Counts a request that this handler answered.
    pub fn http_answered(&self, handler: &'static str, status: StatusCode) {
        self.requests.0.with_label_values(&[handler, status.as_str()]).inc();
    }
}
