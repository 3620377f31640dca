//! The key watches of all issuers, and notifications of changes.

use super::key_watch::KeyWatch;
use jwtd_core::crypto::Digest;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{Freshness, Issuer, KeyState};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;

/// The key watches of all issuers with fetched keys.
#[derive(Clone, Debug)]
pub struct KeyWatches(watch::Sender<Watches>);

/// The origin of the keys and their watch, by the name of the issuer.
type Watches = Arc<HashMap<Box<str>, (Digest, Arc<KeyWatch>)>>;

/// A subscription to changes of keys or of their state. Any number of tasks may subscribe.
#[derive(Clone, Debug)]
pub struct KeyNews(watch::Receiver<Watches>);

impl Default for KeyWatches {
    fn default() -> Self {
        Self(watch::Sender::new(Arc::default()))
    }
}

impl KeyWatches {
    /// Replaces the watches by those of these issuers.
    pub fn replace<'i>(&self, watches: impl IntoIterator<Item = (&'i Issuer, Arc<KeyWatch>)>) {
        let entry =
            |(issuer, watch): (&Issuer, _)| (issuer.name().into(), (*issuer.origin(), watch));
        self.0.send_replace(Arc::new(watches.into_iter().map(entry).collect()));
    }

    /// A copy of the current watches, independent of later changes.
    #[must_use]
    pub fn now(&self) -> Self {
        Self(watch::Sender::new(Arc::clone(&self.0.borrow())))
    }

    /// The watch for the keys of `issuer`, if they are fetched from the same origin.
    #[must_use]
    pub fn of(&self, issuer: &Issuer) -> Option<Arc<KeyWatch>> {
        let watches = self.0.borrow();
        let (origin, watch) = watches.get(issuer.name())?;
        (origin == issuer.origin()).then(|| Arc::clone(watch))
    }

    /// The freshness of the keys of `issuer`.
    #[must_use]
    pub fn freshness(&self, issuer: &Issuer, now: UnixTime) -> Freshness {
        let expired = match issuer.keys() {
            KeyState::Held { stale_at, .. } => stale_at.is_some_and(|end| now >= end),
            KeyState::Unavailable => true,
        };
        match self.of(issuer) {
            Some(watch) => watch.freshness(expired),
            None if expired => Freshness::Expired,
            None => Freshness::Fresh,
        }
    }

    /// Notifies all subscribers.
    pub fn tell(&self) {
        self.0.send_modify(|_| {});
    }

    /// Subscribes to changes from now on.
    #[must_use]
    pub fn news(&self) -> KeyNews {
        KeyNews(self.0.subscribe())
    }
}

impl KeyNews {
    /// Waits for a change since the last call.
    pub async fn next(&mut self) {
        // The sender is dropped only when the daemon ends.
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::poll;
    use std::pin::pin;

    #[tokio::test]
    async fn everybody_hears_of_every_change_once() {
        let watches = KeyWatches::default();
        let (mut one, mut other) = (watches.news(), watches.news());
        assert!(poll!(pin!(one.next())).is_pending());
        watches.tell();
        watches.replace([]);
        for news in [&mut one, &mut other] {
            assert!(poll!(pin!(news.next())).is_ready());
            assert!(poll!(pin!(news.next())).is_pending(), "it was one piece of news");
        }
    }
}
