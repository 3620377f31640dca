//! The events that came lately: what comes again does not reach the disk.

use crate::revocation::NamedRequest;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// So many are remembered. Those before them are known by the ledger, which keeps the names of
/// requests for longer than an event may be old.
const MOST: usize = 4096;

/// The last events, by a digest of `iss` and `jti`, with a digest of what they said.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Events>);

#[derive(Debug, Default)]
struct Events {
    known: HashMap<[u8; 32], [u8; 32]>,
    order: VecDeque<[u8; 32]>,
}

impl Seen {
    /// Whether an event of this name came before, and if so whether it said the same.
    pub(super) fn same(&self, event: &NamedRequest) -> Option<bool> {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.known.get(&event.name).map(|demand| *demand == event.demand)
    }

    /// Remembers an event that was dealt with.
    pub(super) fn add(&self, event: &NamedRequest) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if events.known.insert(event.name, event.demand).is_none() {
            events.order.push_back(event.name);
        }
        if events.order.len() > MOST
            && let Some(first) = events.order.pop_front()
        {
            events.known.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_events_are_known_in_bounded_memory() {
        let event = |name: usize, demand: u8| {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&name.to_le_bytes());
            NamedRequest { name: digest, demand: [demand; 32] }
        };
        let seen = Seen::default();
        assert_eq!(seen.same(&event(0, 1)), None);
        for name in 0..=MOST {
            seen.add(&event(name, 1));
            seen.add(&event(name, 1));
        }
        assert_eq!(seen.same(&event(0, 1)), None, "it had to go");
        assert_eq!(seen.same(&event(1, 1)), Some(true));
        assert_eq!(seen.same(&event(1, 2)), Some(false));
        assert_eq!(seen.0.lock().unwrap().known.len(), MOST);
    }
}
