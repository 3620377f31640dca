//! The reasons why a batch was not decided.

use crate::engine::ForeignProfile;
use crate::telemetry::ShedCause;

/// The reason why a batch was not decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Undecided {
    /// A bug in the daemon.
    Internal,
    /// The deadline passed first.
    Late,
    /// An in-flight limit is reached.
    Overloaded {
        /// The limited resource.
        cause: ShedCause,
        /// The limit.
        limit: usize,
    },
}

impl From<ForeignProfile> for Undecided {
    fn from(ForeignProfile: ForeignProfile) -> Self {
        Self::Internal
    }
}
