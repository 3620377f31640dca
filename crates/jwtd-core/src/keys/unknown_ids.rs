//! Which key ids tokens named in vain, in bounded memory.

use super::moment::Moment;
use std::time::Duration;

/// Ids that tokens named and no key had. It tells ids that come again and again, as
/// those of a new key do, from ids that come once, as in a flood of random ones.
#[derive(Debug)]
pub(super) struct UnknownIds {
    /// Empty until the first id comes: most issuers never see one.
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    id: u64,
    /// How often it came, less how often others wanted its place.
    count: u32,
    /// When it came first.
    since: Moment,
}

/// What is known of an id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Seen {
    /// When it came first; an id that is not remembered comes first now.
    pub(super) since: Moment,
    /// Whether it comes again and again.
    pub(super) insists: bool,
}

/// How many ids are remembered, in about 24 KiB.
const SLOTS: usize = 1024;

/// How often an id must come before it is thought to be no random one.
const INSISTS: u32 = 3;

impl UnknownIds {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new() }
    }

    /// Takes note of `id`, a hash that nobody outside can aim. What is older than
    /// `memory` is forgotten.
    pub(super) fn note(&mut self, id: u64, now: Moment, memory: Duration) -> Seen {
        if self.slots.is_empty() {
            self.slots = vec![Slot::default(); SLOTS];
        }
        let place = usize::try_from(id).unwrap_or(usize::MAX) % SLOTS;
        let newcomer = Seen { since: now, insists: false };
        let Some(slot) = self.slots.get_mut(place) else {
            return newcomer;
        };
        let forgotten = now.since(slot.since) >= memory;
        if slot.id == id && slot.count > 0 && !forgotten {
            slot.count = slot.count.saturating_add(1);
            return Seen { since: slot.since, insists: slot.count >= INSISTS };
        }
        // Whoever comes more often than all others of the place together keeps it.
        slot.count = if forgotten { 0 } else { slot.count.saturating_sub(1) };
        if slot.count == 0 {
            *slot = Slot { id, count: 1, since: now };
        }
        newcomer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY: Duration = Duration::from_secs(30);

    fn second(count: u64) -> Moment {
        Moment::after(Duration::from_secs(count))
    }

    #[test]
    #[cfg_attr(miri, ignore = "too long")]
    fn an_id_that_comes_again_is_told_from_a_flood_of_random_ones() {
        let mut ids = UnknownIds::new();
        let real = 0x1234_5678_9abc_def0;
        let mut insisted = 0;
        for step in 0..200_000_u64 {
            let now = Moment::after(Duration::from_micros(step * 10));
            // SplitMix64: no two are equal.
            let junk = crate::keys::refresh::mix(step);
            insisted += u32::from(ids.note(junk, now, MEMORY).insists);
            if step % 100 == 99 {
                ids.note(real, now, MEMORY);
            }
        }
        assert_eq!(insisted, 0);
        assert!(ids.note(real, second(2), MEMORY).insists);
    }

    #[test]
    fn an_id_is_forgotten_after_a_while() {
        let mut ids = UnknownIds::new();
        assert_eq!(ids.note(7, second(1), MEMORY), Seen { since: second(1), insists: false });
        assert_eq!(ids.note(7, second(30), MEMORY).since, second(1));
        assert_eq!(ids.note(7, second(31), MEMORY).since, second(31));
    }

    #[test]
    fn an_id_that_looks_like_an_empty_place_is_new_too() {
        let mut ids = UnknownIds::new();
        assert_eq!(ids.note(0, second(1), MEMORY), Seen { since: second(1), insists: false });
    }
}
