//! Answers that fit: none is larger than what clients of every language accept by default.

use super::status::CallFault;
use crate::dispatch::Permit;
use prost::Message;

/// The largest answer.
pub(super) const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// What the messages around verdicts take: their tags and lengths, and an id.
const ENVELOPE: usize = 64;

/// An answer that is not too large, with a permit for the room that it takes.
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
    /// What was measured while it was made, in `room`; without what is put around it later.
    pub(super) fn made(message: T, count: usize, room: Option<Permit>) -> Result<Self, CallFault> {
        check(count.saturating_add(ENVELOPE))?;
        Ok(Self { message, room })
    }

    /// With a little around it.
    pub(super) fn map<U>(self, wrap: impl FnOnce(T) -> U) -> Fit<U> {
        Fit { message: wrap(self.message), room: self.room }
    }

    /// The answer, and a permit for its room, to be held until it is encoded.
    pub(super) fn into_parts(self) -> (T, Option<Permit>) {
        (self.message, self.room)
    }
}

/// Whether so many bytes may be answered.
///
/// # Errors
/// If they are too many.
pub(super) fn check(count: usize) -> Result<(), CallFault> {
    if count > ANSWER_BYTES {
        return Err(CallFault::ReplyTooLarge { count, limit: ANSWER_BYTES });
    }
    Ok(())
}
