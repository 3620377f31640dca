//! Counts events that revocation feeds received.

use prometheus::core::Collector;
use prometheus::{IntCounterVec, Opts};

/// Handles of `revocation_events_total`.
#[derive(Debug)]
pub struct EventCounters(IntCounterVec);

/// The outcome of an event.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum EventOutcome {
    /// Its type revokes nothing.
    Ignored,
    /// It verified the stream.
    Verified,
    /// It reported a change of the stream.
    Updated,
    /// Its revocation is in force.
    Recorded,
    /// It was received before.
    Repeated,
    /// It names no subject that is known here.
    Unmapped,
    /// Too many events arrived at once: the sender must retry.
    Busy,
    /// It could not be verified or recorded now: the sender must retry.
    Failed,
    /// The feed lacks the permission for its revocation.
    NotPermitted,
    /// It is invalid, or its sender is not authorized.
    Refused,
}

impl EventOutcome {
    /// All outcomes.
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

    /// The name in metrics and logs.
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
            "Received logout tokens and security event tokens, by feed and outcome.",
        );
        let vector = IntCounterVec::new(options, &["feed", "outcome"]).expect("valid names");
        add(Box::new(vector.clone()));
        Self(vector)
    }

    /// Creates the series of this feed.
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
