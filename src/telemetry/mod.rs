//! Floor 5+: what operators see.

mod audit;
mod limited;
mod logs;
mod metrics;
mod panics;
pub mod supervisor;
mod tally;
#[cfg_attr(not(feature = "otel"), path = "traces/none.rs")]
mod traces;

pub use audit::{AuditLog, AuditSink, NoRoom, Record};
pub use limited::LineLimit;
pub(crate) use limited::limited;
pub use logs::{LogFormat, Logs, start as start_logs};
pub use metrics::{
    AuditRecords, CacheEvicted, CacheRequests, Call, ConnectionEnd, Connections, Gauges, Metrics,
    ShadowCounters, ShedCause, SignatureChecks, UnknownKids, VerificationCounters,
};
pub use panics::observe as observe_panics;
pub use tally::Tally;
pub use traces::Traces;
