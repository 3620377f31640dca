//! Runs one refresh task per issuer, so that trouble with one never delays another, and adjusts the
//! tasks when the issuers change.

use super::key_watch::KeyWatch;
use super::key_watches::KeyWatches;
use super::parts::{Merged, Parts};
use super::refresh::Refresher;
use super::remote::CurrentSet;
use crate::clock::Clock;
use crate::config::Remote;
use crate::engine::Engine;
use crate::state::StateFolder;
use crate::telemetry::Metrics;
use crate::telemetry::supervisor::{self, Duty};
use jwtd_core::crypto::Digest;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{Issuer, IssuerIndex, Issuers};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// Refreshes keys, for as long as it lives.
#[derive(Debug)]
pub struct Keeper {
    clock: Clock,
    state: Option<StateFolder>,
    watches: KeyWatches,
    /// The tasks, by the name of the issuer.
    tended: HashMap<String, Tended>,
    /// The key sets, by the origin of the issuer.
    parts: Mutex<HashMap<Digest, Parts>>,
}

#[derive(Debug)]
struct Tended {
    origin: Digest,
    remote: Remote,
    parts: Parts,
    watch: Arc<KeyWatch>,
    task: Option<AbortOnDropHandle<()>>,
}

impl Keeper {
    /// Creates a keeper without issuers. `clock` tells the time; with `state`, key sets are saved
    /// there.
    #[must_use]
    pub fn new(clock: Clock, state: Option<StateFolder>) -> Self {
        let (watches, tended, parts) = (KeyWatches::default(), HashMap::new(), Mutex::default());
        Self { clock, state, watches, tended, parts }
    }

    /// The last good sets of `issuer`, from all places that `remote` names. They are kept as long
    /// as the issuer has the same origin. If the origin changed, sets of places that it still names
    /// are taken over.
    pub fn parts(&self, issuer: &Issuer, remote: &Remote) -> Parts {
        let mut all = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = all.entry(*issuer.origin()).or_insert_with(|| Parts::of(remote)).clone();
        // The keys that metadata lead to are valid for these identifiers only.
        let before = self.tended.get(issuer.name());
        if let Some(before) = before.filter(|one| one.remote.identifiers == remote.identifiers) {
            parts.inherit(&before.parts);
        }
        parts
    }

    /// The watches for all fetched keys.
    #[must_use]
    pub fn watches(&self) -> &KeyWatches {
        &self.watches
    }

    /// Starts to manage the keys of `remotes`, and drops all others. Keys with an unchanged
    /// location and interval continue undisturbed; for the others, `held` gives the fetch time of
    /// the current keys.
    pub fn take(
        &mut self,
        issuers: &Issuers,
        remotes: &[(IssuerIndex, Remote)],
        held: impl Fn(IssuerIndex) -> Option<UnixTime>,
        metrics: &Metrics,
    ) {
        let mut before = std::mem::take(&mut self.tended);
        let mut watches = Vec::new();
        for (place, remote) in remotes {
            let Some(issuer) = issuers.get(*place) else { continue };
            let (name, origin) = (issuer.name().to_owned(), *issuer.origin());
            let same =
                before.remove(&name).filter(|one| one.origin == origin && one.remote == *remote);
            let tended = same.unwrap_or_else(|| {
                // A running task knows the time itself.
                let fetched_at = held(*place);
                let seed = RandomState::new().hash_one(&name);
                let unknown = metrics.unknown_kids(&name);
                let (pace, wait) = (remote.pace, remote.unknown_kid_wait);
                let watch = KeyWatch::new(pace, wait, seed, unknown, self.clock.clone());
                if let Some(fetched_at) = fetched_at {
                    watch.hold(fetched_at);
                }
                let (watch, parts) = (Arc::new(watch), self.parts(issuer, remote));
                Tended { origin, remote: remote.clone(), parts, watch, task: None }
            });
            watches.push((issuer, Arc::clone(&tended.watch)));
            self.tended.insert(name, tended);
        }
        self.watches.replace(watches);
        let used = |origin: &Digest| self.tended.values().any(|one| one.origin == *origin);
        let parts = self.parts.get_mut().unwrap_or_else(PoisonError::into_inner);
        parts.retain(|origin, _| used(origin));
    }

    /// Starts the missing tasks. The issuers must be in the engine's snapshot already. Must run
    /// inside a runtime.
    pub fn run(&mut self, engine: &Arc<Engine>) {
        for (name, tended) in self.tended.iter_mut().filter(|(_, one)| one.task.is_none()) {
            let Tended { origin, remote, parts, watch, task } = tended;
            let refresher = Refresher {
                engine: Arc::clone(engine),
                name: name.clone(),
                origin: *origin,
                remote: remote.clone(),
                parts: parts.clone(),
                watch: Arc::clone(watch),
                clock: self.clock.clone(),
                state: self.state.clone(),
                unkept: AtomicBool::new(false),
                watches: self.watches.clone(),
            };
            let refresher = Arc::new(refresher);
            let run = move || Arc::clone(&refresher).run();
            // The task ends with the keeper, or when the issuer is removed.
            let handle = supervisor::task(Duty::Keys, self.clock.clone(), run);
            *task = Some(AbortOnDropHandle::new(handle));
        }
    }

    /// The keys that an earlier process saved for `issuer`, if any.
    #[must_use]
    pub fn kept(&self, issuer: &Issuer, remote: &Remote) -> Option<Merged> {
        let state = self.state.as_ref()?;
        let (parts, now) = (self.parts(issuer, remote), self.clock.wall());
        for index in 0..parts.count() {
            let name = parts.file_name(issuer.name(), index);
            match state.load(&name, issuer.origin(), &remote.allowed) {
                Ok(Some(kept)) => {
                    let jwks_uri = remote.location.urls().next()?.clone();
                    let current = CurrentSet { jwks_uri, tag: None, text: kept.text.into() };
                    // The keys may have been saved under a clock that ran ahead: count their age
                    // from now at the latest.
                    parts.hold(index, current, kept.fetched_at.min(now), &self.clock);
                }
                Ok(None) => {}
                Err(what) => {
                    tracing::warn!(issuer = issuer.name(), what, "saved keys cannot be used");
                }
            }
        }
        let merged = parts.merged(&remote.allowed, remote.max_stale, &self.clock);
        // If all are too old, return them anyway, so that tokens are refused as stale.
        merged.or_else(|| parts.merged(&remote.allowed, Duration::MAX, &self.clock))
    }
}
