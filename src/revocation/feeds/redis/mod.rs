//! A fleet that shares what is revoked over Redis or Valkey, which carry and do not decide: see
//! `revocation::fleet` for what is written there and how it is compared.
//!
//! One task has two connections to the master. One waits for the stream, so that what another
//! daemon records is in force a few milliseconds later. On the other own changes are put as the
//! log of the store tells them; each second something is written and the last id of the stream is
//! asked for; and at each connection and each minute holdings are compared. The feed is heard of
//! when something could be written, and everything has been read that the stream had by then: a
//! Redis that is gone, hangs, is full or takes no writes only makes the age grow. No verdict waits
//! for any of this.

mod answers;
mod comparing;
mod following;
mod keys;
mod publishing;
mod taking;
#[cfg(test)]
mod tests;

use self::keys::{Keys, StreamId};
use super::FeedHandle;
use crate::clock::later;
use crate::config::RedisFeed;
use crate::engine::Moment;
use crate::redis_link::{Link, Trouble, master};
use crate::revocation::fleet::Holdings;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The feed.
pub(super) struct Fleet {
    handle: FeedHandle,
    feed: RedisFeed,
    keys: Keys,
    reading: Mutex<Reading>,
}

/// How far the stream is read.
#[derive(Default)]
struct Reading {
    position: StreamId,
    /// What must be read for the feed to be heard of, and when it was asked for.
    due: Option<(StreamId, Moment)>,
}

/// What outlives a connection.
#[derive(Default)]
struct Memory {
    holdings: Holdings,
    /// Whether the own store has been read.
    is_loaded: bool,
    /// Up to which change of the own log all is published.
    log: u64,
    /// `master_replid`
    history: Option<String>,
    epoch: Option<Vec<u8>>,
    /// Blocks in which something else stands under a name of ours.
    taken: BTreeSet<crate::revocation::fleet::Block>,
}

/// How long to wait before connecting anew.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How often something is written.
const BEAT: Duration = Duration::from_secs(1);

/// How often holdings are compared.
const COMPARE: Duration = Duration::from_secs(60);

/// After so many beats in vain the master is looked for anew.
const IN_VAIN: u32 = 5;

impl Fleet {
    pub(super) fn new(handle: FeedHandle, feed: RedisFeed) -> Self {
        let keys = Keys::new(&feed.prefix);
        Self { handle, feed, keys, reading: Mutex::default() }
    }

    /// Shares, for as long as the daemon lives.
    pub(super) async fn run(&self) {
        let news = self.handle.ledger().news();
        let log = *news.borrow();
        let mut memory = Memory { log, ..Memory::default() };
        let (mut moved, mut pause) = (None, PAUSE.0);
        loop {
            let began = self.handle.clock().monotonic();
            let Err(trouble) = self.connection(&mut memory, moved.take()).await;
            match &trouble {
                // A node of a cluster that has other keys: that is the way it goes.
                Trouble::Moved { host, port } => moved = Some((host.clone(), *port)),
                trouble => self.tell(trouble),
            }
            self.handle.set_unpublished(news.borrow().saturating_sub(memory.log));
            if trouble.is_news() || self.handle.clock().since(began) > PAUSE.1 * 2 {
                pause = PAUSE.0;
            }
            self.handle.clock().sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Shares for as long as the connections hold.
    async fn connection(
        &self,
        memory: &mut Memory,
        moved: Option<(String, u16)>,
    ) -> Result<Infallible, Trouble> {
        let (url, credentials) = master::find(&self.feed, moved).await?;
        let mut work = Link::open(&self.feed, &url, &credentials).await?;
        let tail = Link::open(&self.feed, &url, &credentials).await?;
        self.begin(&mut work, memory).await?;
        let (never, _) = tokio::try_join!(self.work(work, memory), self.follow(tail))?;
        Ok(never)
    }

    /// Looks at what is there, and whether it is what was there before.
    async fn begin(&self, work: &mut Link, memory: &mut Memory) -> Result<(), Trouble> {
        let state = self.look(work, true).await?;
        let known = memory.history.replace(state.replication.history.clone());
        let epoch = std::mem::replace(&mut memory.epoch, state.epoch);
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let is_behind = state.last.unwrap_or_default() < reading.position;
        let is_empty = epoch.is_some() && epoch != memory.epoch;
        if is_behind || is_empty {
            // An empty stream is a gap and not an empty set.
            self.handle.pulse().set_gap(true);
            let (feed, server) = (self.handle.name(), &work.address);
            tracing::warn!(feed, server, "Redis lacks what was there; it is written back");
        } else if known.is_some() && known != memory.history {
            let (feed, server) = (self.handle.name(), &work.address);
            tracing::info!(feed, server, "another master answers; what it lacks is written back");
        }
        // What is there by now is found by comparing.
        *reading = Reading { position: state.last.unwrap_or_default(), due: None };
        Ok(())
    }

    /// Publishes what is recorded here, and sees to it that Redis holds what we do.
    async fn work(&self, mut work: Link, memory: &mut Memory) -> Result<Infallible, Trouble> {
        let clock = self.handle.clock();
        let (mut news, mut in_vain) = (self.handle.ledger().news(), 0_u32);
        let (mut beat_at, mut compare_at) = (clock.monotonic(), clock.monotonic());
        loop {
            match self.step(&mut work, memory, &mut beat_at, &mut compare_at).await {
                Ok(()) if in_vain > 0 => {
                    // What could not be written is.
                    (in_vain, compare_at) = (0, clock.monotonic());
                    continue;
                }
                Ok(()) => {}
                // What others can still write there is read meanwhile.
                Err(trouble) if trouble.is_of_writing() && in_vain < IN_VAIN => {
                    in_vain = in_vain.saturating_add(1);
                    self.tell(&trouble);
                    clock.sleep(BEAT).await;
                    beat_at = clock.monotonic();
                    continue;
                }
                Err(trouble) => return Err(trouble),
            }
            tokio::select! {
                changed = news.changed() => {
                    if changed.is_err() {
                        // The ledger has ended, and with it the daemon.
                        std::future::pending::<()>().await;
                    }
                }
                () = clock.sleep_until(beat_at) => {}
            }
            news.borrow_and_update();
        }
    }

    async fn step(
        &self,
        work: &mut Link,
        memory: &mut Memory,
        beat_at: &mut Instant,
        compare_at: &mut Instant,
    ) -> Result<(), Trouble> {
        let clock = self.handle.clock();
        let published = self.publish(work, memory).await;
        if published.as_ref().is_err_and(|trouble| !trouble.is_of_writing()) {
            return published;
        }
        let now = clock.monotonic();
        if !memory.is_loaded || !memory.taken.is_empty() || *compare_at <= now {
            *compare_at = later(now, COMPARE);
            self.compare(work, memory).await?;
            self.handle.pulse().set_gap(false);
        }
        published?;
        if *beat_at <= now {
            *beat_at = later(now, BEAT);
            self.beat(work, memory).await?;
        }
        Ok(())
    }

    /// Writes something, and learns what the stream has: when that is read, the feed was heard of
    /// at this moment.
    async fn beat(&self, work: &mut Link, memory: &Memory) -> Result<(), Trouble> {
        let now = self.handle.now();
        let state = self.look(work, false).await?;
        let address = work.address.clone();
        if memory.history.as_ref() != Some(&state.replication.history) {
            return Err(Trouble::FailedOver { address });
        }
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let last = state.last.unwrap_or_default();
        if state.epoch != memory.epoch || last < reading.position {
            return Err(Trouble::Emptied { address });
        }
        reading.due.get_or_insert((last, now));
        drop(reading);
        self.read_up_to(None);
        Ok(())
    }

    /// Says how far the stream is read.
    fn read_up_to(&self, position: Option<StreamId>) {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = position {
            reading.position = position;
        }
        let position = reading.position;
        let heard = reading.due.take_if(|(due, _)| *due <= position);
        drop(reading);
        if let Some((_, then)) = heard {
            self.handle.set_lag(self.handle.clock().since(then.at));
            self.handle.heard(then);
        }
    }

    /// Counts what hinders, and logs it once.
    fn tell(&self, trouble: &Trouble) {
        let (feed, what) = (self.handle.name(), trouble.to_string());
        if trouble.is_news() {
            self.handle.count(trouble.error());
            tracing::info!(feed, "{what}");
        } else {
            self.handle.fail(trouble.error(), &what);
        }
    }
}
