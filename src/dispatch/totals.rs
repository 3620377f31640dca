//! The bounds of the process, and what is taken of them.

use super::resource::{Amounts, Resource};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bounds of the process, and what all peers together have taken of them.
#[derive(Debug)]
pub(super) struct Totals {
    pub(super) limits: Amounts,
    pub(super) taken: Amounts<AtomicUsize>,
}

impl Totals {
    /// Bounds of which nothing is taken.
    pub(super) fn new(limits: Amounts) -> Self {
        Self { limits, taken: Amounts::default() }
    }

    /// How much of a resource is taken now.
    pub(super) fn taken(&self, resource: Resource) -> usize {
        self.taken.of(resource).load(Ordering::Relaxed)
    }

    /// How much of a resource there is.
    pub(super) fn limit(&self, resource: Resource) -> usize {
        *self.limits.of(resource)
    }
}
