//! The status of event streams, kept across restarts.

use super::error::RevocationStoreError;
use super::store::RevocationStore;
use super::tables::META;
use super::writing::Writing;
use jwtd_core::jose::UnixTime;
use redb::ReadableDatabase as _;
use std::collections::BTreeMap;

/// The last status that a transmitter reported for its stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ToldStream {
    /// The `iat` of that event.
    pub told_at: UnixTime,
    /// True if the stream is enabled, false if it is paused or disabled.
    pub flows: bool,
}

/// The beginning of the names in the table of single numbers; the name of the feed follows.
const PREFIX: &str = "stream:";

impl Writing {
    /// Records the status that the transmitter of a feed reported.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn note_stream(&self, feed: &str, told: ToldStream) -> Result<(), RevocationStoreError> {
        self.within(|change| {
            let seconds = u128::try_from(told.told_at.seconds()).unwrap_or_default();
            let number = (seconds << 1) | u128::from(told.flows);
            change.open_table(META)?.insert(&*format!("{PREFIX}{feed}"), number)?;
            Ok(())
        })
    }
}

impl RevocationStore {
    /// The recorded status of each stream, by the name of its feed.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn streams(&self) -> Result<BTreeMap<Box<str>, ToldStream>, RevocationStoreError> {
        self.within(|| {
            let meta = self.db.begin_read()?.open_table(META)?;
            let mut streams = BTreeMap::new();
            for row in meta.range(PREFIX..)? {
                let (name, number) = row?;
                let Some(feed) = name.value().strip_prefix(PREFIX) else { break };
                let seconds = i64::try_from(number.value() >> 1).unwrap_or(i64::MAX);
                let told_at = UnixTime::from_seconds(seconds);
                let flows = number.value() & 1 == 1;
                streams.insert(feed.into(), ToldStream { told_at, flows });
            }
            Ok(streams)
        })
    }
}
