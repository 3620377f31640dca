//! One call of gRPC, counted from its start to its end.

use super::{Metrics, service};
use std::sync::Arc;
use std::time::Instant;

/// One call of gRPC, from its start to its end.
#[derive(Debug)]
pub struct Call {
    metrics: Arc<Metrics>,
    kind: &'static str,
    method: &'static str,
    started: Instant,
    code: &'static str,
}

impl Call {
    pub(super) fn new(metrics: Arc<Metrics>, kind: &'static str, method: &'static str) -> Self {
        Self { metrics, kind, method, started: Instant::now(), code: "Canceled" }
    }

    /// Sets the code that the call ends with. A call that is dropped before ends
    /// with `Canceled`.
    pub fn end(&mut self, code: &'static str) {
        self.code = code;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Self { metrics, kind, method, started, code } = self;
        let service = service(method);
        metrics.calls_handled.with_label_values(&[*kind, service, *method, *code]).inc();
        let seconds = started.elapsed().as_secs_f64();
        metrics.call_seconds.with_label_values(&[*kind, service, *method]).observe(seconds);
    }
}
