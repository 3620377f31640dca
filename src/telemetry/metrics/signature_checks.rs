//! Counts checked signatures.

use jwtd_core::jose::Algorithm;
use prometheus::{IntCounter, IntCounterVec};

/// Handles of a counter of checked signatures, by algorithm and result.
#[derive(Debug)]
pub struct SignatureChecks(Vec<[IntCounter; 2]>);

impl SignatureChecks {
    pub(super) fn new(vector: &IntCounterVec) -> Self {
        let of = |algorithm: &Algorithm| {
            ["bad", "good"].map(|result| vector.with_label_values(&[algorithm.name(), result]))
        };
        Self(Algorithm::ALL.iter().map(of).collect())
    }

    /// Counts one checked signature.
    pub fn add(&self, algorithm: Algorithm, good: bool) {
        if let Some([bad_count, good_count]) = self.0.get(usize::from(algorithm.index())) {
            if good { good_count.inc() } else { bad_count.inc() }
        }
    }
}
