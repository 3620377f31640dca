//! Has the keys of every issuer kept fresh, each by a task of its own, so that one's
//! trouble never delays another; also when the issuers change.

use super::refresh::Refresher;
use crate::clock::Clock;
use crate::config::Remote;
use crate::engine::{Engine, KeyWatch};
use crate::state::StateFolder;
use crate::telemetry::Metrics;
use crate::telemetry::supervisor::{self, Duty};
use jwtd_core::crypto::Digest;
use jwtd_core::keys::{Issuer, IssuerIndex, Issuers};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

/// Keeps keys fresh, for as long as it lives.
#[derive(Debug)]
pub struct Keeper {
    clock: Clock,
    state: Option<StateFolder>,
    /// Told whenever there is news of keys.
    published: Arc<Notify>,
    /// By the name of the issuer.
    tended: HashMap<String, Tended>,
}

#[derive(Debug)]
struct Tended {
    origin: Digest,
    remote: Remote,
    watch: Arc<KeyWatch>,
    task: Option<AbortOnDropHandle<()>>,
}

impl Keeper {
    /// A keeper of nothing. `clock` tells the time; `published` is told whenever there is
    /// news of keys; with `state`, sets are kept there.
    #[must_use]
    pub fn new(clock: Clock, state: Option<StateFolder>, published: Arc<Notify>) -> Self {
        Self { clock, state, published, tended: HashMap::new() }
    }

    /// Takes over the keys of `remotes` and lets all others go. Gives, by the place of
    /// the issuer, a watch over its keys if they are fetched. Those that are fetched as
    /// before go on as if nothing had happened.
    pub fn take(
        &mut self,
        issuers: &Issuers,
        remotes: &[(IssuerIndex, Remote)],
        metrics: &Metrics,
    ) -> Vec<Option<Arc<KeyWatch>>> {
        let mut before = std::mem::take(&mut self.tended);
        let mut watches: Vec<_> = issuers.iter().map(|_| None).collect();
        for (place, remote) in remotes {
            let (Some(issuer), Some(slot)) = (issuers.get(*place), watches.get_mut(place.get()))
            else {
                continue;
            };
            let (name, origin) = (issuer.name().to_owned(), *issuer.origin());
            let same =
                before.remove(&name).filter(|one| one.origin == origin && one.remote == *remote);
            let tended = same.unwrap_or_else(|| {
                let seed = RandomState::new().hash_one(&name);
                let unknown = metrics.unknown_kids(&name);
                let (pace, wait) = (remote.pace, remote.unknown_kid_wait);
                let watch = KeyWatch::new(pace, wait, seed, unknown, self.clock.clone());
                Tended { origin, remote: remote.clone(), watch: Arc::new(watch), task: None }
            });
            *slot = Some(Arc::clone(&tended.watch));
            self.tended.insert(name, tended);
        }
        watches
    }

    /// Begins to fetch what is not fetched yet. The issuers must stand in the engine's
    /// snapshot already. Must run inside a runtime.
    pub fn run(&mut self, engine: &Arc<Engine>) {
        for (name, tended) in self.tended.iter_mut().filter(|(_, one)| one.task.is_none()) {
            let Tended { origin, remote, watch, task } = tended;
            let refresher = Refresher {
                engine: Arc::clone(engine),
                name: name.clone(),
                origin: *origin,
                remote: remote.clone(),
                watch: Arc::clone(watch),
                clock: self.clock.clone(),
                state: self.state.clone(),
                published: Arc::clone(&self.published),
            };
            let refresher = Arc::new(refresher);
            let run = move || Arc::clone(&refresher).run();
            // It ends with the keeper, or when the issuer goes.
            let handle = supervisor::task(Duty::Keys, self.clock.clone(), run);
            *task = Some(AbortOnDropHandle::new(handle));
        }
    }

    /// The set that an earlier process kept for `issuer`, if there is one.
    #[must_use]
    pub fn kept(&self, issuer: &Issuer, remote: &Remote) -> Option<crate::state::Kept> {
        let kept = self.state.as_ref()?.load(issuer.name(), issuer.origin(), &remote.allowed);
        kept.unwrap_or_else(|what| {
            tracing::warn!(issuer = issuer.name(), what, "kept keys cannot be used");
            None
        })
    }
}
