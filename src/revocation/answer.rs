//! What those are answered who asked for a change: it waits for the end of their group, and then
//! for its commit.

use super::message::{LedgerFault, Merged, Reply, Undone};
use crate::state::{EntryId, RevocationEntry, Writing};
use jwtd_core::verify::RevocationTarget;
use std::collections::BTreeSet;

/// So many other entries that revoke the same are answered, and so many bytes of their texts.
const OTHERS: usize = 1000;
const OTHERS_BYTES: usize = 1 << 20;

/// An answer that waits for the end of its group. Dropped, it says that the recorder failed.
pub(super) enum Waiting {
    Revoked(Reply<Vec<RevocationEntry>>, Result<Vec<EntryId>, LedgerFault>),
    Undone(Reply<Undone>, Undone, BTreeSet<RevocationTarget>),
    Merged(Reply<Merged>, Result<Merged, LedgerFault>),
    Noted(Reply<()>),
}

/// An answer that waits for the commit.
pub(super) enum Answer {
    Revoked(Reply<Vec<RevocationEntry>>, Result<Vec<RevocationEntry>, LedgerFault>),
    Undone(Reply<Undone>, Undone),
    Merged(Reply<Merged>, Result<Merged, LedgerFault>),
    Noted(Reply<()>),
}

impl Waiting {
    /// Says what is in force at the end of the group.
    pub(super) fn answer(self, change: &Writing) -> Result<Answer, LedgerFault> {
        let entries = |ids: Vec<EntryId>| {
            let found = ids.into_iter().filter_map(|id| change.entry(id).transpose());
            found.collect::<Result<Vec<_>, _>>()
        };
        Ok(match self {
            Self::Revoked(reply, Err(fault)) => Answer::Revoked(reply, Err(fault)),
            Self::Merged(reply, merged) => Answer::Merged(reply, merged),
            Self::Noted(reply) => Answer::Noted(reply),
            Self::Revoked(reply, Ok(ids)) => Answer::Revoked(reply, Ok(entries(ids)?)),
            Self::Undone(reply, undone, targets) => {
                let (standing, partial) = others(change, &targets)?;
                Answer::Undone(reply, Undone { standing, partial, ..undone })
            }
        })
    }
}

impl Answer {
    /// Nobody may wait for it any more.
    pub(super) fn send(self) {
        match self {
            Self::Revoked(reply, answer) => drop(reply.send(answer)),
            Self::Undone(reply, undone) => drop(reply.send(Ok(undone))),
            Self::Merged(reply, merged) => drop(reply.send(merged)),
            Self::Noted(reply) => drop(reply.send(Ok(()))),
        }
    }
}

/// Entries that revoke these; and whether there are more than are given.
fn others(
    change: &Writing,
    targets: &BTreeSet<RevocationTarget>,
) -> Result<(Vec<RevocationEntry>, bool), LedgerFault> {
    let (mut found, mut bytes) = (Vec::new(), 0_usize);
    for target in targets {
        let most = OTHERS.saturating_sub(found.len()).saturating_add(1);
        for (id, _) in change.entries_of(target, most)? {
            let Some(entry) = change.entry(id)? else { continue };
            if found.len() >= OTHERS || bytes > OTHERS_BYTES {
                return Ok((found, true));
            }
            let texts = [target.issuer(), target.value(), &entry.source, &entry.comment];
            bytes = texts.into_iter().map(str::len).fold(bytes, usize::saturating_add);
            found.push(entry);
        }
    }
    Ok((found, false))
}
