//! The limited resources, and amounts of them.

/// A limited resource.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resource {
    /// Bytes of messages being received, processed or sent.
    Bytes,
    /// Open connections.
    Connections,
    /// Batches that wait for keys; other batches are decided without waiting.
    KeyWaits,
    /// Open streams, which may be idle for as long as the client likes.
    Streams,
    /// Tokens in progress.
    Tokens,
    /// Accepted reading and checking that is not done yet, in microseconds of an idle core. It is
    /// always charged and never refused here: see `backlog`.
    Work,
}

/// An amount of each resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Amounts<T = usize> {
    /// The amount of [`Resource::Bytes`].
    pub bytes: T,
    /// The amount of [`Resource::Connections`].
    pub connections: T,
    /// The amount of [`Resource::KeyWaits`], which cannot be configured.
    pub key_waits: T,
    /// The amount of [`Resource::Streams`].
    pub streams: T,
    /// The amount of [`Resource::Tokens`].
    pub tokens: T,
    /// The amount of [`Resource::Work`], which cannot be configured.
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
