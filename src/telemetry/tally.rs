//! Counts the verdicts of one traced call by reason, for its span.

use jwtd_core::verify::Reason;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Counts for a traced call, and does nothing for others. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct Tally(Option<Arc<[AtomicI64]>>);

impl Tally {
    /// Creates a tally for a traced call.
    pub(super) fn of_span() -> Self {
        Self(Some((0..=u8::MAX).map(|_| AtomicI64::new(0)).collect()))
    }

    /// Counts verdicts.
    pub fn add(&self, reasons: impl Iterator<Item = Reason>) {
        let Some(counts) = &self.0 else { return };
        for reason in reasons {
            if let Some(count) = counts.get(usize::from(reason.number())) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// The occurring reasons, and their counts.
    pub fn counts(&self) -> impl Iterator<Item = (Reason, i64)> {
        let counts = self.0.as_deref().unwrap_or_default();
        let of = |reason: &Reason| counts.get(usize::from(reason.number()));
        let seen = Reason::ALL.iter().filter_map(move |reason| Some((*reason, of(reason)?)));
        seen.map(|(reason, count)| (reason, count.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
    }
}
