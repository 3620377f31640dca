//! The refresh state machine of one issuer. It receives events with the time at which they happened
//! and returns the next action; it neither waits nor fetches.

use super::moment::Moment;
use super::unknown_ids::UnknownIds;
use std::time::Duration;

/// Limits on how often the keys of an issuer are fetched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pace {
    /// The longest time between two successful attempts.
    pub refresh: Duration,
    /// The shortest time between an attempt and the next one that tokens with unknown key IDs cause
    /// (R65).
    pub cooldown: Duration,
}

/// An event that the state machine reacts to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// Time passed; nothing else happened.
    Passed,
    /// A token names a key ID that no key has. The value is a hash of the ID that nobody outside
    /// can predict.
    Unknown(u64),
    /// The operator requests a refresh now.
    Asked,
    /// Something other than a token suggests that the keys have changed. They are fetched soon, but
    /// never within the cool-down, and never before the end of a back-off. This does not use up the
    /// tries of tokens.
    Suggested,
    /// The wall clock jumped, so the age of the keys is uncertain.
    ClockJumped,
    /// An attempt returned a usable set.
    Arrived {
        /// The number of the attempt.
        attempt: u64,
        /// The period for which the issuer declares the set fresh.
        fresh_for: Option<Duration>,
        /// True if the set differs from the previous one.
        changed: bool,
    },
    /// An attempt returned no usable set.
    Failed {
        /// The number of the attempt.
        attempt: u64,
        /// The time for which the issuer asks not to be contacted (`Retry-After`).
        retry_after: Option<Duration>,
    },
}

/// The next action.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Start this attempt, and report how it ended. Each attempt is returned once.
    Fetch(Attempt),
    /// An attempt is in progress. Either its end is reported, or it counts as lost at this moment.
    Pending(Moment),
    /// Do nothing before this moment.
    Wait(Moment),
}

/// An attempt to fetch the keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attempt {
    /// The number of the attempt; later attempts have higher ones.
    pub number: u64,
    /// True if the request may be conditional, so that "not modified" is an acceptable answer. A
    /// cache on the way may give that answer wrongly, so the request is unconditional if a token
    /// names an unknown key.
    pub conditional: bool,
}

/// The reliability of an issuer's keys.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Freshness {
    /// The last attempt succeeded, and none is in progress.
    Fresh,
    /// A refresh is in progress; the current keys are in use.
    Refreshing,
    /// The last attempts failed; the current keys are in use.
    Stale,
    /// There are no keys, or they are older than `max_stale`: every token is refused.
    Expired,
}

impl Freshness {
    /// All values.
    pub const ALL: [Self; 4] = [Self::Fresh, Self::Refreshing, Self::Stale, Self::Expired];

    /// The name in metrics and probes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Refreshing => "refreshing",
            Self::Stale => "stale",
            Self::Expired => "expired",
        }
    }
}

/// Decides when to fetch the keys of one issuer.
#[derive(Debug)]
pub struct Refresh {
    pace: Pace,
    /// The state of the random number generator for the jitter.
    seed: u64,
    attempts: u64,
    /// The attempt in progress.
    flight: Option<Flight>,
    /// The start of the last attempt, whatever its outcome.
    last_attempt: Option<Moment>,
    /// The start of the last attempt that returned a set.
    last_arrival: Option<Moment>,
    /// The number of failed attempts since then.
    failures: u32,
    /// The time at which the next regular attempt is due.
    due: Moment,
    /// The time at which the next attempt is due because of tokens.
    wanted: Option<Moment>,
    unknown: UnknownIds,
    tries: Tries,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    number: u64,
    lost_at: Moment,
}

/// The pause after the first failure; each further failure doubles it.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest pause after failures, unless the issuer asks for a longer one.
const LAST_RETRY: Duration = Duration::from_secs(60);

/// The time within which a jump of the clock makes the next attempt due. It is spread out because
/// the clocks of a whole fleet may jump together.
const JUMP_SPREAD: Duration = Duration::from_secs(5);

/// The time after which an attempt that reports nothing counts as lost. All of its timeouts
/// together are shorter.
const LOST: Duration = Duration::from_secs(120);

impl Refresh {
    /// Creates a state machine whose first attempt is due at once. `seed` is any number that
    /// differs between processes: processes that started together must not keep fetching at the
    /// same time.
    #[must_use]
    pub fn new(pace: Pace, seed: u64) -> Self {
        Self {
            pace,
            seed,
            attempts: 0,
            flight: None,
            last_attempt: None,
            last_arrival: None,
            failures: 0,
            due: Moment::ZERO,
            wanted: None,
            unknown: UnknownIds::new(),
            tries: Tries::new(),
        }
    }

    /// Records `event` and returns the next action. Only [`Event::Passed`] is answered with an
    /// attempt to start.
    pub fn on(&mut self, now: Moment, event: Event) -> Action {
        match event {
            Event::Passed => return self.begin_if_due(now),
            Event::Asked => self.due = now,
            Event::ClockJumped | Event::Suggested => self.hasten(now),
            Event::Unknown(id) => self.note_unknown(now, id),
            // Only the latest attempt counts: an older response never replaces a newer one.
            Event::Arrived { attempt, fresh_for, changed } if self.ends(attempt) => {
                self.arrived(now, fresh_for, changed);
            }
            Event::Failed { attempt, retry_after } if self.ends(attempt) => {
                self.failed(now, retry_after);
            }
            Event::Arrived { .. } | Event::Failed { .. } => {}
        }
        self.outlook()
    }

    /// Returns true if the result of this attempt still counts.
    #[must_use]
    pub fn awaits(&self, attempt: u64) -> bool {
        self.flight.is_some_and(|flight| flight.number == attempt)
    }

    /// The reliability of the keys. `expired` is true if there are no keys, or if they are too old.
    #[must_use]
    pub fn freshness(&self, expired: bool) -> Freshness {
        if expired {
            Freshness::Expired
        } else if self.failures > 0 {
            Freshness::Stale
        } else if self.flight.is_some() {
            Freshness::Refreshing
        } else {
            Freshness::Fresh
        }
    }

    fn begin_if_due(&mut self, now: Moment) -> Action {
        let outlook = self.outlook();
        match outlook {
            Action::Wait(due) | Action::Pending(due) if now >= due => {}
            Action::Wait(_) | Action::Pending(_) | Action::Fetch(_) => return outlook,
        }
        self.attempts = self.attempts.saturating_add(1);
        let conditional = self.wanted.take().is_none();
        self.flight = Some(Flight { number: self.attempts, lost_at: now.plus(LOST) });
        self.last_attempt = Some(now);
        Action::Fetch(Attempt { number: self.attempts, conditional })
    }

    /// The next action, without starting an attempt.
    #[must_use]
    pub fn outlook(&self) -> Action {
        match self.flight {
            Some(flight) => Action::Pending(flight.lost_at),
            None => Action::Wait(self.wanted.map_or(self.due, |wanted| wanted.min(self.due))),
        }
    }

    fn ends(&mut self, attempt: u64) -> bool {
        let ends = self.awaits(attempt);
        if ends {
            self.flight = None;
        }
        ends
    }

    fn arrived(&mut self, now: Moment, fresh_for: Option<Duration>, changed: bool) {
        self.failures = 0;
        self.last_arrival = self.last_attempt;
        if changed {
            self.tries.restore();
        }
        // The refresh starts up to a fifth before the end of the period. The issuer can shorten the
        // period but never extend it, so that a removed key is refused within `refresh`. A lifetime
        // of zero is ignored, because many servers declare it for every page.
        let said = fresh_for.filter(|span| !span.is_zero()).unwrap_or(self.pace.refresh);
        let span = said.max(self.pace.cooldown).min(self.pace.refresh);
        self.due = now.plus(self.shorten(span));
    }

    fn failed(&mut self, now: Moment, retry_after: Option<Duration>) {
        let doubled = FIRST_RETRY.saturating_mul(1 << self.failures.min(6)).min(LAST_RETRY);
        self.failures = self.failures.saturating_add(1);
        let asked = retry_after.unwrap_or_default();
        let pause = doubled.max(asked).min(self.pace.refresh);
        // Jitter must not make the retry earlier than the issuer asked.
        let pause = self.shorten(pause).max(asked.min(self.pace.refresh));
        self.due = now.plus(pause);
    }

    /// Makes the next attempt due soon, but not within the cool-down. After failures nothing
    /// changes: the back-off and the issuer's `Retry-After` still apply.
    fn hasten(&mut self, now: Moment) {
        if self.failures > 0 {
            return;
        }
        let rested = self.last_attempt.map(|last| last.plus(self.pace.cooldown));
        let spread = self.part_of(JUMP_SPREAD);
        let due = rested.unwrap_or(now).max(now).plus(spread);
        self.due = self.due.min(due);
    }

    /// Lets a token bring the next attempt forward, with three limits: not within the cool-down,
    /// not for an ID that the last refresh did not find, and not without a try left.
    fn note_unknown(&mut self, now: Moment, id: u64) {
        let memory = self.pace.cooldown.saturating_mul(TRY_EVERY);
        let seen = self.unknown.note(id, now, memory);
        let in_vain = self.last_arrival.is_some_and(|begun| begun >= seen.since && begun < now);
        if self.flight.is_some() || self.wanted.is_some() || in_vain {
            return;
        }
        if self.tries.take(now, memory, seen.insists) {
            let rested = self.last_attempt.map(|last| last.plus(self.pace.cooldown));
            self.wanted = Some(rested.unwrap_or(now).max(now));
        }
    }

    /// Shortens a duration by a random part of up to a fifth.
    fn shorten(&mut self, span: Duration) -> Duration {
        let part = self.part_of(span).checked_div(5).unwrap_or_default();
        span.saturating_sub(part)
    }

    /// A random part of a duration.
    fn part_of(&mut self, span: Duration) -> Duration {
        self.seed = self.seed.wrapping_add(1);
        let part = u32::try_from(mix(self.seed) % 1000).unwrap_or_default();
        span.checked_div(1000).unwrap_or_default().saturating_mul(part)
    }
}

/// The extra attempts that tokens with unknown key IDs may cause.
#[derive(Debug)]
struct Tries {
    left: u32,
    since: Moment,
}

/// The number of tries after a quiet period.
const TRIES: u32 = 6;

/// The tries reserved for IDs that keep recurring: a flood of random IDs must not prevent a refresh
/// when a key is really new.
const RESERVE: u32 = 2;

/// The number of cool-downs after which one more try becomes available.
const TRY_EVERY: u32 = 3;

impl Tries {
    const fn new() -> Self {
        Self { left: TRIES, since: Moment::ZERO }
    }

    fn restore(&mut self) {
        self.left = TRIES;
    }

    fn take(&mut self, now: Moment, every: Duration, insists: bool) -> bool {
        while self.left < TRIES && now.since(self.since) >= every {
            self.left = self.left.saturating_add(1);
            self.since = self.since.plus(every);
        }
        if self.left == TRIES {
            self.since = now;
        }
        let kept = if insists { 0 } else { RESERVE };
        let fits = self.left > kept;
        if fits {
            self.left = self.left.saturating_sub(1);
        }
        fits
    }
}

/// One step of SplitMix64, a pseudorandom number generator.
pub(super) const fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
