//! The last good key set of each place that an issuer's keys are fetched from. Only a union has
//! several places.

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

/// One place, for as long as it is configured.
#[derive(Debug)]
struct Place {
    /// The name as shown.
    name: String,
    /// Identifies the place: different places have different values. It may contain secrets.
    identity: String,
    held: Option<HeldSet>,
}

/// A fetched set, and its fetch time by both clocks.
#[derive(Clone, Debug)]
struct HeldSet {
    current: CurrentSet,
    fetched_at: UnixTime,
    since: Instant,
}

impl HeldSet {
    /// The age of the set. The wall clock may have been set back, and the monotonic one stops while
    /// the machine sleeps, so the greater age is the true one.
    fn age(&self, clock: &Clock) -> Duration {
        let wall = clock.wall().since(self.fetched_at).unwrap_or_default();
        wall.max(clock.since(self.since))
    }
}

/// The merged keys of all places.
#[derive(Debug)]
pub struct Merged {
    /// The keys, and those that were skipped.
    pub keys: LoadedKeys,
    /// The fetch time of the oldest set.
    pub fetched_at: UnixTime,
}

impl Parts {
    /// Creates empty parts for the places that `remote` names.
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

    /// The number of places.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// The current set of each place.
    pub(super) fn current(&self) -> Vec<Option<CurrentSet>> {
        self.lock().iter().map(|place| Some(place.held.as_ref()?.current.clone())).collect()
    }

    /// The text of one place's set, and its fetch time.
    pub(super) fn text(&self, index: usize) -> Option<(Arc<[u8]>, UnixTime)> {
        let places = self.lock();
        let held = places.get(index)?.held.as_ref()?;
        Some((Arc::clone(&held.current.text), held.fetched_at))
    }

    /// The file name for saving the set of a place of the issuer `issuer`. Names of issuers never
    /// contain `~`.
    pub(super) fn file_name(&self, issuer: &str, index: usize) -> String {
        if self.count() > 1 { format!("{issuer}~{index}") } else { issuer.to_owned() }
    }

    /// Stores a set of the place `index` that was fetched at `fetched_at`.
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

    /// Records the response of the place `index`. Returns the freshness lifetime of its set, if the
    /// response states one.
    ///
    /// # Errors
    /// Those of the response.
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

    /// Merges the keys of all places whose sets are not older than `max_stale`; `None` if there are
    /// none.
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
            // The text was parsed successfully before.
            let Ok(set) = JwkSet::parse(&held.current.text) else { continue };
            let prefix = if several { format!("{name}: ") } else { String::new() };
            skipped.extend(set.skipped.iter().map(|line| format!("{prefix}{line}")));
            for key in set.keys {
                // The same key at two places counts once.
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

    /// The time until the first of several sets reaches `max_stale` and must be dropped.
    pub(super) fn next_end(&self, max_stale: Duration, clock: &Clock) -> Option<Duration> {
        let places = self.lock();
        if places.len() < 2 {
            return None;
        }
        let ages = places.iter().filter_map(|place| Some(place.held.as_ref()?.age(clock)));
        let (old, fresh): (Vec<_>, Vec<_>) = ages.partition(|age| *age >= max_stale);
        let first = fresh.iter().map(|age| max_stale.saturating_sub(*age)).min()?;
        // After a jump of the clock, some may have expired already.
        Some(if old.is_empty() { first } else { Duration::ZERO })
    }

    /// Drops the sets older than `max_stale`, unless all are: then there is nothing newer to use
    /// instead. Returns the names of their places.
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
