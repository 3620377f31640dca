//! Floor 5+: logs, metrics, traces and audit records for operators.

mod audit;
mod limited;
mod log_filter;
mod logs;
mod metrics;
mod panics;
mod refusal_line;
pub mod supervisor;
mod tally;
#[cfg_attr(not(feature = "otel"), path = "traces/none.rs")]
mod traces;

pub use audit::{AuditLog, AuditSink, KeyFile, NoRoom, Record};
pub use limited::LineLimit;
pub(crate) use limited::limited;
pub use log_filter::LogFilter;
pub use logs::{LogFormat, LogLevel, Logs, start as start_logs};
pub use metrics::{
    AuditRecords, CacheEvicted, CacheRequests, Call, CalledMethod, ConnectionEnd, Connections,
    Decryption, Decryptions, EventCounters, EventOutcome, FeedError, FeedErrors, FleetGauges,
    Gauges, MethodCalls, Metrics, PresentationResult, Presentations, RefusalLines,
    RevocationCounters, ShadowCounters, ShedCause, SignatureChecks, UnknownKids,
    VerificationCounters,
};
pub use panics::observe as observe_panics;
pub use refusal_line::RefusalLine;
pub use tally::Tally;
pub use traces::Traces;
