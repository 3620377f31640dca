//! Revocation at the start: what the store holds is in force before a call is taken.

use super::StartError;
use crate::clock::Clock;
use crate::config::Startup;
use crate::engine::Engine;
use crate::revocation::Ledger;
use crate::state::{RevocationStore, StateFolder};
use std::sync::Arc;
use std::time::Duration;

/// Opens the store and begins to record, if revocation is on.
///
/// # Errors
/// If the store is damaged or cannot be used: an empty set would let revoked tokens pass.
pub(super) fn start(
    startup: &Startup,
    state: Option<&StateFolder>,
    engine: &Arc<Engine>,
    clock: &Clock,
) -> Result<Option<Ledger>, StartError> {
    let limit = startup.revocation.map_or(0, |settings| settings.max_entries);
    let weak = Arc::downgrade(engine);
    engine.metrics.on_scrape(move |gauges| {
        let Some(engine) = weak.upgrade() else { return };
        let set = engine.revocations.load();
        gauges.set_revocations(set.len(), set.bytes());
        gauges.set_limit("revocation_store_entries", limit);
    });
    let Some(state) = state else { return Ok(None) };
    if startup.revocation.is_none() {
        if RevocationStore::is_in(state) {
            tracing::warn!(
                fix = "set `revocation`, or remove the store, see docs/revocation.md",
                "`state_dir` holds revocations, and without `revocation` none of them is in force"
            );
        }
        return Ok(None);
    }
    let store = RevocationStore::open(state, clock.wall());
    let store = store.map_err(|error| StartError::Revocations(error.to_string()))?;
    let ledger = Ledger::start(store, engine, limit, clock.clone());
    let ledger = ledger.map_err(|error| StartError::Revocations(error.to_string()))?;
    Ok(Some(ledger))
}

/// How long the end waits for the store.
const CLOSING: Duration = Duration::from_secs(5);

/// Closes the store. All that was answered is on the disk: one that hangs is not waited for.
pub(super) async fn close(ledger: Ledger, clock: &Clock) {
    if clock.timeout(CLOSING, ledger.close(clock)).await.is_none() {
        tracing::warn!("the store of revocations could not be closed in time");
    }
}
