//! Fetches key sets when the machine says, and publishes them. Each issuer has a task
//! of its own, so that one's trouble never delays another.

use super::remote::{self, Answer, Fetched, Held};
use crate::config::Remote;
use crate::engine::{Engine, KeyWatch, Snapshot};
use crate::jose::UnixTime;
use crate::keys::{Action, Event, Issuer, IssuerIndex, KeyState, LoadedKeys};
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

/// Keeps the keys of `remotes` fresh, for as long as it is polled. `clock` tells the
/// time; `published` is called whenever an issuer has other keys than before.
pub async fn keep_fresh(
    engine: Arc<Engine>,
    remotes: Vec<(IssuerIndex, Remote)>,
    clock: fn() -> UnixTime,
    published: impl Fn() + Clone + Send + Sync + 'static,
) {
    let mut tasks = JoinSet::new();
    for (issuer, remote) in remotes {
        let Some(watch) = engine.current.load().watch(issuer).map(Arc::clone) else { continue };
        let refresher = Refresher { engine: Arc::clone(&engine), issuer, remote, watch, clock };
        tasks.spawn(refresher.run(published.clone()));
    }
    while tasks.join_next().await.is_some() {}
}

struct Refresher {
    engine: Arc<Engine>,
    issuer: IssuerIndex,
    remote: Remote,
    watch: Arc<KeyWatch>,
    clock: fn() -> UnixTime,
}

impl Refresher {
    async fn run(self, published: impl Fn()) {
        let mut held = None;
        loop {
            match self.watch.next() {
                Action::Fetch(attempt) => {
                    let condition = held.as_ref().filter(|_| attempt.conditional);
                    let (event, new) = self.fetch(attempt.number, condition, &published).await;
                    held = new.or(held);
                    self.watch.end(event);
                }
                Action::Wait(until) | Action::Pending(until) => {
                    self.watch.sleep(until).await;
                }
            }
        }
    }

    /// Fetches once. Whatever fails leaves the keys as they are (R67).
    async fn fetch(
        &self,
        attempt: u64,
        held: Option<&Held>,
        published: impl Fn(),
    ) -> (Event, Option<Held>) {
        let name = self.name();
        let begin = Instant::now();
        let answer = remote::ask(&self.remote, held).await;
        let outcome = match &answer {
            Ok(Answer::Set(_)) => "ok",
            Ok(Answer::Same(_)) => "not_modified",
            Err(error) => error.outcome(),
        };
        let now = (self.clock)();
        self.engine.metrics.fetched(&name, outcome, begin.elapsed(), now.seconds());
        match answer {
            Ok(Answer::Set(fetched)) => {
                let Fetched { keys, jwks_uri, text, tag, fresh_for } = *fetched;
                let changed = self.publish(keys, now);
                let (url, bytes) = (jwks_uri.to_string(), text.len());
                if let Some((keys, skipped)) = &changed {
                    tracing::info!(issuer = name, keys, url, bytes, "keys");
                    for line in skipped {
                        tracing::info!(issuer = name, "{line}");
                    }
                    published();
                }
                let changed = changed.is_some();
                (
                    Event::Arrived { attempt, fresh_for, changed },
                    tag.map(|tag| Held { jwks_uri, tag }),
                )
            }
            Ok(Answer::Same(fresh_for)) => {
                self.confirm(now);
                (Event::Arrived { attempt, fresh_for, changed: false }, None)
            }
            Err(error) => {
                tracing::warn!(issuer = name, outcome, %error, "keys cannot be fetched");
                (Event::Failed { attempt, retry_after: error.retry_after() }, None)
            }
        }
    }

    fn name(&self) -> String {
        let snapshot = self.engine.current.load();
        snapshot.issuers().get(self.issuer).map_or_else(String::new, |one| one.name().to_owned())
    }

    /// Puts the set in place of the one before, whole (R64). If it is another one,
    /// returns how many keys it has and what was skipped.
    fn publish(&self, fetched: LoadedKeys, now: UnixTime) -> Option<(usize, Vec<String>)> {
        let (set, skipped) = (Arc::new(fetched.set), fetched.skipped);
        let stale_at = Some(now.plus(self.remote.max_stale));
        let fingerprint = |snapshot: &Snapshot| match snapshot.issuers().get(self.issuer)?.keys() {
            KeyState::Held { set, .. } => Some(*set.fingerprint()),
            KeyState::Unavailable => None,
        };
        let before = self.engine.current.update(|snapshot| {
            let keys = KeyState::Held { set: Arc::clone(&set), stale_at };
            snapshot.with_keys(self.issuer, keys, &self.engine.metrics)
        });
        let changed = fingerprint(&before) != Some(*set.fingerprint());
        changed.then(|| (set.keys().len(), skipped))
    }

    /// The set at hand is as good as one that was fetched now.
    fn confirm(&self, now: UnixTime) {
        let stale_at = Some(now.plus(self.remote.max_stale));
        self.engine.current.update(|snapshot| {
            let keys = match snapshot.issuers().get(self.issuer).map(Issuer::keys) {
                Some(KeyState::Held { set, .. }) => {
                    KeyState::Held { set: Arc::clone(set), stale_at }
                }
                Some(KeyState::Unavailable) | None => KeyState::Unavailable,
            };
            snapshot.with_keys(self.issuer, keys, &self.engine.metrics)
        });
    }
}
