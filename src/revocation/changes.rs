//! What one commit brings, and what it looks up in the store for that.

use super::message::{LedgerFault, Undone, Wanted};
use crate::state::{EntryEnd, EntryId, RevocationEntry, Writing};
use jwtd_core::verify::RevocationTarget;
use std::collections::BTreeSet;
use std::time::Duration;

/// So many entries for one target are looked through for one that says the same.
const SAME: usize = 64;

/// Two requests within this are of one moment.
const SAME_MOMENT: Duration = Duration::from_secs(60);

/// What a commit brings.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) touched: BTreeSet<RevocationTarget>,
    pub(super) added: u64,
    pub(super) undone: u64,
    pub(super) ended: u64,
    /// What was removed, requests and marks of what was undone too.
    pub(super) swept: usize,
}

/// An entry of the same caller that says the same already: it is shared, so that repetitions fill
/// neither the store nor an answer.
pub(super) fn same(
    change: &Writing,
    wanted: &Wanted,
    source: &str,
) -> Result<Option<EntryId>, LedgerFault> {
    let Wanted { target, standing, end, comment } = wanted;
    for (id, _) in change.entries_of(target, SAME)?.into_iter().filter(|(_, own)| own == standing) {
        let entry = change.entry(id)?;
        let says = |entry: &RevocationEntry| {
            (&*entry.source, &entry.comment) == (source, comment) && lasts_as_long(entry.end, *end)
        };
        if entry.as_ref().is_some_and(says) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Whether an entry with this end serves one who wants the other. Ends that hang on now move on
/// from one request to the next; a minute is far within what entries are kept longer.
fn lasts_as_long(own: EntryEnd, wanted: EntryEnd) -> bool {
    match (own, wanted) {
        (
            EntryEnd::LastIssued { time: own, lifetime: known },
            EntryEnd::LastIssued { time: wanted, lifetime },
        ) => own <= wanted && wanted <= own.plus(SAME_MOMENT) && known == lifetime,
        _ => own == wanted,
    }
}

/// Undoes entries, if there is room for the marks of those that come only later; gives those that
/// were in force, and what they revoked.
pub(super) fn undo(
    change: &Writing,
    ids: &[EntryId],
    max_entries: u64,
    changes: &mut Changes,
) -> Result<Result<(Undone, BTreeSet<RevocationTarget>), LedgerFault>, LedgerFault> {
    let (mut undone, mut room) = (Undone::default(), max_entries.saturating_sub(change.count()?));
    for id in ids {
        if change.is_unseen(*id)? {
            let Some(left) = room.checked_sub(1) else {
                return Ok(Err(LedgerFault::Full { limit: max_entries }));
            };
            room = left;
        }
    }
    for id in ids {
        undone.undone.extend(change.undo(*id)?);
    }
    let count = u64::try_from(undone.undone.len()).unwrap_or(u64::MAX);
    changes.undone = changes.undone.saturating_add(count);
    let targets: BTreeSet<_> = undone.undone.iter().map(|entry| entry.target.clone()).collect();
    changes.touched.extend(targets.iter().cloned());
    Ok(Ok((undone, targets)))
}
