//! Removes entries that have ended, as far as the clock can be trusted.

use super::changes::Changes;
use super::ends::{Horizon, ended_by};
use super::message::LedgerFault;
use crate::state::Writing;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::Issuers;
use std::time::{Duration, Instant};

/// The most entries of an issuer that one commit removes: others wait for their turn.
const SWEEP: usize = 5_000;

/// The most values of `iss` without a configuration that one sweep looks at.
const OTHERS: usize = 1_000;

/// The time for which a request is remembered.
const REQUEST_LIFE: Duration = Duration::from_secs(31 * 24 * 3600);

/// Removes entries, tombstones and requests that have ended.
#[derive(Debug)]
pub(super) struct Sweeper {
    horizon: Horizon,
    /// The current horizon. The store records it with the next change.
    believed: UnixTime,
    /// The last `iss` without a configuration that was looked at, if there are more after it.
    last_other: Box<str>,
}

impl Sweeper {
    /// Goes on from the horizon that the store knows; the wall clock says `wall` at the moment `at`.
    pub(super) fn new(believed: UnixTime, wall: UnixTime, at: Instant) -> Self {
        Self { horizon: Horizon::new(wall, at), believed, last_other: Box::default() }
    }

    /// The time up to which ends are believed.
    pub(super) fn believed(&self) -> UnixTime {
        self.believed
    }

    /// Removes what has ended at a time; true if more is left.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub(super) fn sweep(
        &mut self,
        change: &Writing,
        issuers: &Issuers,
        (wall, at): (UnixTime, Instant),
        changes: &mut Changes,
    ) -> Result<bool, LedgerFault> {
        let horizon = self.horizon.advance(self.believed, wall, at);
        self.believed = horizon;
        let mut is_left = false;
        for identifier in self.identifiers(change, issuers)? {
            let issuer = issuers.route(&identifier).and_then(|index| issuers.get(index));
            let (ended, rows) = change.sweep(&identifier, ended_by(issuer, horizon), SWEEP)?;
            changes.swept = changes.swept.saturating_add(rows);
            is_left |= rows >= SWEEP;
            let count = u64::try_from(ended.len()).unwrap_or(u64::MAX);
            changes.ended = changes.ended.saturating_add(count);
            changes.touched.extend(ended.into_iter().map(|entry| entry.target));
        }
        let forgotten = change.forget_requests(horizon.minus(REQUEST_LIFE), SWEEP)?;
        changes.swept = changes.swept.saturating_add(forgotten);
        Ok(is_left || forgotten >= SWEEP)
    }

    /// The values of `iss` to look at: all that are configured, and others in turn.
    fn identifiers(
        &mut self,
        change: &Writing,
        issuers: &Issuers,
    ) -> Result<Vec<Box<str>>, LedgerFault> {
        let mut identifiers = Vec::new();
        for (_, issuer) in issuers.iter() {
            identifiers.extend(issuer.identifiers().iter().cloned());
        }
        let others = change.issuers_after(&self.last_other, OTHERS)?;
        let last = others.last().filter(|_| others.len() >= OTHERS);
        self.last_other = last.cloned().unwrap_or_default();
        identifiers.extend(others.into_iter().filter(|one| issuers.route(one).is_none()));
        Ok(identifiers)
    }
}
