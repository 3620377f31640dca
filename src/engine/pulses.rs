//! When feeds of revocation were last heard of. Tasks write it, and every verdict reads it: by
//! numbers that are swapped, without a lock.

use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{IssuerIndex, Issuers};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When one feed was last heard of.
#[derive(Debug)]
pub struct Pulse {
    name: Box<str>,
    /// The issuers that it concerns, by name, if not all.
    issuers: Option<BTreeSet<Box<str>>>,
    max_age: Option<Duration>,
    begin: Instant,
    /// In milliseconds after `begin`, and one more; 0 if it was never heard of.
    heard: AtomicU64,
    /// The same by the wall clock, in seconds.
    heard_at: AtomicI64,
    /// Something was lost on the way, or the other end has paused.
    gap: AtomicBool,
    /// What it brings finds no room.
    full: AtomicBool,
    /// Why it fails, if it does; verdicts do not look at it.
    failure: Mutex<Option<Box<str>>>,
}

/// A moment by both clocks: the wall clock may be set, and the other one stands still while the
/// machine sleeps.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// By the wall clock.
    pub wall: UnixTime,
    /// By the other one.
    pub at: Instant,
}

/// How old what is known of an issuer's revocations is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RevocationAge {
    /// Since when the feed was silent that was silent for longest. If it was never heard of, since
    /// the daemon began.
    pub age: Duration,
    /// Whether it was ever heard of.
    pub heard: bool,
    /// Whether that is too long.
    pub stale: bool,
    /// When it will be, if it is not.
    pub stale_at: UnixTime,
}

impl Pulse {
    /// That of a feed that begins `now`. It concerns the issuers of these names, or all.
    #[must_use]
    pub fn new(
        name: &str,
        issuers: Option<BTreeSet<Box<str>>>,
        max_age: Option<Duration>,
        now: Instant,
    ) -> Self {
        Self {
            name: name.into(),
            issuers,
            max_age,
            begin: now,
            heard: AtomicU64::new(0),
            heard_at: AtomicI64::new(0),
            gap: AtomicBool::new(false),
            full: AtomicBool::new(false),
            failure: Mutex::default(),
        }
    }

    /// The operator's name for the feed.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long it may be silent, if it has an age.
    #[must_use]
    pub fn max_age(&self) -> Option<Duration> {
        self.max_age
    }

    /// Takes down that the feed was heard of: everything that it knew `then` is in force.
    pub fn heard(&self, then: Moment) {
        let passed = then.at.saturating_duration_since(self.begin).as_millis();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX).saturating_add(1);
        self.heard_at.store(then.wall.seconds(), Ordering::Relaxed);
        // An answer that was long on the way does not make an older one of a newer.
        self.heard.fetch_max(passed, Ordering::Release);
    }

    /// Says whether something is missing, or the other end has paused: it is stale until that is
    /// over, however lately it was heard of.
    pub fn set_gap(&self, gap: bool) {
        self.gap.store(gap, Ordering::Release);
    }

    /// Says whether what it brings finds no room: it is stale until it does.
    pub fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Release);
    }

    /// Whether something is missing.
    #[must_use]
    pub fn has_gap(&self) -> bool {
        self.gap.load(Ordering::Acquire)
    }

    /// Whether what it brings finds no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// Says why it fails, or that it does not; gives whether that is news.
    pub fn set_failure(&self, failure: Option<&str>) -> bool {
        let mut own = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = own.as_deref() != failure;
        if is_news {
            *own = failure.map(Box::from);
        }
        is_news
    }

    /// Why it fails, if it does.
    #[must_use]
    pub fn failure(&self) -> Option<Box<str>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How long it was silent, by the clock that says more.
    #[must_use]
    pub fn age(&self, now: Moment) -> Duration {
        let begun = now.at.saturating_duration_since(self.begin);
        let Some(heard) = self.heard.load(Ordering::Acquire).checked_sub(1) else {
            return begun;
        };
        let passed = begun.saturating_sub(Duration::from_millis(heard));
        let heard_at = UnixTime::from_seconds(self.heard_at.load(Ordering::Relaxed));
        passed.max(now.wall.since(heard_at).unwrap_or_default())
    }

    /// Whether it was ever heard of.
    #[must_use]
    pub fn was_heard(&self) -> bool {
        self.heard.load(Ordering::Acquire) > 0
    }

    /// Whether it was silent for too long, or says that something is missing.
    #[must_use]
    pub fn is_stale(&self, now: Moment) -> bool {
        self.stands(now).is_some_and(|stands| stands.stale)
    }

    /// How it stands, if it has an age.
    #[must_use]
    pub fn stands(&self, now: Moment) -> Option<RevocationAge> {
        let (max_age, age, heard) = (self.max_age?, self.age(now), self.was_heard());
        let stale = !heard || age > max_age || self.has_gap() || self.is_full();
        let stale_at = now.wall.plus(max_age.saturating_sub(age));
        Some(RevocationAge { age, heard, stale, stale_at })
    }
}

/// The feeds of a configuration, and which of them each issuer grows stale with.
#[derive(Clone, Debug, Default)]
pub struct Pulses {
    all: Arc<[Arc<Pulse>]>,
    /// For each issuer, by its place, those with an age.
    aged: Vec<Box<[Arc<Pulse>]>>,
}

impl Pulses {
    /// All of them, and what they mean to these issuers.
    #[must_use]
    pub fn new(all: Arc<[Arc<Pulse>]>, issuers: &Issuers) -> Self {
        let of = |name: &str| {
            let own = all.iter().filter(|pulse| {
                let concerns = |names: &BTreeSet<Box<str>>| names.contains(name);
                pulse.max_age.is_some() && pulse.issuers.as_ref().is_none_or(concerns)
            });
            own.map(Arc::clone).collect()
        };
        let aged = issuers.iter().map(|(_, issuer)| of(issuer.name())).collect();
        Self { all, aged }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &Arc<[Arc<Pulse>]> {
        &self.all
    }

    /// How old what is known of this issuer is: by the feed that is worst off. Nothing if no feed
    /// of it has an age.
    #[must_use]
    pub fn age(&self, issuer: IssuerIndex, now: Moment) -> Option<RevocationAge> {
        let own = self.aged.get(issuer.get())?;
        // Most of the time there is none, and this is all that it costs.
        let (first, others) = own.split_first()?;
        let worse = |one: RevocationAge, other: RevocationAge| RevocationAge {
            stale_at: one.stale_at.min(other.stale_at),
            ..if (other.stale, other.age) > (one.stale, one.age) { other } else { one }
        };
        let others = others.iter().filter_map(|pulse| pulse.stands(now));
        Some(others.fold(first.stands(now)?, worse))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;

    const WALL: i64 = 1_700_000_000;

    fn begin() -> Instant {
        VirtualClock::at(UnixTime::from_seconds(WALL)).clock().monotonic()
    }

    fn after(begin: Instant, seconds: u64) -> Moment {
        let span = Duration::from_secs(seconds);
        Moment { wall: UnixTime::from_seconds(WALL).plus(span), at: begin + span }
    }

    fn pulse(begin: Instant) -> Pulse {
        Pulse::new("f", None, Some(Duration::from_secs(60)), begin)
    }

    #[test]
    fn one_that_was_never_heard_of_is_stale_from_the_first_moment() {
        let begin = begin();
        let pulse = pulse(begin);
        assert!(pulse.is_stale(after(begin, 0)));
        assert_eq!(pulse.stands(after(begin, 5)).unwrap().age, Duration::from_secs(5));
        pulse.heard(after(begin, 5));
        let stands = pulse.stands(after(begin, 15)).unwrap();
        assert_eq!((stands.age, stands.stale), (Duration::from_secs(10), false));
        assert_eq!(stands.stale_at, after(begin, 65).wall);
    }

    #[test]
    fn it_is_stale_exactly_beyond_its_age_by_either_clock() {
        let begin = begin();
        let pulse = pulse(begin);
        pulse.heard(after(begin, 0));
        assert!(!pulse.is_stale(after(begin, 60)));
        assert!(pulse.is_stale(after(begin, 61)));
        // The machine slept: the one clock stood still. Or the wall clock was set back.
        let (early, late) = (after(begin, 1), after(begin, 61));
        assert!(pulse.is_stale(Moment { at: early.at, wall: late.wall }));
        assert!(pulse.is_stale(Moment { at: late.at, wall: early.wall }));
        let before = UnixTime::from_seconds(WALL - 1000);
        assert!(!pulse.is_stale(Moment { at: early.at, wall: before }));
    }

    #[test]
    fn a_gap_and_want_of_room_make_it_stale_at_once_and_an_old_answer_makes_nothing_younger() {
        let begin = begin();
        let pulse = pulse(begin);
        let now = after(begin, 10);
        pulse.heard(now);
        for set in [Pulse::set_gap, Pulse::set_full] {
            set(&pulse, true);
            assert!(pulse.is_stale(now));
            set(&pulse, false);
            assert!(!pulse.is_stale(now));
        }
        let only = Pulse::new("f", None, None, begin);
        only.set_gap(true);
        assert!(!only.is_stale(after(begin, 1_000_000)), "without `max_age` there is no age");
    }
}
