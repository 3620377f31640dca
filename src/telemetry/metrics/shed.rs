//! Why load is shed.

/// Why load was shed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ShedCause {
    /// The audit log has no room, and no record may be lost.
    Audit,
    /// Too many bytes are being received or worked on.
    Bytes,
    /// Too many connections are open.
    Connections,
    /// Too many calls that may be silent are open.
    Streams,
    /// Too many tokens are being worked on.
    Tokens,
    /// More signature checks wait than can be done in time.
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
