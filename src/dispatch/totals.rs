//! The limits of the process, and the amounts in use.

use super::resource::{Amounts, Resource};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The limits of the process, and the amounts that all peers together hold.
#[derive(Debug)]
pub(super) struct Totals {
    pub(super) limits: Amounts,
    pub(super) taken: Amounts<AtomicUsize>,
}

impl Totals {
    /// Creates limits with nothing in use.
    pub(super) fn new(limits: Amounts) -> Self {
        Self { limits, taken: Amounts::default() }
    }

    /// The amount of a resource in use.
    pub(super) fn taken(&self, resource: Resource) -> usize {
        self.taken.of(resource).load(Ordering::Relaxed)
    }

    /// The limit of a resource.
    pub(super) fn limit(&self, resource: Resource) -> usize {
        *self.limits.of(resource)
    }
}
