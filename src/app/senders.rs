//! The start of what is known of senders, and its metrics.

use crate::clock::Clock;
use crate::config::{DpopSettings, Startup};
use crate::engine::Senders;
use crate::telemetry::Gauges;
use jwtd_core::jose::UnixTime;
use jwtd_core::verify::{Nonces, ProofRules};

/// Creates the rules for the proofs of senders, and an empty memory of them.
pub(super) fn begin(startup: &Startup, clock: &Clock) -> Senders {
    let Startup { dpop, replay, .. } = startup;
    let DpopSettings { algorithms, max_age, clock_skew, nonce_lifetime, .. } = *dpop;
    let key = dpop.nonce_key.as_ref().map(|own| own.key.clone());
    let nonces = key.map(|key| Nonces::new(key, nonce_lifetime));
    let nonces = nonces.or_else(|| Senders::own_nonces(nonce_lifetime));
    let rules = ProofRules { algorithms, max_age, clock_skew, nonces, unseen_until: None };
    let mut senders = Senders::new(rules, &replay.domain, replay.max_bytes, clock.wall());
    senders.accepts_unshared = replay.accepts_unshared;
    if replay.redis.is_some() && !replay.accepts_unshared {
        // It remembers what was presented before the start.
        senders.rules.unseen_until = None;
    }
    senders
}

/// Shows the size of the memory at `now`.
pub(super) fn show(senders: &Senders, gauges: &Gauges, now: UnixTime) {
    senders.memory.settle(now);
    let [entries, bytes] = [senders.memory.entries(), senders.memory.bytes()];
    let whole = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    gauges.set_replay_memory(whole(entries), whole(bytes));
    gauges.set_limit("replay_memory_bytes", senders.memory.max_bytes());
}
