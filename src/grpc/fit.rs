//! Keeps responses within the size that clients of every language accept by default.

use super::status::CallFault;
use crate::dispatch::Permit;
use prost::Message;

/// The largest response, in bytes.
pub(super) const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// The bytes around the verdicts in a response: tags and lengths, and an id.
const ENVELOPE: usize = 64;

/// A response within the limit, with a permit for its memory.
#[derive(Debug)]
pub(super) struct Fit<T> {
    message: T,
    room: Option<Permit>,
}

impl<T: Message> Fit<T> {
    /// Measures a message.
    ///
    /// # Errors
    /// If it is too large.
    pub(super) fn measured(message: T) -> Result<Self, CallFault> {
        let count = message.encoded_len();
        check(count)?;
        Ok(Self { message, room: None })
    }
}

impl<T> Fit<T> {
    /// Wraps a message that was measured while it was built, with its permit; excludes what is
    /// added around it later.
    pub(super) fn made(message: T, count: usize, room: Option<Permit>) -> Result<Self, CallFault> {
        check(count.saturating_add(ENVELOPE))?;
        Ok(Self { message, room })
    }

    /// Wraps the message in a small envelope.
    pub(super) fn map<U>(self, wrap: impl FnOnce(T) -> U) -> Fit<U> {
        Fit { message: wrap(self.message), room: self.room }
    }

    /// The response, and the permit to hold until it is encoded.
    pub(super) fn into_parts(self) -> (T, Option<Permit>) {
        (self.message, self.room)
    }
}

/// Checks the size of a response, in bytes.
///
/// # Errors
/// If it is too large.
pub(super) fn check(count: usize) -> Result<(), CallFault> {
    if count > ANSWER_BYTES {
        return Err(CallFault::ReplyTooLarge { count, limit: ANSWER_BYTES });
    }
    Ok(())
}
