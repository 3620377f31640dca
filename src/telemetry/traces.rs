//! Traces for OpenTelemetry: one span per call, which continues the caller's trace (W3C Trace
//! Context), and counts the verdicts by reason. The only file that names `opentelemetry`.

use super::supervisor::Duty;
use super::tally::Tally;
use futures_util::FutureExt as _;
use http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{Span as _, SpanKind, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, SpanData};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// The exporter of spans, which runs in the background with bounded memory.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    propagator: TraceContextPropagator,
}

/// An exporter whose panics do not end the SDK thread that drives it.
#[derive(Debug)]
struct Attended<E>(E);

impl<E: opentelemetry_sdk::trace::SpanExporter> opentelemetry_sdk::trace::SpanExporter
    for Attended<E>
{
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = AssertUnwindSafe(self.0.export(batch)).catch_unwind().await;
        exported.unwrap_or_else(|_panic| {
            Duty::Traces.panicked();
            Err(OTelSdkError::InternalFailure("a panic".to_owned()))
        })
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// The span of a running call.
#[derive(Debug)]
pub(super) struct Span(opentelemetry_sdk::trace::Span);

impl Traces {
    /// Sends spans to a collector by OTLP over gRPC. Of calls without a trace, one in `one_in`
    /// starts one; calls with a trace follow its sampled flag. Must run inside a runtime.
    ///
    /// # Errors
    /// If `endpoint` is no URL; its text says why.
    pub fn start(endpoint: &str, one_in: u32) -> Result<Self, String> {
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint);
        let exporter = exporter.with_timeout(Duration::from_secs(5)).build();
        let exporter = exporter.map_err(|_| format!("`traces.endpoint` {endpoint:?} is no URL"))?;
        let share = 1.0 / f64::from(one_in.max(1));
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder_empty().with_service_name("jwtd").with_attribute(version);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Attended(exporter))
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share))))
            .with_resource(resource.build())
            .build();
        let tracer = provider.tracer("jwtd");
        Ok(Self { provider, tracer, propagator: TraceContextPropagator::new() })
    }

    /// Sends the remaining spans, within a second.
    pub fn flush(&self) {
        self.provider.shutdown_with_timeout(Duration::from_secs(1)).ok();
    }

    /// A span for a call with these headers, if it is traced.
    pub(super) fn span(
        &self,
        service: &'static str,
        method: &'static str,
        headers: &HeaderMap,
    ) -> Option<Span> {
        let parent =
            self.propagator.extract_with_context(&Context::new(), &HeaderExtractor(headers));
        let span = self
            .tracer
            .span_builder(format!("{service}/{method}"))
            .with_kind(SpanKind::Server)
            .with_attributes([
                KeyValue::new("rpc.system", "grpc"),
                KeyValue::new("rpc.service", service),
                KeyValue::new("rpc.method", method),
            ])
            .start_with_context(&self.tracer, &parent);
        span.is_recording().then_some(Span(span))
    }
}

impl Span {
    /// Ends the span.
    pub(super) fn end(mut self, code: &'static str, tally: &Tally) {
        self.0.set_attribute(KeyValue::new("rpc.response.status_code", code));
        let mut tokens: i64 = 0;
        for (reason, count) in tally.counts() {
            tokens = tokens.saturating_add(count);
            self.0.set_attribute(KeyValue::new(format!("jwtd.reasons.{}", reason.code()), count));
        }
        self.0.set_attribute(KeyValue::new("jwtd.tokens", tokens));
        self.0.end();
    }
}

struct HeaderExtractor<'h>(&'h HeaderMap);

impl Extractor for HeaderExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
