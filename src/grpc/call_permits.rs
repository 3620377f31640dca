//! The permits of a call, from its first byte to its end, and on whose account.

use super::status::CallFault;
use crate::dispatch::{Account, Permit};
use crate::transport::Origin;
use jwtd_core::policy::Caller;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The permits of one call: for its bytes that were received and not yet answered, and for its
/// place if it stays open.
#[derive(Clone, Debug)]
pub(super) struct CallPermits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    origin: Arc<Origin>,
    held: Mutex<Held>,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Permit,
    /// How much of it is for the fields and the beginning of the call.
    opening: usize,
    /// What the messages take that were begun and not taken yet.
    pub(super) messages: VecDeque<usize>,
    /// The place of a call that stays open.
    stream: Option<Permit>,
    /// What its body failed of, which a library may keep to itself.
    pub(super) fault: Option<CallFault>,
}

impl Held {
    /// Takes what reading the last message will take; false if there is no room.
    pub(super) fn weigh(&mut self, decoded: usize) -> bool {
        /// It is a part of what each call costs.
        const LITTLE: usize = 1024;

        if decoded <= LITTLE {
            return true;
        }
        if !self.bytes.grow(decoded) {
            return false;
        }
        if let Some(message) = self.messages.back_mut() {
            *message = message.saturating_add(decoded);
        }
        true
    }
}

impl CallPermits {
    /// Of a call of `origin`; `bytes` is for its beginning.
    pub(super) fn new(origin: Arc<Origin>, bytes: Permit, stream: Option<Permit>) -> Self {
        let (opening, messages) = (bytes.amount(), VecDeque::new());
        let held = Mutex::new(Held { bytes, opening, messages, stream, fault: None });
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

    /// A permit for the bytes of the next message, to be held until it is answered.
    pub(super) fn take_message(&self) -> Option<Permit> {
        let mut held = self.lock();
        let size = held.messages.pop_front()?;
        Some(held.bytes.split(size))
    }

    /// The answer has begun. What a call that stays open took for its beginning goes back; any
    /// other keeps that until its answer is sent, and gives back what it took for its message.
    pub(super) fn answered(&self) {
        let mut held = self.lock();
        if held.stream.is_some() {
            drop(held);
            self.settle();
        } else {
            let rest = held.bytes.amount().saturating_sub(held.opening);
            held.bytes.shrink(rest);
        }
    }

    /// Gives back what the call took for its beginning: its fields are gone, and what it
    /// takes while it is silent is a part of its place among the streams.
    pub(super) fn settle(&self) {
        let mut held = self.lock();
        let opening = std::mem::take(&mut held.opening);
        held.bytes.shrink(opening);
    }
}
