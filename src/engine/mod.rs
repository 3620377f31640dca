//! Floor 6: a batch in phases, each a synchronous function: [`Lookup`] finds what is remembered,
//! [`Slice::run`] reads and proves the rest, [`ProofReading`] reads the proofs of senders,
//! [`Judging`] judges all. Nothing here waits; which
//! phase comes when is for the dispatcher to say.

mod audit;
mod batch;
mod cache;
mod claimed;
mod configuration;
mod decision;
mod explain;
mod group;
mod hot_index;
mod judging;
mod lookup;
mod proof_reading;
mod proofs;
mod pulses;
mod refusals;
mod remembered;
mod revocations;
mod senders;
mod slice;
mod snapshot;
mod tally;
#[cfg(test)]
mod tests;

pub use audit::{Audit, AuditEvent};
pub use batch::{Batch, Held, Pending};
pub use cache::{CacheLimits, ProofCache};
pub use configuration::{Configuration, ProfileError, ProfileIndex, ServedProfile};
pub use decision::{Decision, Permission};
pub use explain::{
    Check, CheckState, Question, explain, explain_alone, first_failure, is_permitted, is_proven,
};
pub use judging::Judging;
pub use lookup::{ForeignProfile, Lookup};
pub use proof_reading::ProofReading;
pub use pulses::{Moment, Pulse, Pulses, RevocationAge};
pub use refusals::Refusals;
pub use remembered::Remembered;
pub use revocations::Revocations;
pub use senders::Senders;
pub use slice::{Outcome, Slice, Unread};
pub use snapshot::{Current, Snapshot};

use crate::telemetry::{Metrics, Traces};
use jwtd_core::jose::UnixTime;
use std::sync::Arc;
use std::time::Instant;

/// What all batches share.
#[derive(Debug)]
pub struct Engine {
    /// Issuers, keys and profiles as they are now.
    pub current: Current,
    /// Signatures that were already checked.
    pub cache: ProofCache,
    /// What is revoked.
    pub revocations: Revocations,
    /// The rules for the proofs of senders, and what they presented.
    pub senders: Senders,
    /// Where decisions are recorded, if anywhere.
    pub audit: Option<Audit>,
    /// Where refusals are logged, if anywhere.
    pub refusals: Option<Refusals>,
    /// Where calls are traced, if anywhere.
    pub traces: Option<Traces>,
    /// Where everything is counted.
    pub metrics: Arc<Metrics>,
}

impl Engine {
    /// An engine that judges by `snapshot`, with an empty cache, without an audit log or traces.
    #[must_use]
    pub fn new(snapshot: Snapshot, limits: CacheLimits, metrics: Arc<Metrics>) -> Self {
        let (current, cache) = (Current::new(snapshot), ProofCache::new(limits, &metrics));
        let (revocations, senders) = (Revocations::new(), Senders::default());
        let (audit, refusals, traces) = (None, None, None);
        Self { current, cache, revocations, senders, audit, refusals, traces, metrics }
    }

    /// Decides a batch in one go, at the wall time `now` and the moment `at`: its phases one
    /// after the other, between which nobody else comes to their right. For measurements and
    /// tests; the daemon's dispatcher does the same in pieces.
    ///
    /// # Errors
    /// If the profile of the batch is that of another configuration than the snapshot's.
    pub fn decide(
        &self,
        snapshot: Arc<Snapshot>,
        batch: Batch,
        now: UnixTime,
        at: Instant,
    ) -> Result<Vec<Decision>, ForeignProfile> {
        let run = |slices: Vec<Slice>| -> Vec<_> {
            slices.into_iter().flat_map(|slice| slice.run(self, now, at)).collect()
        };
        let tokens = batch.tokens.len();
        let mut lookup = Lookup::new(snapshot, batch, at)?;
        while lookup.advance(self, tokens) {}
        let (mut pending, unread) = lookup.end();
        let slices = pending.to_read(unread);
        let slices = pending.take(run(slices), self);
        let _none = pending.take(run(slices), self);
        let mut proofs = ProofReading::default();
        while proofs.advance(&mut pending, self, now) {}
        let slices = proofs.end(&pending);
        let _none = pending.take(run(slices), self);
        let mut judging = Judging::new(pending, Moment { wall: now, at });
        while judging.advance(self, tokens) {}
        Ok(judging.decisions())
    }
}
