//! What became of messages and tokens.

use crate::cmd::verify;
use crate::pb;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest latency that is told apart from longer ones.
pub(super) const LONGEST: Duration = Duration::from_secs(60);

/// Counts, and how long messages took.
#[derive(Debug)]
pub(super) struct Tally {
    /// In nanoseconds, to three digits.
    pub(super) latency: Option<Histogram<u64>>,
    pub(super) permits: u64,
    /// Tokens that were refused, by reason.
    pub(super) refusals: BTreeMap<String, u64>,
    /// Messages without verdicts, by what was said.
    pub(super) failures: BTreeMap<String, u64>,
}

impl Default for Tally {
    fn default() -> Self {
        let most = u64::try_from(LONGEST.as_nanos()).unwrap_or(u64::MAX);
        let latency = Histogram::new_with_bounds(1, most, 3).ok();
        Self { latency, permits: 0, refusals: BTreeMap::new(), failures: BTreeMap::new() }
    }
}

impl Tally {
    /// Counts verdicts.
    pub(super) fn judged(&mut self, verdicts: &[pb::Verdict]) {
        for verdict in verdicts {
            if verdict.permit {
                self.permits += 1;
            } else {
                self.refused(verify::reason(verdict.reason));
            }
        }
    }

    /// Counts a token that was refused.
    pub(super) fn refused(&mut self, reason: String) {
        *self.refusals.entry(reason).or_default() += 1;
    }

    /// Counts a message that failed.
    pub(super) fn failed(&mut self, why: String) {
        *self.failures.entry(why).or_default() += 1;
    }

    /// An answer came so long after its message was due.
    pub(super) fn answered(&mut self, after: Duration) {
        if let Some(latency) = &mut self.latency {
            latency.saturating_record(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// Adds what another counted.
    pub(super) fn add(&mut self, other: Self) {
        if let (Some(own), Some(more)) = (&mut self.latency, &other.latency) {
            // The bounds are the same, so that nothing is lost.
            own.add(more).ok();
        }
        self.permits += other.permits;
        for (reason, count) in other.refusals {
            *self.refusals.entry(reason).or_default() += count;
        }
        for (why, count) in other.failures {
            *self.failures.entry(why).or_default() += count;
        }
    }

    /// Tokens that were judged.
    pub(super) fn tokens(&self) -> u64 {
        self.permits + self.refusals.values().sum::<u64>()
    }

    /// Messages that were answered.
    pub(super) fn messages(&self) -> u64 {
        self.latency.as_ref().map_or(0, Histogram::len)
    }
}
