//! Connects batches that miss a key with the task that fetches it: the refresh state machine, and
//! the notification at the end of an attempt.

use crate::clock::{Clock, Jump, later};
use crate::telemetry::UnknownKids;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{Action, Event, Freshness, Moment, Pace, Refresh};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// The refresh state of one issuer, as batches see it.
#[derive(Debug)]
pub struct KeyWatch {
    inner: Mutex<Inner>,
    clock: Clock,
    /// The zero point of the state machine's moments.
    begin: Instant,
    /// Notified when an attempt is due earlier than the fetching task expects.
    sooner: Notify,
    /// The number of finished attempts.
    ended: watch::Sender<u64>,
    /// The longest time that a token waits for an attempt.
    wait: Duration,
    unknown: UnknownKids,
}

#[derive(Debug)]
struct Inner {
    machine: Refresh,
    /// The time until which the fetching task sleeps.
    asleep_until: Moment,
    held: Option<KeyAge>,
    /// The reason why the last attempt failed, if it did.
    failure: Option<String>,
}

/// The age of the current keys, by both clocks.
#[derive(Clone, Copy, Debug)]
struct KeyAge {
    /// The fetch time, by the wall clock as it is set now.
    fetched_at: UnixTime,
    /// The age at the moment `since`.
    age: Duration,
    since: Moment,
}

/// The state of an issuer's keys, for people.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// The fetch time of the current keys.
    pub fetched_at: Option<UnixTime>,
    /// The time until the next attempt; `None` while one is in progress.
    pub next_attempt: Option<Duration>,
    /// The reason why the last attempt failed, if it did.
    pub failure: Option<String>,
}

/// A handle to wait for the end of an attempt.
#[derive(Debug)]
pub struct AttemptEnd {
    ended: watch::Receiver<u64>,
    until: Instant,
}

impl AttemptEnd {
    /// The longest time to wait for it.
    #[must_use]
    pub fn until(&self) -> Instant {
        self.until
    }

    /// Resolves at the end of the attempt.
    pub async fn reached(mut self) {
        // The sender is dropped when a reload has replaced the watch: then there is nothing to wait
        // for either.
        self.ended.changed().await.ok();
    }
}

impl KeyWatch {
    /// Creates a watch for keys that are fetched at this pace. A token with an unknown key id waits
    /// at most `wait` for an attempt; `seed` is as for [`Refresh::new`].
    #[must_use]
    pub fn new(pace: Pace, wait: Duration, seed: u64, unknown: UnknownKids, clock: Clock) -> Self {
        let machine = Refresh::new(pace, seed);
        let inner = Inner { machine, asleep_until: Moment::MAX, held: None, failure: None };
        Self {
            inner: Mutex::new(inner),
            begin: clock.monotonic(),
            clock,
            sooner: Notify::new(),
            ended: watch::Sender::new(0),
            wait,
            unknown,
        }
    }

    /// The next action of the fetching task.
    #[must_use]
    pub fn next(&self) -> Action {
        let mut inner = self.lock();
        let action = inner.machine.on(self.passed(), Event::Passed);
        if let Action::Wait(until) | Action::Pending(until) = action {
            inner.asleep_until = until;
        }
        action
    }

    /// Sleeps until a moment returned by [`KeyWatch::next`], or until an attempt is due earlier.
    pub async fn sleep(&self, until: Moment) {
        let until = later(self.begin, until.since(Moment::ZERO));
        self.clock.timeout_at(until, self.sooner.notified()).await;
    }

    /// Records the fetch time of the current keys.
    pub fn hold(&self, fetched_at: UnixTime) {
        let age = self.clock.wall().since(fetched_at).unwrap_or_default();
        self.lock().held = Some(KeyAge { fetched_at, age, since: self.passed() });
    }

    /// Records a jump of the wall clock: the next attempt is due soon. After a jump forward, keys
    /// count as older, because the machine may have been suspended; after a jump backward, their
    /// age stays. Returns the shift of the fetch time to an earlier time.
    pub fn clock_jumped(&self, jump: Jump) -> Duration {
        let (now, wall) = (self.passed(), self.clock.wall());
        let mut inner = self.lock();
        let action = inner.machine.on(now, Event::ClockJumped);
        self.hasten(&mut inner, action);
        let Some(held) = &mut inner.held else { return Duration::ZERO };
        let before = held.fetched_at;
        match jump {
            Jump::Forward(_) => held.age = wall.since(before).unwrap_or_default(),
            Jump::Backward(_) => {
                held.age = held.age.saturating_add(now.since(held.since));
                held.fetched_at = wall.minus(held.age).min(before);
            }
        }
        held.since = now;
        before.since(held.fetched_at).unwrap_or_default()
    }

    /// Makes a fetch due soon, because an event names an unknown key. This uses up none of the
    /// attempts for tokens. Returns false and does nothing if the keys were fetched within `span`.
    #[must_use]
    pub fn suggest(&self, span: Duration) -> bool {
        let now = self.passed();
        let mut inner = self.lock();
        if inner.held.is_some_and(|held| now.since(held.since) < span && held.age < span) {
            return false;
        }
        let action = inner.machine.on(now, Event::Suggested);
        self.hasten(&mut inner, action);
        true
    }

    /// True if the current keys were fetched by an attempt that began after `then`.
    #[must_use]
    pub fn has_fetched_since(&self, then: Instant) -> bool {
        let then = then.saturating_duration_since(self.begin);
        let held = self.lock().held;
        held.is_some_and(|held| {
            let fetched = held.since.since(Moment::ZERO).saturating_sub(held.age);
            fetched > then
        })
    }

    /// Wakes the fetching task if it would sleep too long.
    fn hasten(&self, inner: &mut Inner, action: Action) {
        if let Action::Wait(due) = action
            && due < inner.asleep_until
        {
            inner.asleep_until = due;
            self.sooner.notify_one();
        }
    }

    /// The current state.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        let inner = self.lock();
        let now = self.passed();
        let next_attempt = match inner.machine.outlook() {
            Action::Wait(due) => Some(due.since(now)),
            Action::Pending(_) | Action::Fetch(_) => None,
        };
        let failure = inner.failure.clone();
        Outlook { fetched_at: inner.held.map(|held| held.fetched_at), next_attempt, failure }
    }

    /// Records the end of an attempt, after its keys were published, and the reason if it failed.
    pub fn end(&self, event: Event, failure: Option<String>) {
        let mut inner = self.lock();
        inner.machine.on(self.passed(), event);
        inner.failure = failure;
        drop(inner);
        self.ended.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Records that a token names an unknown key id. If a fetch is in progress, or due within the
    /// time that a token may wait, returns a handle for its end.
    #[must_use]
    pub fn miss(&self, id: u64) -> Option<AttemptEnd> {
        self.unknown.add();
        let now = self.passed();
        let mut inner = self.lock();
        let action = inner.machine.on(now, Event::Unknown(id));
        self.hasten(&mut inner, action);
        let soon = match action {
            Action::Pending(_) | Action::Fetch(_) => true,
            Action::Wait(due) => due <= now.plus(self.wait),
        };
        // Subscribe under the lock, so that the attempt cannot end unnoticed.
        let worth = soon && !self.wait.is_zero();
        worth.then(|| AttemptEnd {
            ended: self.ended.subscribe(),
            until: later(self.begin, now.plus(self.wait).since(Moment::ZERO)),
        })
    }

    /// The freshness of the keys; `expired` as for [`Refresh::freshness`].
    #[must_use]
    pub fn freshness(&self, expired: bool) -> Freshness {
        self.lock().machine.freshness(expired)
    }

    fn passed(&self) -> Moment {
        Moment::after(self.clock.since(self.begin))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
