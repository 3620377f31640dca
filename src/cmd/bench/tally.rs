//! The outcomes of messages and tokens.

use crate::cmd::verify;
use crate::pb;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;

/// The upper bound of the latency histogram.
pub(super) const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Counts and latencies.
#[derive(Debug)]
pub(super) struct LoadTally {
    /// Latencies in nanoseconds, with three significant digits.
    pub(super) latency: Option<Histogram<u64>>,
    pub(super) permits: u64,
    /// Refused tokens, by reason.
    pub(super) refusals: BTreeMap<String, u64>,
    /// Messages without verdicts, by error message.
    pub(super) failures: BTreeMap<String, u64>,
    /// Messages that were due and not sent before the end.
    pub(super) unsent: u64,
    /// The time from the start of the load to the last response.
    pub(super) took: Duration,
}

impl Default for LoadTally {
    fn default() -> Self {
        let most = u64::try_from(LONGEST.as_nanos()).unwrap_or(u64::MAX);
        let latency = Histogram::new_with_bounds(1, most, 3).ok();
        let (refusals, failures) = (BTreeMap::new(), BTreeMap::new());
        Self { latency, permits: 0, refusals, failures, unsent: 0, took: Duration::ZERO }
    }
}

impl LoadTally {
    /// Counts verdicts.
    pub(super) fn judged(&mut self, verdicts: &[pb::Verdict]) {
        for verdict in verdicts {
            if verdict.permit {
                self.permits += 1;
            } else {
                *self.refusals.entry(verify::reason(verdict.reason)).or_default() += 1;
            }
        }
    }

    /// Counts a message that failed.
    pub(super) fn failed(&mut self, why: String) {
        *self.failures.entry(why).or_default() += 1;
    }

    /// Records a response: the time since its message was due, and since the start.
    pub(super) fn answered(&mut self, after: Duration, since_begin: Duration) {
        if let Some(latency) = &mut self.latency {
            latency.saturating_record(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX));
        }
        self.took = self.took.max(since_begin);
    }

    /// The number of verified tokens.
    pub(super) fn tokens(&self) -> u64 {
        self.permits + self.refusals.values().sum::<u64>()
    }

    /// The number of answered messages.
    pub(super) fn messages(&self) -> u64 {
        self.latency.as_ref().map_or(0, Histogram::len)
    }
}
