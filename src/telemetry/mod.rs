//! Floor 5+: what operators see.

mod logs;
mod metrics;
mod panics;

pub use logs::{LogFormat, Logs, start as start_logs};
pub use metrics::{
    CacheEvicted, CacheRequests, Call, ConnectionEnd, Connections, Gauges, Metrics, ShadowCounters,
    ShedCause, SignatureChecks, UnknownKids, VerificationCounters,
};
pub use panics::observe as observe_panics;
