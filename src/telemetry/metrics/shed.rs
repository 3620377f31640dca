//! The reasons for load shedding.

/// The reason for shedding a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ShedCause {
    /// The audit queue is full, and no record may be lost.
    Audit,
    /// Too many bytes are being received or processed.
    Bytes,
    /// Too many connections are open.
    Connections,
    /// Too many streams are open.
    Streams,
    /// Too many tokens are in progress.
    Tokens,
    /// More signature checks are queued than can be done in time.
    Work,
}

impl ShedCause {
    pub(super) const ALL: [Self; 6] =
        [Self::Audit, Self::Bytes, Self::Connections, Self::Streams, Self::Tokens, Self::Work];

    /// The value of the label `cause`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Bytes => "bytes",
            Self::Connections => "connections",
            Self::Streams => "streams",
            Self::Tokens => "tokens",
            Self::Work => "work",
        }
    }
}
