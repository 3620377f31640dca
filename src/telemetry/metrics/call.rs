//! Counts gRPC calls from start to end.

use super::Metrics;
use crate::clock::Clock;
use crate::telemetry::tally::Tally;
use crate::telemetry::traces::{Span, Traces};
use http::HeaderMap;
use prometheus::{Histogram, IntCounter, IntCounterVec};
use std::sync::Arc;
use std::time::Instant;

/// A method, as metrics label it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CalledMethod {
    kind: &'static str,
    service: &'static str,
    name: &'static str,
}

impl CalledMethod {
    /// `jwtd.v1.VerifierService/Verify`.
    pub const VERIFY: Self = Self::of_verifier("unary", "Verify");
    /// `jwtd.v1.VerifierService/VerifyBatch`.
    pub const VERIFY_BATCH: Self = Self::of_verifier("unary", "VerifyBatch");
    /// `jwtd.v1.VerifierService/VerifyStream`.
    pub const VERIFY_STREAM: Self = Self::of_verifier("bidi_stream", "VerifyStream");
    /// `jwtd.v1.VerifierService/Explain`.
    pub const EXPLAIN: Self = Self::of_verifier("unary", "Explain");
    /// `jwtd.v1.RevocationService/Revoke`.
    pub const REVOKE: Self = Self::of_revocation("unary", "Revoke");
    /// `jwtd.v1.RevocationService/Undo`.
    pub const UNDO: Self = Self::of_revocation("unary", "Undo");
    /// `jwtd.v1.RevocationService/List`.
    pub const LIST: Self = Self::of_revocation("unary", "List");
    /// `jwtd.v1.RevocationService/Watch`.
    pub const WATCH: Self = Self::of_revocation("server_stream", "Watch");
    /// `envoy.service.auth.v3.Authorization/Check`.
    pub const AUTHORIZATION_CHECK: Self =
        Self { kind: "unary", service: "envoy.service.auth.v3.Authorization", name: "Check" };
    /// `grpc.health.v1.Health/Check`.
    pub const HEALTH_CHECK: Self = Self::of_health("unary", "Check");
    /// `grpc.health.v1.Health/Watch`.
    pub const HEALTH_WATCH: Self = Self::of_health("server_stream", "Watch");
    /// `grpc.reflection.v1.ServerReflection/ServerReflectionInfo`.
    pub const REFLECTION: Self = Self::of_reflection("grpc.reflection.v1.ServerReflection");
    /// `grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo`.
    pub const REFLECTION_ALPHA: Self =
        Self::of_reflection("grpc.reflection.v1alpha.ServerReflection");
    /// An unknown path: its text comes from the peer, and must not become a label.
    pub const UNKNOWN: Self = Self { kind: "unknown", service: "unknown", name: "unknown" };

    const fn of_verifier(kind: &'static str, name: &'static str) -> Self {
        Self { kind, service: "jwtd.v1.VerifierService", name }
    }

    const fn of_revocation(kind: &'static str, name: &'static str) -> Self {
        Self { kind, service: "jwtd.v1.RevocationService", name }
    }

    const fn of_health(kind: &'static str, name: &'static str) -> Self {
        Self { kind, service: "grpc.health.v1.Health", name }
    }

    const fn of_reflection(service: &'static str) -> Self {
        Self { kind: "bidi_stream", service, name: "ServerReflectionInfo" }
    }

    /// The values of `grpc_type`, `grpc_service` and `grpc_method`.
    pub(super) const fn labels(&self) -> [&'static str; 3] {
        [self.kind, self.service, self.name]
    }
}

/// The calls of one method, with handles for the most common counters.
#[derive(Debug)]
pub struct MethodCalls {
    method: &'static CalledMethod,
    started: IntCounter,
    ok: IntCounter,
    seconds: Histogram,
    /// Counts calls that end with another code.
    handled: IntCounterVec,
}

impl MethodCalls {
    /// Creates the counters of `method`.
    #[must_use]
    pub fn new(metrics: &Metrics, method: &'static CalledMethod) -> Self {
        let (labels, handled) = (method.labels(), metrics.calls_handled.clone());
        let [kind, service, name] = labels;
        Self {
            method,
            started: metrics.calls_started.with_label_values(&labels),
            ok: handled.with_label_values(&[kind, service, name, "OK"]),
            seconds: metrics.call_seconds.with_label_values(&labels),
            handled,
        }
    }

    /// Starts a call.
    #[must_use]
    pub fn begin(self: &Arc<Self>, clock: &Clock) -> Call {
        self.started.inc();
        Call::new(Arc::clone(self), clock.clone())
    }
}

/// One call of gRPC, from its start to its end.
#[derive(Debug)]
pub struct Call {
    of: Arc<MethodCalls>,
    clock: Clock,
    started: Instant,
    code: &'static str,
    span: Option<Span>,
    tally: Tally,
}

impl Call {
    fn new(of: Arc<MethodCalls>, clock: Clock) -> Self {
        let (started, code, tally) = (clock.monotonic(), "Canceled", Tally::default());
        Self { of, clock, started, code, span: None, tally }
    }

    /// The start time.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Attaches a span if the call is traced.
    #[must_use]
    pub fn traced(mut self, traces: Option<&Traces>, headers: &HeaderMap) -> Self {
        let CalledMethod { service, name, .. } = *self.of.method;
        self.span = traces.and_then(|all| all.span(service, name, headers));
        if self.span.is_some() {
            self.tally = Tally::of_span();
        }
        self
    }

    /// The verdict counts of the call.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Sets the status code of the call. A call that is dropped before ends with `Canceled`.
    pub fn end(&mut self, code: &'static str) {
        self.code = code;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Self { of, clock, started, code, span, tally } = self;
        if let Some(span) = span.take() {
            span.end(code, tally);
        }
        let MethodCalls { method, ok, seconds, handled, .. } = &**of;
        if *code == "OK" {
            ok.inc();
        } else {
            let [kind, service, name] = method.labels();
            handled.with_label_values(&[kind, service, name, *code]).inc();
        }
        seconds.observe(clock.since(*started).as_secs_f64());
    }
}
