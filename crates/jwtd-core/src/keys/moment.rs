//! Points in time of a clock that never goes back.

use std::time::Duration;

/// A point in time, told by how long it is after a start that stays the same. Sums and
/// differences end at the bounds and never wrap.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Moment(Duration);

impl Moment {
    /// The start.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// One that never comes.
    pub const MAX: Self = Self(Duration::MAX);

    /// So long after the start.
    #[must_use]
    pub const fn after(start: Duration) -> Self {
        Self(start)
    }

    /// So much later.
    #[must_use]
    pub const fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }

    /// How long it is after `earlier`; zero if it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
