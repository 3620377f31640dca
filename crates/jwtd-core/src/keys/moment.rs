//! Points in time of a monotonic clock.

use std::time::Duration;

/// A point in time, as the duration since a fixed start. Sums and differences saturate and never
/// wrap.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Moment(Duration);

impl Moment {
    /// The start of the clock.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// A moment that never comes.
    pub const MAX: Self = Self(Duration::MAX);

    /// The moment `start` after the start of the clock.
    #[must_use]
    pub const fn after(start: Duration) -> Self {
        Self(start)
    }

    /// The moment `span` later.
    #[must_use]
    pub const fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }

    /// The duration since `earlier`; zero if this moment is not later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
