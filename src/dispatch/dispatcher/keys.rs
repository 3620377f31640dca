//! The wait for keys that are being fetched.

use super::Dispatcher;
use crate::clock::later;
use crate::dispatch::account::{Account, Permit};
use crate::dispatch::resource::Resource;
use crate::engine::{Held, Pending, Snapshot};
use crate::sources::AttemptEnd;
use jwtd_core::keys::KeyState;
use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Instant;

/// The tokens that wait for keys, with the end of the fetch of each issuer unless its keys have
/// arrived already; and a permit to wait.
pub(super) struct Waiting {
    pub(super) held: Held<Option<AttemptEnd>>,
    pub(super) _permit: Option<Permit>,
}

impl Dispatcher {
    /// Reports missing keys, and removes the tokens that may wait for them, or whose key has
    /// arrived since their batch did.
    pub(super) fn hold(&self, pending: &mut Pending, account: &Arc<Account>) -> Option<Waiting> {
        let (permit, seen) = (OnceCell::new(), Arc::clone(pending.snapshot()));
        let now = self.engine.current.load();
        let has_other_keys = |index| {
            let keys = |snapshot: &Snapshot| match snapshot.issuers().get(index)?.keys() {
                KeyState::Held { set, .. } => Some(*set.fingerprint()),
                KeyState::Unavailable => None,
            };
            now.is_of_configuration_of(&seen) && keys(&now) != keys(&seen)
        };
        let held = pending.hold(|issuer, key| {
            if has_other_keys(key.issuer()) {
                return Some(None);
            }
            let end = self.watches.of(issuer)?.miss(self.engine.cache.hash_key(key))?;
            let take = || account.take(Resource::KeyWaits, 1);
            permit.get_or_init(take).is_some().then_some(Some(end))
        })?;
        Some(Waiting { held, _permit: permit.into_inner().flatten() })
    }

    /// Waits for the ends of key fetches, at most for half of the remaining time, so that some is
    /// left for the response.
    pub(super) async fn wait_for_keys(
        &self,
        ends: impl IntoIterator<Item = AttemptEnd>,
        deadline: Option<Instant>,
    ) {
        let now = self.clock.monotonic();
        let half = |deadline: Instant| later(now, deadline.saturating_duration_since(now) / 2);
        let half = deadline.map(half);
        for end in ends {
            let until = half.into_iter().fold(end.until(), Instant::min);
            self.clock.timeout_at(until, end.reached()).await;
        }
    }
}
