//! When the keys of an issuer are fetched: a machine of pure data. It is told what
//! happened at which moment, and says what to do; it neither waits nor fetches.

use super::moment::Moment;
use super::unknown_ids::UnknownIds;
use std::time::Duration;

/// How often an issuer may be asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pace {
    /// The longest time between two attempts that succeed.
    pub refresh: Duration,
    /// The least time between an attempt and one that tokens with unknown ids cause
    /// (R65).
    pub cooldown: Duration,
}

/// What happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// Nothing but that time passed.
    Passed,
    /// A token names an id that no key has: a hash of it that nobody can aim.
    Unknown(u64),
    /// The operator wants the keys fetched now.
    Asked,
    /// Something other than a token suggests that the keys have changed: they are fetched soon,
    /// outside of the cool-down and the back-off. It takes none of the tries of tokens.
    Suggested,
    /// The wall clock jumped: how old the keys are is not known for certain any more.
    ClockJumped,
    /// An attempt brought a usable set.
    Arrived {
        /// Which attempt.
        attempt: u64,
        /// How long the issuer says that the set is good.
        fresh_for: Option<Duration>,
        /// Whether it is another set than before.
        changed: bool,
    },
    /// An attempt brought none.
    Failed {
        /// Which attempt.
        attempt: u64,
        /// How long the issuer wants to be left alone.
        retry_after: Option<Duration>,
    },
}

/// What to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Begin this attempt, and tell how it ended. It is given once.
    Fetch(Attempt),
    /// An attempt is under way; its end will be told, or it is lost at this moment.
    Pending(Moment),
    /// Nothing before this moment.
    Wait(Moment),
}

/// An attempt to fetch the keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attempt {
    /// Its number; a later attempt has a higher one.
    pub number: u64,
    /// Whether an answer that nothing changed will do. A cache on the way may say so
    /// wrongly; where a token names a key that we do not know, it will not do.
    pub conditional: bool,
}

/// How far the keys of an issuer can be relied on.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Freshness {
    /// Fetched when they should be.
    Fresh,
    /// Being fetched; those at hand are in use.
    Refreshing,
    /// The last attempts failed; those at hand are in use.
    Stale,
    /// None are at hand, or they are older than `max_stale`: no token passes.
    Expired,
}

impl Freshness {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Fresh, Self::Refreshing, Self::Stale, Self::Expired];

    /// Its name in metrics and probes.
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

/// Decides when the keys of one issuer are fetched.
#[derive(Debug)]
pub struct Refresh {
    pace: Pace,
    /// State of the random numbers for the jitter.
    seed: u64,
    attempts: u64,
    /// The attempt under way.
    flight: Option<Flight>,
    /// When the last attempt began, whatever became of it.
    last_attempt: Option<Moment>,
    /// When the last attempt that brought a set began.
    last_arrival: Option<Moment>,
    /// Attempts that failed since.
    failures: u32,
    /// When the next attempt is due by itself.
    due: Moment,
    /// When the next attempt is due because of tokens.
    wanted: Option<Moment>,
    unknown: UnknownIds,
    tries: Tries,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    number: u64,
    lost_at: Moment,
}

/// After the first failure; each further one doubles it.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest pause after failures, unless the issuer asks for a longer one.
const LAST_RETRY: Duration = Duration::from_secs(60);

/// A jump of the clock makes the next attempt due within this time. Clocks of a whole fleet
/// may jump together.
const JUMP_SPREAD: Duration = Duration::from_secs(5);

/// An attempt that says nothing for so long is lost. All of its time-outs together
/// are shorter.
const LOST: Duration = Duration::from_secs(120);

impl Refresh {
    /// A machine that wants the first attempt at once. `seed` is any number that
    /// differs among processes: those that started together must not ask together for
    /// ever.
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

    /// Takes note of `event` and says what to do. Only [`Event::Passed`] is answered
    /// with an attempt to begin.
    pub fn on(&mut self, now: Moment, event: Event) -> Action {
        match event {
            Event::Passed => return self.begin_if_due(now),
            Event::Asked => self.due = now,
            Event::ClockJumped | Event::Suggested => self.hasten(now),
            Event::Unknown(id) => self.note_unknown(now, id),
            // Only the latest attempt counts: an older answer never replaces a newer.
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

    /// Whether the answer of this attempt counts.
    #[must_use]
    pub fn awaits(&self, attempt: u64) -> bool {
        self.flight.is_some_and(|flight| flight.number == attempt)
    }

    /// How far the keys can be relied on; `expired` tells whether there are none, or
    /// too old ones.
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

    /// What there is to do, without beginning it.
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
        // Ahead of the end, by up to a fifth. What the issuer says can make it
        // earlier, never later: within `refresh` a removed key is refused. That a set
        // is good for no time at all is said of every page by many servers.
        let said = fresh_for.filter(|span| !span.is_zero()).unwrap_or(self.pace.refresh);
        let span = said.max(self.pace.cooldown).min(self.pace.refresh);
        self.due = now.plus(self.shorten(span));
    }

    fn failed(&mut self, now: Moment, retry_after: Option<Duration>) {
        let doubled = FIRST_RETRY.saturating_mul(1 << self.failures.min(6)).min(LAST_RETRY);
        self.failures = self.failures.saturating_add(1);
        let asked = retry_after.unwrap_or_default();
        let pause = doubled.max(asked).min(self.pace.refresh);
        // Not earlier than the issuer asked.
        let pause = self.shorten(pause).max(asked.min(self.pace.refresh));
        self.due = now.plus(pause);
    }

    /// The next attempt is due soon, but not within the cool-down. After failures the
    /// back-off stands, and with it what the issuer asked for.
    fn hasten(&mut self, now: Moment) {
        if self.failures > 0 {
            return;
        }
        let rested = self.last_attempt.map(|last| last.plus(self.pace.cooldown));
        let spread = self.part_of(JUMP_SPREAD);
        let due = rested.unwrap_or(now).max(now).plus(spread);
        self.due = self.due.min(due);
    }

    /// A token can hasten the next attempt, and no more: not within the cool-down,
    /// not for an id that was looked for in vain, not beyond the tries.
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

    /// A span that is up to a fifth shorter.
    fn shorten(&mut self, span: Duration) -> Duration {
        let part = self.part_of(span).checked_div(5).unwrap_or_default();
        span.saturating_sub(part)
    }

    /// A random part of a span.
    fn part_of(&mut self, span: Duration) -> Duration {
        self.seed = self.seed.wrapping_add(1);
        let part = u32::try_from(mix(self.seed) % 1000).unwrap_or_default();
        span.checked_div(1000).unwrap_or_default().saturating_mul(part)
    }
}

/// Attempts that tokens with unknown ids may cause beyond the regular ones.
#[derive(Debug)]
struct Tries {
    left: u32,
    since: Moment,
}

/// How many there are after a calm time.
const TRIES: u32 = 6;

/// How many of them are kept for ids that come again and again: a flood of random
/// ones must not hold the door shut when a key is really new.
const RESERVE: u32 = 2;

/// One more comes after so many cool-downs.
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

/// One step of SplitMix64: numbers that look random.
pub(super) const fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
