//! Changes of what is revoked.

use super::events::EventCounters;
use super::fleet::FleetGauges;
use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts};

/// Handles of `revocations_total`.
#[derive(Debug)]
pub struct RevocationCounters {
    /// Entries that came.
    pub added: IntCounter,
    /// Entries that were undone.
    pub undone: IntCounter,
    /// Entries that have ended.
    pub ended: IntCounter,
    /// Requests that were refused because there were as many entries as there may be.
    pub full: IntCounter,
    /// Groups of requests that could not be recorded.
    pub failed: IntCounter,
    /// What went wrong with feeds.
    pub feeds: FeedErrors,
    /// How far the sharing of a fleet is behind.
    pub fleet: FleetGauges,
    /// Entries and marks in the store: what counts against the bound.
    store_entries: IntGauge,
    /// Events that feeds received.
    pub events: EventCounters,
}

/// Handles of `revocation_feed_errors_total`.
#[derive(Debug)]
pub struct FeedErrors(IntCounterVec);

/// What goes wrong with a feed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FeedError {
    /// Its list is empty, and was not.
    Empty,
    /// There are as many entries as there may be.
    Full,
    /// A line of its list cannot be recorded.
    Line,
    /// What it held was lost there, or another server answers.
    Lost,
    /// It brings what it may not.
    NotPermitted,
    /// What it brings is no record of a daemon.
    Record,
    /// It refuses the user.
    Refused,
    /// Its list lacks more than a tenth of what it held.
    Removal,
    /// It takes too long to answer.
    Slow,
    /// The store cannot be written.
    Store,
    /// Its list is larger than is accepted.
    TooLarge,
    /// Its list breaks off.
    Torn,
    /// It cannot be read.
    Unreadable,
    /// It cannot be written.
    Unwritable,
}

impl FeedError {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Empty,
        Self::Full,
        Self::Line,
        Self::Lost,
        Self::NotPermitted,
        Self::Record,
        Self::Refused,
        Self::Removal,
        Self::Slow,
        Self::Store,
        Self::TooLarge,
        Self::Torn,
        Self::Unreadable,
        Self::Unwritable,
    ];

    /// As metrics and logs name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Full => "full",
            Self::Line => "line",
            Self::Lost => "lost",
            Self::NotPermitted => "not_permitted",
            Self::Record => "record",
            Self::Refused => "refused",
            Self::Removal => "removal",
            Self::Slow => "slow",
            Self::Store => "store",
            Self::TooLarge => "too_large",
            Self::Torn => "torn",
            Self::Unreadable => "unreadable",
            Self::Unwritable => "unwritable",
        }
    }
}

impl FeedErrors {
    /// The series of this feed begin.
    pub fn begin(&self, feed: &str) {
        for error in FeedError::ALL {
            self.0.with_label_values(&[feed, error.name()]);
        }
    }

    /// Counts an error of a feed.
    pub fn count(&self, feed: &str, error: FeedError) {
        self.0.with_label_values(&[feed, error.name()]).inc();
    }
}

impl RevocationCounters {
    #[expect(clippy::expect_used, reason = "the names are constant and valid")]
    pub(super) fn new(add: &impl Fn(Box<dyn Collector>)) -> Self {
        let options = Opts::new(
            "jwtd_revocations_total",
            "Entries of revocation that came and went, and requests that failed, by result.",
        );
        let vector = IntCounterVec::new(options, &["result"]).expect("a valid name");
        add(Box::new(vector.clone()));
        let options = Opts::new(
            "jwtd_revocation_feed_errors_total",
            "What went wrong with feeds of revocation, by feed and reason.",
        );
        let errors = IntCounterVec::new(options, &["feed", "reason"]).expect("a valid name");
        add(Box::new(errors.clone()));
        let counter = |result| vector.with_label_values(&[result]);
        let store_entries = IntGauge::new(
            "jwtd_revocation_store_entries",
            "Entries in the store, and marks of such as were undone and must still be known.",
        );
        let store_entries = store_entries.expect("a valid name");
        add(Box::new(store_entries.clone()));
        Self {
            store_entries,
            added: counter("added"),
            undone: counter("undone"),
            ended: counter("ended"),
            full: counter("full"),
            failed: counter("failed"),
            feeds: FeedErrors(errors),
            fleet: FleetGauges::new(add),
            events: EventCounters::new(add),
        }
    }

    /// Sets how many entries and marks the store holds.
    pub fn set_stored(&self, stored: u64) {
        self.store_entries.set(i64::try_from(stored).unwrap_or(i64::MAX));
    }
}
