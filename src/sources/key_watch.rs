//! Between the batches that miss a key of an issuer and the task that fetches them: the
//! machine that decides, and the bell that tells of the end of an attempt.

use crate::clock::{Clock, Jump, later};
use crate::telemetry::UnknownKids;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{Action, Event, Freshness, Moment, Pace, Refresh};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// The keys of one issuer that is asked for them, as batches see it.
#[derive(Debug)]
pub struct KeyWatch {
    inner: Mutex<Inner>,
    clock: Clock,
    /// The zero of the moments of the refresh state machine.
    begin: Instant,
    /// The next attempt is due earlier than the fetching task knows.
    sooner: Notify,
    /// How many attempts have ended.
    ended: watch::Sender<u64>,
    /// How long a token may wait for an attempt.
    wait: Duration,
    unknown: UnknownKids,
}

#[derive(Debug)]
struct Inner {
    machine: Refresh,
    /// Until when the fetching task sleeps.
    asleep_until: Moment,
    held: Option<KeyAge>,
    /// Why the last attempt failed, if it did.
    failure: Option<String>,
}

/// The age of the keys at hand, by both clocks.
#[derive(Clone, Copy, Debug)]
struct KeyAge {
    /// When they were fetched, by the wall clock as it is set now.
    fetched_at: UnixTime,
    /// How old they were at the moment `since`.
    age: Duration,
    since: Moment,
}

/// How it stands with the keys of an issuer, for people.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// When the keys at hand were fetched.
    pub fetched_at: Option<UnixTime>,
    /// How long it is to the next attempt; nothing while one is under way.
    pub next_attempt: Option<Duration>,
    /// Why the last attempt failed, if it did.
    pub failure: Option<String>,
}

/// The end of an attempt, to be waited for.
#[derive(Debug)]
pub struct AttemptEnd {
    ended: watch::Receiver<u64>,
    until: Instant,
}

impl AttemptEnd {
    /// Until when it may be waited for.
    #[must_use]
    pub fn until(&self) -> Instant {
        self.until
    }

    /// Comes to its end with the attempt.
    pub async fn reached(mut self) {
        // The other side is gone when a reload has put another watch in its place: then there is
        // nothing to wait for either.
        self.ended.changed().await.ok();
    }
}

impl KeyWatch {
    /// Watches over keys that are fetched at this pace. A token with an unknown id may
    /// wait so long for an attempt; `seed` is as for [`Refresh::new`].
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

    /// What the fetching task has to do now.
    #[must_use]
    pub fn next(&self) -> Action {
        let mut inner = self.lock();
        let action = inner.machine.on(self.passed(), Event::Passed);
        if let Action::Wait(until) | Action::Pending(until) = action {
            inner.asleep_until = until;
        }
        action
    }

    /// Sleeps until a moment that [`KeyWatch::next`] told, or until something is due
    /// earlier.
    pub async fn sleep(&self, until: Moment) {
        let until = later(self.begin, until.since(Moment::ZERO));
        self.clock.timeout_at(until, self.sooner.notified()).await;
    }

    /// Takes note of when the keys at hand were fetched.
    pub fn hold(&self, fetched_at: UnixTime) {
        let age = self.clock.wall().since(fetched_at).unwrap_or_default();
        self.lock().held = Some(KeyAge { fetched_at, age, since: self.passed() });
    }

    /// Takes note of a jump of the wall clock: the next attempt is due soon. After a jump
    /// forward keys count as older, because the machine may have been suspended; after one
    /// backward they are as old as they were. Returns by how much the time at which they were
    /// fetched is earlier than it was.
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

    /// Has the keys fetched soon, because an event names a key that is not among them. Tokens lose
    /// none of their tries by that. Keys that were fetched within `span` are left alone; false then.
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

    /// Whether the keys at hand were fetched by an attempt that began after `then`.
    #[must_use]
    pub fn has_fetched_since(&self, then: Instant) -> bool {
        let then = then.saturating_duration_since(self.begin);
        let held = self.lock().held;
        held.is_some_and(|held| {
            let fetched = held.since.since(Moment::ZERO).saturating_sub(held.age);
            fetched > then
        })
    }

    /// Wakes the fetching task if it would sleep beyond what is due.
    fn hasten(&self, inner: &mut Inner, action: Action) {
        if let Action::Wait(due) = action
            && due < inner.asleep_until
        {
            inner.asleep_until = due;
            self.sooner.notify_one();
        }
    }

    /// How it stands.
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

    /// Takes note of how an attempt ended, after its keys were published, and why it
    /// failed if it did.
    pub fn end(&self, event: Event, failure: Option<String>) {
        let mut inner = self.lock();
        inner.machine.on(self.passed(), event);
        inner.failure = failure;
        drop(inner);
        self.ended.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// A token names an id that no key has. If an attempt to fetch is under way, or due
    /// within the time that a token may wait, gives its end.
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
        // Under the lock: the attempt cannot end unnoticed.
        let worth = soon && !self.wait.is_zero();
        worth.then(|| AttemptEnd {
            ended: self.ended.subscribe(),
            until: later(self.begin, now.plus(self.wait).since(Moment::ZERO)),
        })
    }

    /// How far the keys can be relied on; `expired` as for [`Refresh::freshness`].
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
