//! The permits of a call, from its first byte to its end, and the account that they are charged to.

use super::status::CallFault;
use crate::dispatch::{Account, Permit};
use crate::transport::Origin;
use jwtd_core::policy::Caller;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The permits of one call: for received bytes without a response yet, and for a stream slot if the
/// call is long-lived.
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
    /// The part of `bytes` for the headers and the setup of the call.
    opening: usize,
    /// The bytes of each message that has begun and was not taken yet.
    pub(super) messages: VecDeque<usize>,
    /// The stream slot of a long-lived call.
    stream: Option<Permit>,
    /// The fault of the body, in case a library does not pass it on.
    pub(super) fault: Option<CallFault>,
}

impl Held {
    /// Admits the memory for decoding the last message; returns false if there is no room.
    pub(super) fn weigh(&mut self, decoded: usize) -> bool {
        /// The decoded bytes that are covered by the setup cost of each call.
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
    /// Creates the permits of a call of `origin`; `bytes` covers its setup.
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

    /// Splits off the permit for the bytes of the next message, to be held until its response.
    pub(super) fn take_message(&self) -> Option<Permit> {
        let mut held = self.lock();
        let size = held.messages.pop_front()?;
        Some(held.bytes.split(size))
    }

    /// Called when the response begins. A long-lived call then releases its setup bytes; any other
    /// call keeps them until its response is sent, and releases the bytes of its message.
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

    /// Releases the setup bytes: the headers are dropped, and the memory of an idle call is covered
    /// by its stream slot.
    pub(super) fn settle(&self) {
        let mut held = self.lock();
        let opening = std::mem::take(&mut held.opening);
        held.bytes.shrink(opening);
    }
}
