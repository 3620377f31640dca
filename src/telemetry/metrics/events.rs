//! Events that feeds of revocation received.

use prometheus::core::Collector;
use prometheus::{IntCounterVec, Opts};

/// Handles of `revocation_events_total`.
#[derive(Debug)]
pub struct EventCounters(IntCounterVec);

/// What became of an event.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum EventOutcome {
    /// It is of a type that revokes nothing.
    Ignored,
    /// It verified the stream.
    Verified,
    /// It told of a change of the stream.
    Updated,
    /// What it revokes is in force.
    Recorded,
    /// It came before.
    Repeated,
    /// It names nobody who is known here.
    Unmapped,
    /// Too many events came at once: the sender is told to try again.
    Busy,
    /// It could not be judged or recorded now: the sender is told to try again.
    Failed,
    /// The feed may not revoke what it names.
    NotPermitted,
    /// It is not good, or its sender is not authorized.
    Refused,
}

impl EventOutcome {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Ignored,
        Self::Verified,
        Self::Updated,
        Self::Recorded,
        Self::Repeated,
        Self::Unmapped,
        Self::Busy,
        Self::Failed,
        Self::NotPermitted,
        Self::Refused,
    ];

    /// As metrics and logs name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::Verified => "verified",
            Self::Updated => "updated",
            Self::Recorded => "recorded",
            Self::Repeated => "repeated",
            Self::Unmapped => "unmapped",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NotPermitted => "not_permitted",
            Self::Refused => "refused",
        }
    }
}

impl EventCounters {
    #[expect(clippy::expect_used, reason = "the names are constant and valid")]
    pub(super) fn new(add: &impl Fn(Box<dyn Collector>)) -> Self {
        let options = Opts::new(
            "jwtd_revocation_events_total",
            "Logout tokens and security event tokens that came, by feed and outcome.",
        );
        let vector = IntCounterVec::new(options, &["feed", "outcome"]).expect("valid names");
        add(Box::new(vector.clone()));
        Self(vector)
    }

    /// The series of this feed begin.
    pub fn begin(&self, feed: &str) {
        for outcome in EventOutcome::ALL {
            self.0.with_label_values(&[feed, outcome.name()]);
        }
    }

    /// Counts an event.
    pub fn count(&self, feed: &str, outcome: EventOutcome) {
        self.0.with_label_values(&[feed, outcome.name()]).inc();
    }
}
