//! The store for as long as it works. After a failure of the disk it takes nothing more, even when
//! the disk is well again: it is let go of, and opened anew.

use super::message::LedgerFault;
use crate::clock::{Clock, later};
use crate::state::{RevocationStore, StateFolder};
use std::time::{Duration, Instant};

/// How long to wait before it is opened anew: a full disk does not become empty at once, and to
/// look through a large store takes long.
const PAUSE: Duration = Duration::from_secs(5);

/// A store that may have been let go of.
#[derive(Debug)]
pub(super) struct Opened {
    /// Nothing while it cannot be used; then when it may be opened.
    store: Result<RevocationStore, Instant>,
    folder: StateFolder,
    origin: u128,
    clock: Clock,
}

impl Opened {
    pub(super) fn new(store: RevocationStore, clock: Clock) -> Self {
        let (folder, origin) = (store.folder().clone(), store.origin());
        Self { store: Ok(store), folder, origin, clock }
    }

    /// The store.
    ///
    /// # Errors
    /// If it cannot be used.
    pub(super) fn get(&self) -> Result<&RevocationStore, LedgerFault> {
        let closed = "the disk failed, and the store is not opened anew yet";
        self.store.as_ref().map_err(|_| LedgerFault::Store(closed.to_owned()))
    }

    /// Lets go of it.
    pub(super) fn close(&mut self) {
        self.close_until(later(self.clock.monotonic(), PAUSE));
    }

    /// Lets go of it until then.
    pub(super) fn close_until(&mut self, due: Instant) {
        self.store = Err(due);
    }

    /// Whether it is time to open it anew.
    pub(super) fn is_due(&self) -> bool {
        self.store.as_ref().is_err_and(|due| *due <= self.clock.monotonic())
    }

    /// Opens it anew.
    ///
    /// # Errors
    /// If it still cannot be used.
    pub(super) fn open(&mut self) -> Result<(), LedgerFault> {
        let store = RevocationStore::open(&self.folder, self.clock.wall())?;
        if store.origin() != self.origin {
            return Err(LedgerFault::Store("the store is that of another daemon".to_owned()));
        }
        self.store = Ok(store);
        Ok(())
    }
}
