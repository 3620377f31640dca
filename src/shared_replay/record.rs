//! The value that stands in Redis for a presentation.

use crate::replay::Presentation;
use jwtd_core::jose::{UnixTime, base64url};

/// The longest time between a presentation and its retry, in seconds.
const RETRY_SECONDS: u64 = 10;

/// The value of one question. Nobody else writes the same.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Record {
    text: String,
    retry: Option<String>,
    now: UnixTime,
}

impl Record {
    /// The record of a presentation at `now`; `number` is random.
    pub(super) fn new(one: &Presentation, now: UnixTime, number: u64) -> Self {
        let retry = one.retry.map(|retry| base64url::encode(&retry));
        let name = retry.as_deref().unwrap_or_default();
        Self { text: format!("{name}.{}.{number:016x}", now.seconds()), retry, now }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns true if what is stored is this very record: the answer to it was lost.
    pub(super) fn is_own(&self, stored: &str) -> bool {
        self.text == stored
    }

    /// Returns true if this is a retry of what is stored.
    pub(super) fn is_retry_of(&self, stored: &str) -> bool {
        let mut parts = stored.split('.');
        let (name, seen_at) = (parts.next(), parts.next().and_then(|text| text.parse().ok()));
        let is_near = seen_at
            .is_some_and(|seen_at: i64| self.now.seconds().abs_diff(seen_at) <= RETRY_SECONDS);
        is_near && self.retry.is_some() && name == self.retry.as_deref()
    }
}

/// The name of the key. All have one hash tag, so that one node of a cluster has them.
pub(super) fn key(prefix: &str, one: &Presentation) -> String {
    format!("{{{prefix}}}:presented:{}", base64url::encode(&one.key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(retry: Option<u8>) -> Presentation {
        let until = UnixTime::from_seconds(1000);
        Presentation {
            key: [1; 16],
            owner: Some([2; 16]),
            until,
            retry: retry.map(|byte| [byte; 16]),
        }
    }

    fn record(retry: Option<u8>, now: i64, number: u64) -> Record {
        Record::new(&one(retry), UnixTime::from_seconds(now), number)
    }

    #[test]
    fn a_record_is_known_as_the_own_one_or_as_a_retry() {
        let first = record(Some(7), 100, 1);
        assert!(first.is_own(first.text()));
        assert!(!record(Some(7), 100, 2).is_own(first.text()));
        for (now, is_retry) in [(100, true), (110, true), (111, false), (90, true), (89, false)] {
            assert_eq!(record(Some(7), now, 2).is_retry_of(first.text()), is_retry, "{now}");
        }
        assert!(!record(Some(8), 100, 2).is_retry_of(first.text()));
        assert!(!record(None, 100, 2).is_retry_of(first.text()));
        // Without an id, nothing is a retry, not even of the same.
        assert!(!record(None, 100, 2).is_retry_of(record(None, 100, 1).text()));
        for strange in
            ["", "x", "..", ".100.0", "BwcHBwcHBwcHBwcHBwcHBw", "BwcHBwcHBwcHBwcHBwcHBw.x.1"]
        {
            assert!(!record(Some(7), 100, 2).is_retry_of(strange), "{strange}");
        }
    }

    #[test]
    fn a_key_has_the_hash_tag_of_its_prefix() {
        assert_eq!(key("p:q", &one(None)), "{p:q}:presented:AQEBAQEBAQEBAQEBAQEBAQ");
    }
}
