//! What is bounded, and amounts of it.

/// What is bounded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resource {
    /// Bytes of messages being received, worked on or sent.
    Bytes,
    /// Open connections.
    Connections,
    /// Batches that wait for keys; the others do without.
    KeyWaits,
    /// Open calls that may be silent for as long as the client likes.
    Streams,
    /// Tokens being worked on.
    Tokens,
    /// Reading and checks that were taken on and are not done yet, in microseconds of an idle
    /// core. It is charged, and never refused here: see `backlog`.
    Work,
}

/// An amount of each resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Amounts<T = usize> {
    /// Of [`Resource::Bytes`].
    pub bytes: T,
    /// Of [`Resource::Connections`].
    pub connections: T,
    /// Of [`Resource::KeyWaits`], which nobody configures.
    pub key_waits: T,
    /// Of [`Resource::Streams`].
    pub streams: T,
    /// Of [`Resource::Tokens`].
    pub tokens: T,
    /// Of [`Resource::Work`], which nobody configures.
    pub work: T,
}

impl<T> Amounts<T> {
    /// The amount of one resource.
    pub(super) fn of(&self, resource: Resource) -> &T {
        match resource {
            Resource::Bytes => &self.bytes,
            Resource::Connections => &self.connections,
            Resource::KeyWaits => &self.key_waits,
            Resource::Streams => &self.streams,
            Resource::Tokens => &self.tokens,
            Resource::Work => &self.work,
        }
    }
}
