//! Floor 5+: what operators see.

mod logs;
mod metrics;

pub use logs::{LogFormat, start as start_logs};
pub use metrics::{
    CacheEvicted, CacheRequests, Call, Gauges, Metrics, ShedCause, SignatureChecks, UnknownKids,
    VerificationCounters,
};
