//! Unknown key IDs that tokens named, in bounded memory.

use super::moment::Moment;
use std::time::Duration;

/// Key IDs that tokens named and no key had. It distinguishes IDs that recur, as those of a new key
/// do, from IDs that occur once, as in a flood of random ones.
#[derive(Debug)]
pub(super) struct UnknownIds {
    /// Empty until the first ID arrives: most issuers never see one.
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    id: u64,
    /// The number of times the ID occurred, minus the number of times other IDs competed for the
    /// slot.
    count: u32,
    /// The first occurrence.
    since: Moment,
}

/// The known history of an ID.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Seen {
    /// The first occurrence; now, if the ID is not remembered.
    pub(super) since: Moment,
    /// True if the ID keeps recurring.
    pub(super) insists: bool,
}

/// The number of IDs that are remembered, in about 24 KiB.
const SLOTS: usize = 1024;

/// The number of occurrences after which an ID is no longer considered random.
const INSISTS: u32 = 3;

impl UnknownIds {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new() }
    }

    /// Records `id`, a hash that nobody outside can predict. Entries older than `memory` are
    /// forgotten.
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
        // The ID that occurs more often than all others of the slot together keeps it.
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
            // SplitMix64 yields a different value for every step.
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
