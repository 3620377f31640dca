//! Watches the wall clock: a jump makes the keys of every issuer due for a fetch.

use super::key_watches::KeyWatches;
use crate::clock::{Clock, Jump, Reading};
use crate::engine::{Engine, Snapshot};
use jwtd_core::keys::{Issuer, IssuerIndex, KeyState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Detects jumps of the wall clock.
///
/// The wall clock gives the age of keys, and the monotonic clock the time of the next fetch. After
/// a jump forward beyond `max_stale`, every token gets KEYS_STALE, and without this watch nothing
/// would be fetched before the next regular attempt.
#[derive(Debug)]
pub struct ClockWatch {
    engine: Arc<Engine>,
    watches: KeyWatches,
    clock: Clock,
    last: Mutex<Reading>,
}

/// The longest time until a jump is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl ClockWatch {
    /// Starts to watch `clock`.
    #[must_use]
    pub fn new(engine: Arc<Engine>, watches: KeyWatches, clock: Clock) -> Arc<Self> {
        let last = Mutex::new(clock.reading());
        Arc::new(Self { engine, watches, clock, last })
    }

    /// Checks the clock every second, for as long as it is polled.
    pub async fn run(self: Arc<Self>) {
        loop {
            self.clock.sleep(LOOK_EVERY).await;
            self.look();
        }
    }

    fn look(&self) {
        let now = self.clock.reading();
        let before = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *last, now)
        };
        if let Some(jump) = before.jump_to(&now) {
            self.jumped(jump);
        }
    }

    fn jumped(&self, jump: Jump) {
        let (direction, seconds) = (jump.direction(), jump.span().as_secs());
        self.engine.metrics.clock_jumped(jump);
        tracing::warn!(direction, seconds, "the clock jumped; the keys of all issuers are due");
        let snapshot = self.engine.current.load();
        for (place, issuer) in snapshot.issuers().iter() {
            let Some(watch) = self.watches.of(issuer) else { continue };
            let earlier = watch.clock_jumped(jump);
            if !earlier.is_zero() {
                self.age(&snapshot, place, earlier);
            }
        }
    }

    /// Moves the fetch time of an issuer's keys in `seen` back by `earlier`.
    fn age(&self, seen: &Arc<Snapshot>, place: IssuerIndex, earlier: Duration) {
        let keys_of = |snapshot: &Snapshot| match snapshot.issuers().get(place).map(Issuer::keys) {
            Some(KeyState::Held { set, stale_at }) => Some((Arc::clone(set), (*stale_at)?)),
            Some(KeyState::Unavailable) | None => None,
        };
        let Some((seen_set, seen_at)) = keys_of(seen) else { return };
        self.engine.current.update(|snapshot| {
            let same = snapshot.is_of_configuration_of(seen);
            match keys_of(snapshot).filter(|_| same) {
                // Other keys, or keys fetched in the meantime, have a correct time.
                Some((set, at)) if Arc::ptr_eq(&set, &seen_set) && at == seen_at => {
                    let stale_at = Some(at.minus(earlier));
                    let keys = KeyState::Held { set, stale_at };
                    Arc::new(snapshot.with_keys(place, keys))
                }
                _ => Arc::clone(snapshot),
            }
        });
    }
}
