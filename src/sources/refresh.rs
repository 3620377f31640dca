//! Fetches the key set of one issuer when the machine says, publishes it, and keeps it.

use super::key_watch::KeyWatch;
use super::key_watches::KeyWatches;
use super::remote::{self, CurrentSet, FetchOutcome, Fetched};
use crate::clock::Clock;
use crate::config::Remote;
use crate::engine::{Engine, Snapshot};
use crate::state::StateFolder;
use jwtd_core::crypto::Digest;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{Action, Event, Issuer, IssuerIndex, KeyState, LoadedKeys};
use std::sync::Arc;

/// What the task of one issuer works with.
#[derive(Debug)]
pub(super) struct Refresher {
    pub(super) engine: Arc<Engine>,
    /// The issuer's name; its place may change with the configuration.
    pub(super) name: String,
    /// What its keys must belong to.
    pub(super) origin: Digest,
    pub(super) remote: Remote,
    pub(super) watch: Arc<KeyWatch>,
    pub(super) clock: Clock,
    pub(super) state: Option<StateFolder>,
    /// Told at the end of every attempt.
    pub(super) watches: KeyWatches,
}

impl Refresher {
    /// Keeps the keys fresh, for as long as it is polled. An attempt that a panic
    /// interrupted is lost; the next one follows as after one that says nothing.
    pub(super) async fn run(self: Arc<Self>) {
        let mut held: Option<CurrentSet> = None;
        loop {
            match self.watch.next() {
                Action::Fetch(attempt) => {
                    let condition = held.as_ref().filter(|_| attempt.conditional);
                    let (event, failure) = match self.fetch(condition).await {
                        Ok(Refreshed { fresh_for, changed, new }) => {
                            held = new.or(held);
                            let attempt = attempt.number;
                            (Event::Arrived { attempt, fresh_for, changed }, None)
                        }
                        Err(error) => {
                            let retry_after = error.retry_after();
                            let attempt = attempt.number;
                            (Event::Failed { attempt, retry_after }, Some(error.to_string()))
                        }
                    };
                    self.watch.end(event, failure);
                    self.watches.tell();
                }
                Action::Wait(until) | Action::Pending(until) => {
                    self.watch.sleep(until).await;
                }
            }
        }
    }

    /// Fetches once. Whatever fails leaves the keys as they are (R67).
    async fn fetch(&self, held: Option<&CurrentSet>) -> Result<Refreshed, super::SourceError> {
        let name = &*self.name;
        let begin = self.clock.monotonic();
        let answer = remote::ask(&self.remote, held).await;
        let outcome = match &answer {
            Ok(FetchOutcome::Set(_)) => "ok",
            Ok(FetchOutcome::Same(_)) => "not_modified",
            Err(error) => error.outcome(),
        };
        let now = self.clock.wall();
        self.engine.metrics.fetched(name, outcome, self.clock.since(begin));
        let answer = answer.inspect_err(|error| {
            tracing::warn!(issuer = name, outcome, %error, "keys cannot be fetched");
        })?;
        match answer {
            FetchOutcome::Set(fetched) => {
                let Fetched { keys, jwks_uri, text, tag, fresh_for } = *fetched;
                let changed = self.publish(keys, now);
                // After the keys: whoever reads the time of the new ones must not apply it to
                // the old ones.
                self.watch.hold(now);
                if let Some((keys, skipped)) = &changed {
                    let (url, bytes) = (jwks_uri.to_string(), text.len());
                    tracing::info!(issuer = name, keys, url, bytes, "keys");
                    for line in skipped {
                        tracing::info!(issuer = name, "{line}");
                    }
                }
                let text: Arc<[u8]> = text.into();
                self.keep(Arc::clone(&text), now).await;
                let new = Some(CurrentSet { jwks_uri, tag, text });
                Ok(Refreshed { fresh_for, changed: changed.is_some(), new })
            }
            FetchOutcome::Same(fresh_for) => {
                self.confirm(now);
                self.watch.hold(now);
                if let Some(held) = held {
                    self.keep(Arc::clone(&held.text), now).await;
                }
                Ok(Refreshed { fresh_for, changed: false, new: None })
            }
        }
    }

    /// The place of the issuer, as long as it is the same.
    fn place(&self, snapshot: &Snapshot) -> Option<IssuerIndex> {
        let place = snapshot.issuers().find(&self.name)?;
        let same = snapshot.issuers().get(place).is_some_and(|one| *one.origin() == self.origin);
        same.then_some(place)
    }

    /// Puts the set in place of the one before, whole (R64). If it is another one,
    /// returns how many keys it has and what was skipped.
    fn publish(&self, fetched: LoadedKeys, now: UnixTime) -> Option<(usize, Vec<String>)> {
        let (set, skipped) = (Arc::new(fetched.set), fetched.skipped);
        let stale_at = Some(now.plus(self.remote.max_stale));
        let before = self.engine.current.update(|snapshot| match self.place(snapshot) {
            Some(place) => {
                let keys = KeyState::Held { set: Arc::clone(&set), stale_at };
                Arc::new(snapshot.with_keys(place, keys))
            }
            None => Arc::clone(snapshot),
        });
        let place = self.place(&before)?;
        let changed = match before.issuers().get(place).map(Issuer::keys) {
            Some(KeyState::Held { set: old, .. }) => old.fingerprint() != set.fingerprint(),
            Some(KeyState::Unavailable) | None => true,
        };
        changed.then(|| (set.keys().len(), skipped))
    }

    /// The set at hand is as good as one that was fetched now.
    fn confirm(&self, now: UnixTime) {
        let stale_at = Some(now.plus(self.remote.max_stale));
        self.engine.current.update(|snapshot| {
            let Some(place) = self.place(snapshot) else { return Arc::clone(snapshot) };
            let keys = match snapshot.issuers().get(place).map(Issuer::keys) {
                Some(KeyState::Held { set, .. }) => {
                    KeyState::Held { set: Arc::clone(set), stale_at }
                }
                Some(KeyState::Unavailable) | None => KeyState::Unavailable,
            };
            Arc::new(snapshot.with_keys(place, keys))
        });
    }

    /// Keeps the set for the next process. That it cannot be kept is no reason not to
    /// use it.
    async fn keep(&self, text: Arc<[u8]>, now: UnixTime) {
        let Some(state) = self.state.clone() else { return };
        let (name, origin) = (self.name.clone(), self.origin);
        let write = move || state.store(&name, &origin, &text, now);
        #[expect(clippy::disallowed_methods, reason = "at most one at a time for each issuer")]
        let written = tokio::task::spawn_blocking(write).await;
        let failure = match written {
            Ok(Ok(())) => return,
            Ok(Err(error)) => crate::files::words::of_io(&error),
            Err(_) => "the write did not end".to_owned(),
        };
        tracing::warn!(issuer = self.name, error = failure, "keys cannot be kept in `state_dir`");
    }
}

/// A set that came, or word that the one at hand is still good.
struct Refreshed {
    fresh_for: Option<std::time::Duration>,
    changed: bool,
    /// To ask for it again only if it changed.
    new: Option<CurrentSet>,
}

#[cfg(test)]
mod tests;
