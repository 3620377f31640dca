//! The last good key set of each place that an issuer's keys are fetched from. There is one
//! place, but for a union.

use super::error::SourceError;
use super::remote::{CurrentSet, FetchOutcome, Fetched};
use crate::clock::Clock;
use crate::config::{Location, Remote};
use jwtd_core::jose::{Algorithm, JwkSet, UnixTime};
use jwtd_core::keys::LoadedKeys;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The last good sets of all places of one issuer. Clones share them.
#[derive(Clone, Debug)]
pub struct Parts(Arc<Mutex<Vec<Place>>>);

/// One place, for as long as the configuration names it.
#[derive(Debug)]
struct Place {
    /// As it is shown.
    name: String,
    /// Identifies the place: different places have different values. It may contain secrets.
    identity: String,
    held: Option<HeldSet>,
}

/// A set that was fetched, and when by both clocks.
#[derive(Clone, Debug)]
struct HeldSet {
    current: CurrentSet,
    fetched_at: UnixTime,
    since: Instant,
}

impl HeldSet {
    /// The wall clock may have been set back, and the monotonic one does not count while the
    /// machine sleeps: the greater age is true.
    fn age(&self, clock: &Clock) -> Duration {
        let wall = clock.wall().since(self.fetched_at).unwrap_or_default();
        wall.max(clock.since(self.since))
    }
}

/// The keys of all places.
#[derive(Debug)]
pub struct Merged {
    /// The keys, and what was skipped.
    pub keys: LoadedKeys,
    /// When the oldest of the sets was fetched.
    pub fetched_at: UnixTime,
}

impl Parts {
    /// Nothing yet, of the places that `remote` names.
    #[must_use]
    pub fn of(remote: &Remote) -> Self {
        let place = |name, identity| Place { name, identity, held: None };
        let places = match &remote.location {
            Location::Union(parts) => {
                parts.iter().map(|part| place(part.to_string(), part.identity())).collect()
            }
            one => vec![place(one.to_string(), one.identity())],
        };
        Self(Arc::new(Mutex::new(places)))
    }

    /// Copies the sets of `before` that are newer or missing here, for places still configured.
    pub(super) fn inherit(&self, before: &Self) {
        if Arc::ptr_eq(&self.0, &before.0) {
            return;
        }
        let known: Vec<_> = {
            let places = before.lock();
            let held =
                places.iter().filter_map(|place| Some((&place.identity, place.held.as_ref()?)));
            held.map(|(identity, held)| (identity.clone(), held.clone())).collect()
        };
        for Place { identity, held, .. } in &mut *self.lock() {
            let Some((_, other)) = known.iter().find(|(other, _)| other == identity) else {
                continue;
            };
            if held.as_ref().is_none_or(|held| held.fetched_at < other.fetched_at) {
                *held = Some(other.clone());
            }
        }
    }

    /// How many places there are.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// The sets at hand, of each place.
    pub(super) fn current(&self) -> Vec<Option<CurrentSet>> {
        self.lock().iter().map(|place| Some(place.held.as_ref()?.current.clone())).collect()
    }

    /// The text of the set of one place, and when it was fetched.
    pub(super) fn text(&self, index: usize) -> Option<(Arc<[u8]>, UnixTime)> {
        let places = self.lock();
        let held = places.get(index)?.held.as_ref()?;
        Some((Arc::clone(&held.current.text), held.fetched_at))
    }

    /// The name under which the set of a place is kept, of the issuer `issuer`. No issuer's own
    /// name holds a `~`.
    pub(super) fn file_name(&self, issuer: &str, index: usize) -> String {
        if self.count() > 1 { format!("{issuer}~{index}") } else { issuer.to_owned() }
    }

    /// Takes over a set of the place `index` that was fetched at `fetched_at`.
    pub(super) fn hold(
        &self,
        index: usize,
        current: CurrentSet,
        fetched_at: UnixTime,
        clock: &Clock,
    ) {
        if let Some(place) = self.lock().get_mut(index) {
            place.held = Some(HeldSet { current, fetched_at, since: clock.monotonic() });
        }
    }

    /// Records the answer of the place `index`. Returns how long its set stays fresh, if the answer
    /// says so.
    ///
    /// # Errors
    /// Those of the answer.
    pub(super) fn take(
        &self,
        index: usize,
        answer: Result<FetchOutcome, SourceError>,
        clock: &Clock,
    ) -> Result<Option<Duration>, SourceError> {
        match answer? {
            FetchOutcome::Set(fetched) => {
                let Fetched { jwks_uri, text, tag, fresh_for, .. } = *fetched;
                let current = CurrentSet { jwks_uri, tag, text: text.into() };
                self.hold(index, current, clock.wall(), clock);
                Ok(fresh_for)
            }
            FetchOutcome::Same(fresh_for) => {
                let mut places = self.lock();
                if let Some(held) = places.get_mut(index).and_then(|place| place.held.as_mut()) {
                    (held.fetched_at, held.since) = (clock.wall(), clock.monotonic());
                }
                Ok(fresh_for)
            }
        }
    }

    /// The keys of all places whose sets are not older than `max_stale`; nothing if none is.
    pub(super) fn merged(
        &self,
        allowed: &[Algorithm],
        max_stale: Duration,
        clock: &Clock,
    ) -> Option<Merged> {
        let places = self.lock();
        let (mut keys, mut skipped, mut oldest) = (Vec::new(), Vec::new(), None);
        let several = places.len() > 1;
        for Place { name, held, .. } in places.iter() {
            let Some(held) = held.as_ref().filter(|held| held.age(clock) < max_stale) else {
                continue;
            };
            // It was read before.
            let Ok(set) = JwkSet::parse(&held.current.text) else { continue };
            let prefix = if several { format!("{name}: ") } else { String::new() };
            skipped.extend(set.skipped.iter().map(|line| format!("{prefix}{line}")));
            for key in set.keys {
                // One key at two places is one key.
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
            let fetched_at = clock.wall().minus(held.age(clock)).min(held.fetched_at);
            oldest = Some(oldest.map_or(fetched_at, |oldest: UnixTime| oldest.min(fetched_at)));
        }
        let fetched_at = oldest?;
        let mut keys = LoadedKeys::from_public(&keys, allowed);
        keys.skipped.splice(0..0, skipped);
        Some(Merged { keys, fetched_at })
    }

    /// How long it is until the first of several sets is `max_stale` old, and is to be forgotten.
    pub(super) fn next_end(&self, max_stale: Duration, clock: &Clock) -> Option<Duration> {
        let places = self.lock();
        if places.len() < 2 {
            return None;
        }
        let ages = places.iter().filter_map(|place| Some(place.held.as_ref()?.age(clock)));
        let (old, fresh): (Vec<_>, Vec<_>) = ages.partition(|age| *age >= max_stale);
        let first = fresh.iter().map(|age| max_stale.saturating_sub(*age)).min()?;
        // After a jump of the clock, some may be already.
        Some(if old.is_empty() { first } else { Duration::ZERO })
    }

    /// Forgets the sets that are `max_stale` old, unless all are: then nothing newer takes their
    /// place. Returns the names of their places.
    pub(super) fn forget_old(&self, max_stale: Duration, clock: &Clock) -> Vec<String> {
        let mut places = self.lock();
        let is_old =
            |place: &Place| place.held.as_ref().is_some_and(|held| held.age(clock) >= max_stale);
        if !places.iter().any(|place| place.held.is_some() && !is_old(place)) {
            return Vec::new();
        }
        let old = places.iter_mut().filter(|place| is_old(place));
        old.map(|place| {
            place.held = None;
            place.name.clone()
        })
        .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
