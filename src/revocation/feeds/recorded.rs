//! The entries that a feed recorded, as its task knows them: read from the store when it begins,
//! and kept by what the log tells.

use super::handle::FeedHandle;
use crate::revocation::{LedgerFault, Wanted};
use crate::state::{EntryEnd, EntryFilter, EntryId, RevocationEntry};
use jwtd_core::crypto::{Digest, digest};
use jwtd_core::verify::{RevocationTarget, Standing};
use std::collections::HashMap;

/// The entries of a feed. Of what they revoke a digest is kept: a list may be long.
#[derive(Debug)]
pub(super) struct Recorded {
    /// The daemon. Of what others recorded of the same list, each undoes its own: one that holds an
    /// older list must not undo what it does not know yet.
    origin: u128,
    entries: HashMap<Digest, Vec<Own>>,
    /// What each of them revokes.
    targets: HashMap<EntryId, Digest>,
    /// Up to which change of the log that is so; nothing before it was read.
    number: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Own {
    id: EntryId,
    standing: Standing,
    end: EntryEnd,
    /// The last reading that held it.
    seen: u64,
}

/// The most entries of a page, and changes of a look at the log.
const PAGE: usize = 1000;

impl Recorded {
    /// Nothing is known yet.
    pub(super) fn new(origin: u128) -> Self {
        let (entries, targets, number) = Default::default();
        Self { origin, entries, targets, number }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.targets.len()
    }

    /// Takes over what happened since the last time; true if entries went that were known.
    pub(super) async fn follow(&mut self, handle: &FeedHandle) -> Result<bool, LedgerFault> {
        let last = *handle.ledger().news().borrow();
        let Some(mut number) = self.number else {
            return self.load(handle, last).await.map(|()| false);
        };
        let mut lost = false;
        while number < last {
            let changes = handle.patiently(|| handle.ledger().changes(number, PAGE)).await?;
            let Some(changes) = changes else {
                // The log does not reach back so far.
                let before = self.len();
                self.load(handle, last).await?;
                return Ok(lost || self.len() < before);
            };
            let Some(newest) = changes.last() else { break };
            number = newest.number;
            for change in changes {
                match change.entry {
                    Some(entry) => self.add(&entry, handle.source(), 0),
                    None => lost |= self.remove(change.id),
                }
            }
            self.number = Some(number);
        }
        Ok(lost)
    }

    /// Reads all of them from the store.
    async fn load(&mut self, handle: &FeedHandle, number: u64) -> Result<(), LedgerFault> {
        *self = Self::new(self.origin);
        let filter = EntryFilter { source: Some(handle.source().into()), ..Default::default() };
        let mut after = None;
        loop {
            let page = || handle.ledger().list(filter.clone(), after, PAGE);
            let (entries, next) = handle.patiently(page).await?;
            for entry in entries {
                self.add(&entry, handle.source(), 0);
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        // What changed meanwhile is in the log.
        self.number = Some(number);
        Ok(())
    }

    /// Takes an entry over, if it is the feed's.
    pub(super) fn add(&mut self, entry: &RevocationEntry, source: &str, seen: u64) {
        if *entry.source != *source {
            return;
        }
        let target = target_digest(&entry.target);
        let own = self.entries.entry(target).or_default();
        if let Some(known) = own.iter_mut().find(|known| known.id == entry.id) {
            known.seen = known.seen.max(seen);
            return;
        }
        own.push(Own { id: entry.id, standing: entry.standing, end: entry.end, seen });
        self.targets.insert(entry.id, target);
    }

    /// Forgets an entry; false if it was not known.
    pub(super) fn remove(&mut self, id: EntryId) -> bool {
        let Some(target) = self.targets.remove(&id) else { return false };
        if let Some(own) = self.entries.get_mut(&target) {
            own.retain(|one| one.id != id);
            if own.is_empty() {
                self.entries.remove(&target);
            }
        }
        true
    }

    /// Whether an entry says this; if so, the reading `seen` held it.
    pub(super) fn see(&mut self, wanted: &Wanted, seen: u64) -> bool {
        let own = self.entries.get_mut(&target_digest(&wanted.target));
        let same = |own: &&mut Own| own.standing == wanted.standing && is_same_end(own, wanted);
        match own.and_then(|own| own.iter_mut().find(same)) {
            Some(own) => {
                own.seen = seen;
                true
            }
            None => false,
        }
    }

    /// Those of this daemon that the reading `seen` did not hold.
    pub(super) fn unseen(&self, seen: u64) -> Vec<EntryId> {
        let all = self.entries.values().flatten();
        let all = all.filter(|own| own.seen != seen && own.id.origin == self.origin);
        all.map(|own| own.id).collect()
    }
}

/// Without a time of its own, an entry ends by the moment at which it was recorded. A changed
/// `max_lifetime` makes no other entry.
fn is_same_end(own: &Own, wanted: &Wanted) -> bool {
    match (own.end, wanted.end) {
        (EntryEnd::LastIssued { time, .. }, EntryEnd::LastIssued { time: wanted_time, .. }) => {
            wanted.standing == Standing::Always || time == wanted_time
        }
        (own, wanted) => own == wanted,
    }
}

fn target_digest(target: &RevocationTarget) -> Digest {
    digest([target.kind().name(), target.issuer(), target.value()].map(str::as_bytes))
}
