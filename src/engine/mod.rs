//! Floor 6: a batch in three steps, each a synchronous function: [`Plan`] looks
//! up and reads, [`Slice::run`] proves, [`Finish`] judges. Nothing here waits.

mod audit;
mod cache;
mod configuration;
mod explain;
mod finish;
mod front;
mod plan;
mod slice;
mod snapshot;
#[cfg(test)]
mod tests;

pub use audit::{Audit, Event};
pub use cache::{CacheLimits, ProofCache, Remembered};
pub use configuration::{Configuration, ProfileError, ProfileIndex, ServedProfile};
pub use explain::{
    Check, Question, State, explain, explain_alone, first_failure, is_permitted, is_proven,
};
pub use finish::{Decision, Finish, Permit};
pub use plan::{Batch, ForeignProfile, Held, Pending, Plan};
pub use slice::{Proof, Slice};
pub use snapshot::{Current, Snapshot};

use crate::telemetry::{Metrics, Traces};
use std::sync::Arc;

/// What all batches share.
#[derive(Debug)]
pub struct Engine {
    /// Issuers, keys and profiles as they are now.
    pub current: Current,
    /// Signatures that were already checked.
    pub cache: ProofCache,
    /// Where decisions are recorded, if anywhere.
    pub audit: Option<Audit>,
    /// Where calls are traced, if anywhere.
    pub traces: Option<Traces>,
    /// Where everything is counted.
    pub metrics: Arc<Metrics>,
}
