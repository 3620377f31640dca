//! One presentation of something that counts but once.

use jwtd_core::jose::UnixTime;

/// A presentation of something that counts but once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Presentation {
    /// A hash that no other proof or token has.
    pub key: [u8; 16],
    /// A hash of the sender, whose share of the memory it takes; `None` for a one-time token, which
    /// takes no share.
    pub owner: Option<[u8; 16]>,
    /// The time until which it is accepted, and therefore remembered.
    pub until: UnixTime,
    /// A hash of the caller and of the id that it gave this presentation; `None` if it gave none.
    pub retry: Option<[u8; 16]>,
}

/// The result of a look at the memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presented {
    /// It is the first.
    Fresh,
    /// It is a retry of the first one, by the same caller.
    Retried,
    /// There was one before.
    Replayed,
    /// Its time was forgotten already: the clock was set back.
    Forgotten,
    /// The memory is full.
    Full,
    /// The share of its sender is full.
    ShareFull,
}
