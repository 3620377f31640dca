//! Starts revocation: loads the store before the first call is accepted.

use super::StartError;
use crate::clock::Clock;
use crate::config::Startup;
use crate::engine::{Engine, Moment, Pulse};
use crate::revocation::Ledger;
use crate::revocation::feeds::{self, Started};
use crate::sources::KeyWatches;
use crate::state::{RevocationStore, StateFolder};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// The heartbeats of the feeds, none of which has been heard from yet.
pub(super) fn pulses(startup: &Startup, clock: &Clock) -> Arc<[Arc<Pulse>]> {
    let settings = startup.revocation.as_ref();
    feeds::pulses(settings.map_or(&[], |settings| &settings.feeds), clock.monotonic())
}

/// Opens the store and starts recording, if revocation is on; also returns the feeds.
///
/// # Errors
/// If the store is damaged or cannot be used: an empty set would let revoked tokens pass.
pub(super) fn start(
    startup: &Startup,
    state: Option<&StateFolder>,
    engine: &Arc<Engine>,
    watches: &KeyWatches,
    clock: &Clock,
) -> Result<(Option<Ledger>, Started), StartError> {
    let limit = startup.revocation.as_ref().map_or(0, |settings| settings.max_entries);
    let (weak, own_clock) = (Arc::downgrade(engine), clock.clone());
    engine.metrics.on_scrape(move |gauges| {
        let Some(engine) = weak.upgrade() else { return };
        let set = engine.revocations.load();
        gauges.set_revocations(set.len(), set.bytes());
        gauges.set_limit("revocation_store_entries", limit);
        let now = Moment { wall: own_clock.wall(), at: own_clock.monotonic() };
        for pulse in &**engine.current.load().configuration().pulses().all() {
            gauges.set_feed_failing(pulse.name(), pulse.failure().is_some());
            if let Some(stands) = pulse.stands(now) {
                gauges.set_feed(pulse.name(), stands.age, stands.stale);
            }
        }
    });
    let Some(state) = state else { return Ok((None, Started::default())) };
    let Some(settings) = &startup.revocation else {
        if RevocationStore::is_in(state) {
            tracing::warn!(
                fix = "set `revocation`, or remove the store, see docs/revocation.md",
                "`state_dir` holds revocations, and without `revocation` none of them is in force"
            );
        }
        return Ok((None, Started::default()));
    };
    let store = RevocationStore::open(state, clock.wall());
    let store = store.map_err(|error| StartError::Revocations(error.to_string()))?;
    let ledger = Ledger::start(store, engine, limit, clock.clone());
    let ledger = ledger.map_err(|error| StartError::Revocations(error.to_string()))?;
    let mut started = feeds::start(&settings.feeds, &ledger, engine, watches, clock);
    started.tasks.push(AbortOnDropHandle::new(ledger.sweep(clock)));
    Ok((Some(ledger), started))
}

/// The longest time that shutdown waits for the store.
const CLOSING: Duration = Duration::from_secs(5);

/// Closes the store. Every acknowledged revocation is already on disk, so shutdown does not wait
/// for a store that hangs.
pub(super) async fn close(ledger: Ledger, clock: &Clock) {
    if clock.timeout(CLOSING, ledger.close(clock)).await.is_none() {
        tracing::warn!("the store of revocations could not be closed in time");
    }
}
