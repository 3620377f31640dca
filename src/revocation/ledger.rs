//! The handle on the recorder: what is asked of it from tasks.

use super::message::{Demand, Gathered, LedgerFault, Merged, Message, Page, Reply, Undone};
use super::recorder::Recorder;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::state::{
    EntryFilter, EntryId, LogChange, RevocationEntry, RevocationRecord, RevocationStore, ToldStream,
};
use crate::telemetry::supervisor::{self, Duty};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinHandle;

/// So many requests may wait for the recorder.
const WAITING: usize = 256;

/// So many readers may be among them: the others wait before, so that a change never waits long
/// for lists.
const READERS: usize = 4;

/// How often a full inbox is tried again at the end.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// How often to look for entries that have ended.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// What is revoked, recorded by a thread of its own. Clones share it; it ends with the last.
#[derive(Clone, Debug)]
pub struct Ledger {
    inbox: Arc<SyncSender<Message>>,
    readers: Arc<Semaphore>,
    news: watch::Receiver<u64>,
    origin: u128,
    max_entries: u64,
    /// The status of streams at the start.
    streams: Arc<BTreeMap<Box<str>, ToldStream>>,
}

/// Word that something changed; the last number of the log.
pub type LedgerNews = watch::Receiver<u64>;

impl Ledger {
    /// Puts everything in force that `store` holds, and begins to record.
    ///
    /// # Errors
    /// If the store cannot be read, or the operating system refuses the thread.
    pub fn start(
        store: RevocationStore,
        engine: &Arc<Engine>,
        max_entries: u64,
        clock: Clock,
    ) -> io::Result<Self> {
        let (inbox, messages) = sync_channel(WAITING);
        let inbox = Arc::new(inbox);
        let (tell, news) = watch::channel(0);
        let origin = store.origin();
        let streams = store.streams().map_err(|error| io::Error::other(error.to_string()))?;
        let own = Arc::clone(engine);
        let back = Arc::downgrade(&inbox);
        let recorder = Recorder::new(store, own, max_entries, clock.clone(), back, tell);
        let mut recorder = recorder.map_err(|fault| io::Error::other(fault.to_string()))?;
        supervisor::thread(Duty::Revocations, clock, move || {
            while let Ok(message) = messages.recv() {
                if !recorder.take(std::iter::once(message).chain(messages.try_iter())) {
                    return;
                }
            }
        })?;
        let readers = Arc::new(Semaphore::new(READERS));
        Ok(Self { inbox, readers, news, origin, max_entries, streams: Arc::new(streams) })
    }

    /// Has entries that have ended looked for, now and then. Must be called in a runtime.
    #[must_use]
    pub fn sweep(&self, clock: &Clock) -> JoinHandle<()> {
        let (ledger, clock) = (self.clone(), clock.clone());
        supervisor::task(Duty::Revocations, clock.clone(), move || {
            let (ledger, clock) = (ledger.clone(), clock.clone());
            async move {
                loop {
                    clock.sleep(SWEEP_EVERY).await;
                    // One that is busy is asked again.
                    ledger.inbox.try_send(Message::Sweep).ok();
                }
            }
        })
    }

    /// The daemon that its own entries are of.
    #[must_use]
    pub fn origin(&self) -> u128 {
        self.origin
    }

    /// The most entries.
    #[must_use]
    pub fn max_entries(&self) -> u64 {
        self.max_entries
    }

    /// To wait for changes.
    #[must_use]
    pub fn news(&self) -> LedgerNews {
        self.news.clone()
    }

    async fn ask<T>(&self, message: impl FnOnce(Reply<T>) -> Message) -> Result<T, LedgerFault> {
        let (reply, answer) = oneshot::channel();
        let lost = || LedgerFault::Store("the recorder failed; the log says why".to_owned());
        self.inbox.try_send(message(reply)).map_err(|error| match error {
            TrySendError::Full(_) => LedgerFault::Busy,
            TrySendError::Disconnected(_) => lost(),
        })?;
        answer.await.unwrap_or_else(|_| Err(lost()))
    }

    /// Asks what changes nothing.
    async fn look<T>(&self, message: impl FnOnce(Reply<T>) -> Message) -> Result<T, LedgerFault> {
        // It is never closed.
        let _turn = self.readers.acquire().await;
        self.ask(message).await
    }

    /// Revokes. When this returns, it is on the disk and in force; gives the entries that are in
    /// force of those that were asked for, by this request or an earlier one of the same name.
    ///
    /// # Errors
    /// If nothing of it was recorded.
    pub async fn revoke(&self, demand: Demand) -> Result<Vec<RevocationEntry>, LedgerFault> {
        self.ask(|reply| Message::Revoke(demand, reply)).await
    }

    /// Undoes entries, also such as come only later.
    ///
    /// # Errors
    /// If nothing of it was recorded.
    pub async fn undo(&self, ids: Vec<EntryId>) -> Result<Undone, LedgerFault> {
        self.ask(|reply| Message::Undo(ids, reply)).await
    }

    /// Returns the last status that the transmitter of a feed reported before this process started.
    #[must_use]
    pub fn stream_of(&self, feed: &str) -> Option<ToldStream> {
        self.streams.get(feed).copied()
    }

    /// Records the status that the transmitter of a feed reports for its stream.
    ///
    /// # Errors
    /// If it was not recorded.
    pub async fn note_stream(&self, feed: &str, told: ToldStream) -> Result<(), LedgerFault> {
        self.ask(|reply| Message::Stream(feed.into(), told, reply)).await
    }

    /// Takes over what others recorded, entries and undoings in any order.
    ///
    /// # Errors
    /// If not all of it was recorded.
    pub async fn merge(&self, gathered: impl Into<Gathered>) -> Result<Merged, LedgerFault> {
        let gathered = gathered.into();
        self.ask(|reply| Message::Merge(gathered, reply)).await
    }

    /// What is held of these entries: in force or undone.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn records(&self, ids: Vec<EntryId>) -> Result<Vec<RevocationRecord>, LedgerFault> {
        self.look(|reply| Message::Records(ids, reply)).await
    }

    /// What is held of the entries from `first` to `last`, in their order; at most `most`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn held(
        &self,
        first: EntryId,
        last: EntryId,
        most: usize,
    ) -> Result<Vec<RevocationRecord>, LedgerFault> {
        self.look(|reply| Message::Held(first, last, most, reply)).await
    }

    /// Ends the recording, and waits until the store is closed.
    pub async fn close(mut self, clock: &Clock) {
        // One that is busy gets to it; one that is gone has ended.
        while let Err(TrySendError::Full(_)) = self.inbox.try_send(Message::Close) {
            clock.sleep(TRY_AGAIN).await;
        }
        while self.news.changed().await.is_ok() {
            self.news.borrow_and_update();
        }
    }

    #[cfg(test)]
    pub(super) async fn sweep_now(&self) -> Result<(), LedgerFault> {
        self.inbox.try_send(Message::Sweep).map_err(|_| LedgerFault::Busy)?;
        // It is answered after that.
        self.entries(Vec::new()).await.map(drop)
    }

    /// The entries of these names that are in force.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn entries(&self, ids: Vec<EntryId>) -> Result<Vec<RevocationEntry>, LedgerFault> {
        self.look(|reply| Message::Entries(ids, reply)).await
    }

    /// The `iss` of each of these that was in force and was undone.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn undone(&self, ids: Vec<EntryId>) -> Result<Vec<Box<str>>, LedgerFault> {
        self.look(|reply| Message::Gone(ids, reply)).await
    }

    /// A page of the entries in force.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn list(
        &self,
        filter: EntryFilter,
        after: Option<EntryId>,
        most: usize,
    ) -> Result<Page, LedgerFault> {
        self.look(|reply| Message::List(filter, after, most, reply)).await
    }

    /// The changes after the one with this number. Nothing if they are not known any more.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn changes(
        &self,
        after: u64,
        most: usize,
    ) -> Result<Option<Vec<LogChange>>, LedgerFault> {
        self.look(|reply| Message::Changes(after, most, reply)).await
    }
}
