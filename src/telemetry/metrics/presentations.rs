//! Counts presentations of what counts but once.

use prometheus::{IntCounter, IntCounterVec};

/// The result of a presentation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PresentationResult {
    /// It was the first.
    First,
    /// The memory is full.
    Full,
    /// There was one before.
    Replay,
    /// It was a retry of the first.
    Retry,
    /// The share of its sender is full.
    ShareFull,
    /// The shared memory does not answer.
    Unreachable,
}

impl PresentationResult {
    const ALL: [Self; 6] =
        [Self::First, Self::Full, Self::Replay, Self::Retry, Self::ShareFull, Self::Unreachable];

    const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Full => "full",
            Self::Replay => "replay",
            Self::Retry => "retry",
            Self::ShareFull => "share_full",
            Self::Unreachable => "unreachable",
        }
    }
}

/// Handles of `presentations_total` or `shared_presentations_total`.
#[derive(Debug)]
pub struct Presentations([(PresentationResult, IntCounter); 6]);

impl Presentations {
    /// Creates those of this process, and those of the shared memory.
    pub(super) fn both(counter: &dyn Fn(&str, &str, &[&str]) -> IntCounterVec) -> [Self; 2] {
        let own = counter(
            "jwtd_presentations_total",
            "Good DPoP proofs and one-time tokens that were presented, by what was known of them.",
            &["result"],
        );
        let shared = counter(
            "jwtd_shared_presentations_total",
            "Good DPoP proofs and one-time tokens of which the shared memory was asked, by its answer.",
            &["result"],
        );
        [own, shared].map(|vector| Self::new(&vector))
    }

    fn new(vector: &IntCounterVec) -> Self {
        let of = |result: PresentationResult| (result, vector.with_label_values(&[result.name()]));
        Self(PresentationResult::ALL.map(of))
    }

    /// Counts one presentation.
    pub fn add(&self, result: PresentationResult) {
        let found = self.0.iter().find(|(own, _)| *own == result);
        found.iter().for_each(|(_, counter)| counter.inc());
    }
}
