//! The readiness of the daemon and the state of the keys.

use crate::clock::Clock;
use crate::engine::{Engine, Moment, Pulse, RevocationAge};
use crate::sources::KeyWatches;
use jwtd_core::jose::{UnixTime, base64url};
use jwtd_core::keys::{Freshness, Issuer, Key, KeyState};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The readiness of the daemon: whether it can take calls.
#[derive(Debug)]
pub struct Readiness {
    engine: Arc<Engine>,
    watches: KeyWatches,
    clock: Clock,
    /// Set once every required issuer has had keys.
    started: AtomicBool,
    draining: AtomicBool,
}

impl Readiness {
    /// Creates the readiness state. The daemon becomes ready as soon as every issuer that is not
    /// optional has keys, and stays ready until shutdown. If expired keys of one issuer, or a
    /// reload that adds an issuer, took a pod out of service, the tokens of all other issuers would
    /// fail too. `clock` tells the time.
    #[must_use]
    pub fn new(engine: Arc<Engine>, watches: KeyWatches, clock: Clock) -> Self {
        let (started, draining) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { engine, watches, clock, started, draining }
    }

    /// Makes the daemon not ready, for good.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Returns true once shutdown has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Returns true if the daemon can take calls.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_draining() && self.has_started() && !self.is_stale()
    }

    /// Returns true if tokens are refused because revocation data is stale. Keys differ: each
    /// issuer has its own, while another replica may well have received newer revocation data.
    fn is_stale(&self) -> bool {
        let snapshot = self.engine.current.load();
        snapshot.configuration().refuses_what_is_stale(self.now(), snapshot.issuers())
    }

    fn now(&self) -> Moment {
        Moment { wall: self.clock.wall(), at: self.clock.monotonic() }
    }

    /// Returns true once every required issuer has had usable keys.
    #[must_use]
    pub fn has_started(&self) -> bool {
        let started = self.started.load(Ordering::Relaxed) || self.has_keys();
        if started {
            self.started.store(true, Ordering::Relaxed);
        }
        started
    }

    fn has_keys(&self) -> bool {
        let (snapshot, now) = (self.engine.current.load(), self.clock.wall());
        snapshot.issuers().iter().all(|(place, issuer)| {
            snapshot.configuration().is_optional(place)
                || self.watches.freshness(issuer, now) != Freshness::Expired
        })
    }

    pub(super) fn metrics(&self) -> String {
        self.engine.metrics.render()
    }

    /// Writes one line per issuer.
    pub(super) fn describe(&self, verbose: bool) -> String {
        let (snapshot, now) = (self.engine.current.load(), self.clock.wall());
        let mut text = String::new();
        for (_, issuer) in snapshot.issuers().iter() {
            let keys = match issuer.keys() {
                KeyState::Held { set, .. } => format!("{} keys", set.keys().len()),
                KeyState::Unavailable => "no keys".to_owned(),
            };
            let state = state(&self.watches, issuer, now);
            write!(text, "issuer {}: {keys}, {state}", issuer.name()).ok();
            if verbose {
                text.push_str(&outlook(&self.watches, issuer, now));
            } else if self.watches.freshness(issuer, now) == Freshness::Expired {
                // The messages of refused tokens refer readers to this output for the cause.
                text.push_str(&failure(&self.watches, issuer));
            }
            text.push('\n');
        }
        let now = self.now();
        for pulse in &**snapshot.configuration().pulses().all() {
            // The messages of refused tokens refer to this output too.
            if verbose || pulse.is_stale(now) {
                writeln!(text, "revocation feed {}: {}", pulse.name(), feed(pulse, now)).ok();
            }
        }
        text
    }

    /// Lists all keys and their state as JSON, for people and programs.
    pub(super) fn keys(&self) -> Value {
        let (snapshot, now) = (self.engine.current.load(), self.clock.wall());
        let issuers = snapshot.issuers().iter();
        let issuers = issuers.map(|(_, issuer)| one(&self.watches, issuer, now));
        Value::Array(issuers.collect())
    }
}

/// Describes the state of a revocation feed.
fn feed(pulse: &Pulse, now: Moment) -> String {
    let state = match pulse.stands(now) {
        Some(RevocationAge { stale: true, .. }) => "stale, ",
        _ => "",
    };
    let mut text = if pulse.was_heard() {
        format!("{state}heard of {} s ago", pulse.age(now).as_secs())
    } else {
        format!("{state}not heard of yet")
    };
    if pulse.has_gap() {
        text.push_str(", incomplete");
    }
    if pulse.is_full() {
        text.push_str(", the store is full");
    }
    if let Some(failure) = pulse.failure() {
        write!(text, "; the last attempt failed: {failure}").ok();
    }
    text
}

/// Names the freshness of an issuer's keys. Keys that were never loaded do not count as expired.
fn state(watches: &KeyWatches, issuer: &Issuer, now: UnixTime) -> &'static str {
    match issuer.keys() {
        KeyState::Held { .. } => watches.freshness(issuer, now).name(),
        KeyState::Unavailable => "never loaded",
    }
}

/// Describes why the last fetch failed, if it did.
fn failure(watches: &KeyWatches, issuer: &Issuer) -> String {
    let failure = watches.of(issuer).and_then(|watch| watch.outlook().failure);
    failure.map_or_else(String::new, |failure| format!("; the last attempt failed: {failure}"))
}

fn one(watches: &KeyWatches, issuer: &Issuer, now: UnixTime) -> Value {
    let (set, warnings, stale_at) = match issuer.keys() {
        KeyState::Held { set, stale_at } => (set.keys(), set.ambiguities(), *stale_at),
        KeyState::Unavailable => (&[][..], Vec::new(), None),
    };
    let key = |Key { id, key, .. }: &Key| {
        json!({
            "key_id": id,
            "algorithm": key.algorithm().name(),
            "thumbprint": base64url::encode(key.thumbprint()),
        })
    };
    let outlook = watches.of(issuer).map(|watch| watch.outlook());
    let fetched_at = outlook.as_ref().and_then(|outlook| outlook.fetched_at);
    let next = outlook.as_ref().and_then(|outlook| outlook.next_attempt);
    json!({
        "issuer": issuer.name(),
        "state": state(watches, issuer, now),
        "fetched_at": fetched_at.map(UnixTime::seconds),
        "stale_at": stale_at.map(UnixTime::seconds),
        "next_attempt_seconds": next.map(|span| span.as_secs()),
        "failure": outlook.and_then(|outlook| outlook.failure),
        "keys": set.iter().map(key).collect::<Vec<_>>(),
        "warnings": warnings,
    })
}

/// Describes when keys were fetched, how long they may be used, when the next fetch is due, and
/// what went wrong.
fn outlook(watches: &KeyWatches, issuer: &Issuer, now: UnixTime) -> String {
    let Some(outlook) = watches.of(issuer).map(|watch| watch.outlook()) else {
        return String::new();
    };
    let span = |span: Duration| format!("{} s", span.as_secs());
    let mut text = String::new();
    if let Some(fetched_at) = outlook.fetched_at {
        let age = now.since(fetched_at).unwrap_or_default();
        write!(text, ", fetched {} ago", span(age)).ok();
    }
    let stale_at = match issuer.keys() {
        KeyState::Held { stale_at, .. } => *stale_at,
        KeyState::Unavailable => None,
    };
    if let Some(left) = stale_at.and_then(|stale_at| stale_at.since(now)) {
        write!(text, ", good for {}", span(left)).ok();
    }
    match outlook.next_attempt {
        Some(next) => write!(text, ", next attempt in {}", span(next)).ok(),
        None => write!(text, ", being fetched").ok(),
    };
    text.push_str(&failure(watches, issuer));
    text
}
