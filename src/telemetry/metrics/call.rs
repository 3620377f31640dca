//! One call of gRPC, counted from its start to its end.

use super::{Metrics, service};
use crate::clock::Clock;
use crate::telemetry::tally::Tally;
use crate::telemetry::traces::{Span, Traces};
use http::HeaderMap;
use std::sync::Arc;
use std::time::Instant;

/// One call of gRPC, from its start to its end.
#[derive(Debug)]
pub struct Call {
    metrics: Arc<Metrics>,
    kind: &'static str,
    method: &'static str,
    clock: Clock,
    started: Instant,
    code: &'static str,
    span: Option<Span>,
    tally: Tally,
}

impl Call {
    pub(super) fn new(
        metrics: Arc<Metrics>,
        kind: &'static str,
        method: &'static str,
        clock: Clock,
    ) -> Self {
        Self {
            metrics,
            kind,
            method,
            started: clock.monotonic(),
            clock,
            code: "Canceled",
            span: None,
            tally: Tally::default(),
        }
    }

    /// The same call, as a span if it is one of those that are traced.
    #[must_use]
    pub fn traced(mut self, traces: Option<&Traces>, headers: &HeaderMap) -> Self {
        self.span = traces.and_then(|all| all.span(service(self.method), self.method, headers));
        if self.span.is_some() {
            self.tally = Tally::of_span();
        }
        self
    }

    /// What its verdicts are counted with.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Sets the code that the call ends with. A call that is dropped before ends
    /// with `Canceled`.
    pub fn end(&mut self, code: &'static str) {
        self.code = code;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Self { metrics, kind, method, clock, started, code, span, tally } = self;
        if let Some(span) = span.take() {
            span.end(code, tally);
        }
        let service = service(method);
        metrics.calls_handled.with_label_values(&[*kind, service, *method, *code]).inc();
        let seconds = clock.since(*started).as_secs_f64();
        metrics.call_seconds.with_label_values(&[*kind, service, *method]).observe(seconds);
    }
}
