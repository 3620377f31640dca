//! Why a batch is not decided.

use crate::engine::ForeignProfile;
use crate::telemetry::ShedCause;

/// Why a batch is not decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Undecided {
    /// A bug.
    Internal,
    /// The deadline came before the end.
    Late,
    /// It does not fit what is in flight.
    Overloaded {
        /// What there is too much of.
        cause: ShedCause,
        /// The most of it.
        limit: usize,
    },
}

impl From<ForeignProfile> for Undecided {
    fn from(ForeignProfile: ForeignProfile) -> Self {
        Self::Internal
    }
}
