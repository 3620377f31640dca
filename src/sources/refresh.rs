//! Fetches the key sets of one issuer when the state machine says, publishes them, and saves them.

use super::error::SourceError;
use super::key_watch::KeyWatch;
use super::key_watches::KeyWatches;
use super::parts::{Merged, Parts};
use super::remote::{self, FetchOutcome};
use super::rotation::{KEYS_CHANGED, Rotation};
use crate::clock::Clock;
use crate::config::Remote;
use crate::engine::{Engine, Snapshot};
use crate::state::StateFolder;
use futures_util::{Stream, StreamExt as _};
use jwtd_core::crypto::Digest;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{Action, Event, Issuer, IssuerIndex, KeySet, KeyState, LoadedKeys};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The state of one issuer's refresh task.
#[derive(Debug)]
pub(super) struct Refresher {
    pub(super) engine: Arc<Engine>,
    /// The issuer's name; its index may change with the configuration.
    pub(super) name: String,
    /// The origin that the issuer's keys must have.
    pub(super) origin: Digest,
    pub(super) remote: Remote,
    /// The last good set of each place.
    pub(super) parts: Parts,
    pub(super) watch: Arc<KeyWatch>,
    pub(super) clock: Clock,
    pub(super) state: Option<StateFolder>,
    /// True if the last set could not be saved.
    pub(super) unkept: AtomicBool,
    /// Notified at the end of every attempt.
    pub(super) watches: KeyWatches,
}

/// A series of failed attempts.
#[derive(Clone, Copy)]
struct Trouble {
    since: Instant,
    attempts: u32,
}

impl Refresher {
    /// Refreshes the keys, for as long as it is polled. An attempt interrupted by a panic is lost;
    /// the next one follows as after a timeout.
    pub(super) async fn run(self: Arc<Self>) {
        let mut trouble: Option<Trouble> = None;
        loop {
            match self.watch.next() {
                Action::Fetch(attempt) => {
                    let (number, begin) = (attempt.number, self.clock.monotonic());
                    let Refreshed { fresh_for, changed, failure } =
                        self.fetch(attempt.conditional).await;
                    let (event, failure) = match failure {
                        None => {
                            self.tell_recovery(trouble.take());
                            (Event::Arrived { attempt: number, fresh_for, changed }, None)
                        }
                        Some(error) => {
                            let known = trouble.unwrap_or(Trouble { since: begin, attempts: 0 });
                            let attempts = known.attempts.saturating_add(1);
                            trouble = Some(Trouble { attempts, ..known });
                            let retry_after = error.retry_after();
                            (
                                Event::Failed { attempt: number, retry_after },
                                Some(error.to_string()),
                            )
                        }
                    };
                    self.watch.end(event, failure);
                    self.watches.tell();
                }
                Action::Wait(until) | Action::Pending(until) => {
                    self.forgetting(self.watch.sleep(until)).await;
                }
            }
        }
    }

    /// Fetches once from each place.
    async fn fetch(&self, conditional: bool) -> Refreshed {
        // Without keys in force, a "not modified" response would be useless.
        let conditional = conditional && self.has_keys();
        let held = if conditional { self.parts.current() } else { vec![None; self.parts.count()] };
        self.take(remote::ask(&self.remote, held)).await
    }

    /// Applies the responses of the places as they arrive, so that a silent place does not delay
    /// the others. A failure leaves the keys of its place unchanged (R67).
    async fn take(
        &self,
        answers: impl Stream<Item = (usize, Result<FetchOutcome, SourceError>)>,
    ) -> Refreshed {
        let (name, count) = (&*self.name, self.parts.count());
        let begin = self.clock.monotonic();
        let mut answers = pin!(answers);
        let (mut refreshed, mut failures) = (Refreshed::default(), Vec::new());
        while let Some((index, answer)) = self.forgetting(answers.next()).await {
            let outcome = match &answer {
                Ok(FetchOutcome::Set(_)) => "ok",
                Ok(FetchOutcome::Same(_)) => "not_modified",
                Err(error) => error.outcome(),
            };
            self.engine.metrics.fetched(name, outcome, self.clock.since(begin));
            match self.parts.take(index, answer, &self.clock) {
                Ok(fresh_for) => {
                    refreshed.changed |= self.merge();
                    refreshed.fresh_for = least(refreshed.fresh_for, fresh_for);
                    self.keep(index).await;
                }
                Err(error) => {
                    let serve_for = self.serve_for();
                    tracing::warn!(issuer = name, outcome, %error, serve_for, "keys cannot be fetched");
                    failures.push(error);
                }
            }
        }
        let failed = failures.len();
        let failure = failures.into_iter().next();
        refreshed.failure = failure
            .map(|error| if failed < count { error.of_several(failed, count) } else { error });
        refreshed
    }

    /// Publishes the merged keys of all places, and returns true if any key changed.
    fn merge(&self) -> bool {
        let (allowed, max_stale) = (&self.remote.allowed, self.remote.max_stale);
        let merged = self.parts.merged(allowed, max_stale, &self.clock);
        merged.is_some_and(|merged| self.renew(merged))
    }

    /// Awaits `future`, and meanwhile drops the keys of places of a union that reach `max_stale`.
    async fn forgetting<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            let Some(span) = self.parts.next_end(self.remote.max_stale, &self.clock) else {
                return future.await;
            };
            match self.clock.timeout(span, &mut future).await {
                Some(value) => return value,
                None => self.forget_old(),
            }
        }
    }

    /// Publishes merged keys, logs the changes, and returns true if there are any.
    fn renew(&self, Merged { keys, fetched_at }: Merged) -> bool {
        let LoadedKeys { set, skipped, warnings } = keys;
        let set = Arc::new(set);
        let changed = self.publish(&set, fetched_at);
        // Set the time after the keys: a reader of the new time must not apply it to the old keys.
        self.watch.hold(fetched_at);
        let Some(before) = &changed else { return false };
        let old = match before {
            KeyState::Held { set, .. } => Some(&**set),
            KeyState::Unavailable => None,
        };
        let Rotation { added, removed, kept } = Rotation::between(old, &set);
        let (issuer, keys, url) = (&*self.name, set.keys().len(), self.remote.location.to_string());
        let serve_for = self.serve_for();
        if old.is_some() {
            // A removed key is refused from now on; the others remain valid even without a newer
            // response.
            tracing::info!(issuer, keys, added, removed, kept, serve_for, url, "{KEYS_CHANGED}");
        } else {
            tracing::info!(issuer, keys, added, serve_for, url, "keys");
        }
        for line in skipped {
            tracing::info!(issuer, "{line}");
        }
        for line in warnings {
            tracing::warn!(issuer, "{line}");
        }
        true
    }

    fn tell_recovery(&self, trouble: Option<Trouble>) {
        let Some(Trouble { since, attempts }) = trouble else { return };
        let failed_for = span(self.clock.since(since));
        let (issuer, serve_for) = (&*self.name, self.serve_for());
        tracing::info!(
            issuer,
            failed_attempts = attempts,
            failed_for,
            serve_for,
            "keys can be fetched again"
        );
    }

    fn has_keys(&self) -> bool {
        let snapshot = self.engine.current.load();
        let issuer = self.place(&snapshot).and_then(|place| snapshot.issuers().get(place));
        issuer.is_some_and(|issuer| matches!(issuer.keys(), KeyState::Held { .. }))
    }

    /// The time for which the current keys serve if no newer ones arrive.
    fn serve_for(&self) -> String {
        let snapshot = self.engine.current.load();
        let issuer = self.place(&snapshot).and_then(|place| snapshot.issuers().get(place));
        match issuer.map(Issuer::keys) {
            Some(KeyState::Held { stale_at: Some(end), .. }) => {
                match end.since(self.clock.wall()).filter(|left| !left.is_zero()) {
                    Some(left) => span(left),
                    None => "no longer: they are too old".to_owned(),
                }
            }
            Some(KeyState::Held { stale_at: None, .. }) => "ever".to_owned(),
            Some(KeyState::Unavailable) | None => "no time: there are none".to_owned(),
        }
    }

    /// Drops the keys of places whose sets are too old, while those of others remain.
    fn forget_old(&self) {
        let gone = self.parts.forget_old(self.remote.max_stale, &self.clock);
        if gone.is_empty() {
            return;
        }
        for url in gone {
            let issuer = &*self.name;
            tracing::warn!(issuer, url, "the keys from this place are older than `max_stale`");
        }
        self.merge();
        self.watches.tell();
    }

    /// The index of the issuer, as long as its origin is unchanged.
    fn place(&self, snapshot: &Snapshot) -> Option<IssuerIndex> {
        let place = snapshot.issuers().find(&self.name)?;
        let same = snapshot.issuers().get(place).is_some_and(|one| *one.origin() == self.origin);
        same.then_some(place)
    }

    /// Replaces the key set as a whole (R64). If it changed, returns the previous state.
    fn publish(&self, set: &Arc<KeySet>, fetched_at: UnixTime) -> Option<KeyState> {
        let stale_at = Some(fetched_at.plus(self.remote.max_stale));
        let before = self.engine.current.update(|snapshot| match self.place(snapshot) {
            Some(place) => {
                let keys = KeyState::Held { set: Arc::clone(set), stale_at };
                Arc::new(snapshot.with_keys(place, keys))
            }
            None => Arc::clone(snapshot),
        });
        let place = self.place(&before)?;
        let old = before.issuers().get(place).map(Issuer::keys)?;
        let changed = match old {
            KeyState::Held { set: old, .. } => old.fingerprint() != set.fingerprint(),
            KeyState::Unavailable => true,
        };
        changed.then(|| old.clone())
    }

    /// Saves the set of one place for the next process. A failure to save it does not prevent its
    /// use.
    async fn keep(&self, index: usize) {
        let Some(state) = self.state.clone() else { return };
        let Some((text, fetched_at)) = self.parts.text(index) else { return };
        let (name, origin) = (self.parts.file_name(&self.name, index), self.origin);
        let write = move || state.store(&name, &origin, &text, fetched_at);
        #[expect(clippy::disallowed_methods, reason = "at most one at a time for each issuer")]
        let written = tokio::task::spawn_blocking(write).await;
        let failure = match written {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(crate::files::words::of_io(&error)),
            Err(_) => Some("the write did not end".to_owned()),
        };
        let before = self.unkept.swap(failure.is_some(), Ordering::Relaxed);
        let issuer = &*self.name;
        match failure {
            Some(error) => tracing::warn!(issuer, error, "keys cannot be saved in `state_dir`"),
            None if before => tracing::info!(issuer, "keys can be saved in `state_dir` again"),
            None => {}
        }
    }
}

/// Formats a span for people, in whole seconds.
fn span(span: Duration) -> String {
    humantime::format_duration(Duration::from_secs(span.as_secs())).to_string()
}

/// The shorter of two spans, if any.
fn least(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

/// The outcome of an attempt at all places.
#[derive(Default)]
struct Refreshed {
    /// The shortest freshness lifetime that a place states.
    fresh_for: Option<Duration>,
    changed: bool,
    /// The error, if some places failed.
    failure: Option<SourceError>,
}

#[cfg(test)]
mod tests;
