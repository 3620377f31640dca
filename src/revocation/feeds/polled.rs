//! A list at a URL, which is asked for again and again.

use super::list::{List, Reading};
use crate::config::PolledList;
use crate::sources::{self, ListDocument};
use crate::telemetry::FeedError;
use jwtd_core::crypto::{Digest, digest, random};
use std::time::Duration;

/// Asks for the list, for as long as it is polled.
pub(super) async fn poll(mut list: List, source: PolledList) {
    let PolledList { url, access, refresh, rules } = source;
    // The list that was read last: its tag, its digest, and whether all of it is in force.
    let mut held: Option<(Option<String>, Digest, Reading)> = None;
    loop {
        // Before the question: the answer is as old as that.
        let then = list.handle().now();
        if list.is_old().await {
            held = None;
        }
        let tag = held.as_ref().and_then(|(tag, ..)| tag.as_deref());
        match sources::read_list(&url, &access, tag, rules.max_bytes).await {
            Ok(document) => {
                let reading = match (document, &held) {
                    // It is the same.
                    (None, Some((.., reading))) => *reading,
                    (None, None) => Reading::Unbelievable,
                    (Some(ListDocument { text, tag }), _) => {
                        let own = digest([&*text]);
                        let known = held.as_ref().filter(|(_, known, _)| *known == own);
                        let reading = match known {
                            Some((.., reading)) => *reading,
                            None => list.read(&text).await,
                        };
                        held = (reading != Reading::Unbelievable).then_some((tag, own, reading));
                        reading
                    }
                };
                match reading {
                    Reading::Whole => list.handle().heard(then),
                    Reading::Partial => list.handle().pulse().heard(then),
                    Reading::Incomplete | Reading::Unbelievable => {}
                }
            }
            Err(error) => {
                let reason =
                    if error.is_too_large() { FeedError::TooLarge } else { FeedError::Unreadable };
                list.handle().fail(reason, &format!("{error}; nothing is undone"));
            }
        }
        list.handle().clock().sleep(earlier(refresh)).await;
    }
}

/// Up to a fifth earlier, so that daemons that began together do not ask together.
pub(super) fn earlier(refresh: Duration) -> Duration {
    let drawn = random(1).ok().and_then(|bytes| bytes.first().copied()).unwrap_or(0);
    refresh.saturating_sub(refresh.saturating_mul(u32::from(drawn)) / (5 * 256))
}
