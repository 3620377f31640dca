//! What other daemons recorded, taken over in a change.

use super::entry::{EntryId, Tombstone};
use super::error::RevocationStoreError;
use super::tables::{LAST_OWN, META, TOMBSTONES};
use super::writing::{REMOVED, Writing, insert_tombstone, log, tombstone};
use redb::ReadableTable as _;

/// So far beyond the last own number one of ours may lie that we do not know. What is more was
/// never given: our numbers shall not run out by the word of others.
const REACH: u64 = 1 << 32;

/// What is known of an own number that came from elsewhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OwnNumber {
    /// It was given here, or the entry is of another daemon.
    Given,
    /// It was not given here: this store is older than what others have of it. It is never given
    /// now.
    Lost,
    /// It is too far ahead to have been given.
    Impossible,
}

impl Writing {
    /// Sees to it that the number of an entry that came from elsewhere is not given (again) here.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn reserve(&self, id: EntryId) -> Result<OwnNumber, RevocationStoreError> {
        self.within(|change| {
            if id.origin != self.origin {
                return Ok(OwnNumber::Given);
            }
            let last = self.last_own(change)?;
            let mut meta = change.open_table(META)?;
            match id.number.checked_sub(last) {
                None | Some(0) => Ok(OwnNumber::Given),
                Some(ahead) if ahead > REACH => Ok(OwnNumber::Impossible),
                Some(_) => {
                    meta.insert(LAST_OWN, u128::from(id.number))?;
                    Ok(OwnNumber::Lost)
                }
            }
        })
    }

    /// Whether there is a tombstone of this name.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn is_undone(&self, id: EntryId) -> Result<bool, RevocationStoreError> {
        self.within(|change| Ok(change.open_table(TOMBSTONES)?.get(id.key())?.is_some()))
    }

    /// Takes over a tombstone of an entry that is not here; false if it was known. One that did
    /// not know its end learns it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn bury(&self, new: &Tombstone) -> Result<bool, RevocationStoreError> {
        self.within(|change| {
            let known = tombstone(change, new.id)?;
            if known.as_ref().is_some_and(|known| known.is_of_seen() || !new.is_of_seen()) {
                return Ok(false);
            }
            insert_tombstone(change, new)?;
            if known.is_none() {
                log(change, REMOVED, new.id)?;
            }
            Ok(known.is_none())
        })
    }
}
