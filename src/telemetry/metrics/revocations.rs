//! Counts changes of revocations.

use super::events::EventCounters;
use super::fleet::FleetGauges;
use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts};

/// Handles of `revocations_total`.
#[derive(Debug)]
pub struct RevocationCounters {
    /// Added entries.
    pub added: IntCounter,
    /// Undone entries.
    pub undone: IntCounter,
    /// Expired entries.
    pub ended: IntCounter,
    /// Requests refused because the store was full.
    pub full: IntCounter,
    /// Groups of requests that could not be recorded.
    pub failed: IntCounter,
    /// Errors of feeds.
    pub feeds: FeedErrors,
    /// The lag of a fleet's sharing.
    pub fleet: FleetGauges,
    /// Entries and marks in the store, which count against the limit.
    store_entries: IntGauge,
    /// Events that feeds received.
    pub events: EventCounters,
}

/// Handles of `revocation_feed_errors_total`.
#[derive(Debug)]
pub struct FeedErrors(IntCounterVec);

/// An error of a feed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FeedError {
    /// Its list is empty, and was not empty before.
    Empty,
    /// The revocation store is full.
    Full,
    /// A line of its list cannot be recorded.
    Line,
    /// Its stored data was lost, or another server responds.
    Lost,
    /// It lacks the permission for an entry.
    NotPermitted,
    /// An entry is not a record of a daemon.
    Record,
    /// It refuses the user.
    Refused,
    /// Its list lacks more than a tenth of its previous entries.
    Removal,
    /// It responds too slowly.
    Slow,
    /// The store cannot be written.
    Store,
    /// Its list exceeds the size limit.
    TooLarge,
    /// Its list is truncated.
    Torn,
    /// It cannot be read.
    Unreadable,
    /// It cannot be written.
    Unwritable,
}

impl FeedError {
    /// All errors.
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

    /// The name in metrics and logs.
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
    /// Creates the series of this feed.
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
            "Added, undone and ended revocation entries, and failed requests, by result.",
        );
        let vector = IntCounterVec::new(options, &["result"]).expect("a valid name");
        add(Box::new(vector.clone()));
        let options = Opts::new(
            "jwtd_revocation_feed_errors_total",
            "Errors of revocation feeds, by feed and reason.",
        );
        let errors = IntCounterVec::new(options, &["feed", "reason"]).expect("a valid name");
        add(Box::new(errors.clone()));
        let counter = |result| vector.with_label_values(&[result]);
        let store_entries = IntGauge::new(
            "jwtd_revocation_store_entries",
            "Entries in the store, and marks of undone entries that must be remembered.",
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

    /// Sets the number of entries and marks in the store.
    pub fn set_stored(&self, stored: u64) {
        self.store_entries.set(i64::try_from(stored).unwrap_or(i64::MAX));
    }
}
