//! What a call holds from its first byte to its end, and on whose account.

use crate::sched::{Account, Leave};
use crate::transport::Origin;
use jwtd_core::policy::Caller;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Leave for the bytes of one call that were received and not yet answered.
#[derive(Clone, Debug)]
pub(super) struct Lease(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    origin: Arc<Origin>,
    held: Mutex<Held>,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) leave: Leave,
    /// How much of it is for the fields and the beginning of the call.
    opening: usize,
    /// What the messages take that were begun and not taken yet.
    pub(super) messages: VecDeque<usize>,
    /// The place of a call that stays open.
    _stream: Option<Leave>,
}

impl Held {
    /// Takes what reading the last message will take; false if there is no room.
    pub(super) fn weigh(&mut self, decoded: usize) -> bool {
        /// It is a part of what each call costs.
        const LITTLE: usize = 1024;

        if decoded <= LITTLE {
            return true;
        }
        if !self.leave.grow(decoded) {
            return false;
        }
        if let Some(message) = self.messages.back_mut() {
            *message = message.saturating_add(decoded);
        }
        true
    }
}

impl Lease {
    /// Of a call of `origin`; `leave` is for its beginning.
    pub(super) fn new(origin: Arc<Origin>, leave: Leave, stream: Option<Leave>) -> Self {
        let (opening, messages) = (leave.amount(), VecDeque::new());
        let held = Mutex::new(Held { leave, opening, messages, _stream: stream });
        Self(Arc::new(Inner { origin, held }))
    }

    pub(super) fn caller(&self) -> &Caller {
        &self.0.origin.caller
    }

    pub(super) fn account(&self) -> &Arc<Account> {
        &self.0.origin.account
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leave for the bytes of the next message, to be held until it is answered.
    pub(super) fn take_message(&self) -> Option<Leave> {
        let mut held = self.lock();
        let size = held.messages.pop_front()?;
        Some(held.leave.split(size))
    }

    /// Gives back what the call took for its beginning: its fields are gone, and what it
    /// takes while it is silent is a part of its place among the streams.
    pub(super) fn settle(&self) {
        let mut held = self.lock();
        let opening = std::mem::take(&mut held.opening);
        held.leave.shrink(opening);
    }
}
