//! The recorder: the only one who writes to the store and publishes sets. What waits is written
//! in one commit, which is synced before anybody is answered.

use super::answer::{Answer, Waiting};
use super::changes::{Changes, same, undo};
use super::merging::Merging;
use super::message::{Demand, Gathered, LedgerFault, Merged, Message, NamedRequest, Reply, Wanted};
use super::opened::Opened;
use super::sweeper::Sweeper;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::state::{
    Added, EntryId, KnownRequest, RevocationEntry, RevocationStore, RevocationStoreError, Writing,
};
use jwtd_core::jose::UnixTime;
use jwtd_core::verify::{RevocationTarget, Standing};
use std::collections::BTreeSet;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Weak};
use tokio::sync::watch;

/// Writes what is asked of it, and publishes what changed.
#[derive(Debug)]
pub(super) struct Recorder {
    opened: Opened,
    engine: Arc<Engine>,
    max_entries: u64,
    clock: Clock,
    /// For the thread that merges. Weak, so that the recorder ends with the last ledger.
    inbox: Weak<SyncSender<Message>>,
    news: watch::Sender<u64>,
    sweeper: Sweeper,
    /// Whether a change is being committed: after a panic the store may hold more than is in force.
    unsettled: bool,
}

/// From so many changes on, the base of the set is made anew.
const MERGE_AT: usize = 4096;

/// So many messages are written in one commit.
const GROUP: usize = 64;

impl Recorder {
    /// Puts in force what the store holds.
    pub(super) fn new(
        store: RevocationStore,
        engine: Arc<Engine>,
        max_entries: u64,
        clock: Clock,
        inbox: Weak<SyncSender<Message>>,
        news: watch::Sender<u64>,
    ) -> Result<Self, LedgerFault> {
        let sweeper = Sweeper::new(store.begin()?.horizon()?, clock.wall(), clock.monotonic());
        let opened = Opened::new(store, clock.clone());
        let recorder =
            Self { opened, sweeper, engine, max_entries, clock, inbox, news, unsettled: false };
        recorder.load()?;
        Ok(recorder)
    }

    /// Puts in force what the store holds.
    fn load(&self) -> Result<(), LedgerFault> {
        let before = self.engine.revocations.load_full();
        let set = self.opened.get()?.read_targets(|rows, number| before.load(rows, number))?;
        let (entries, number) = (set.len(), set.position());
        if number < before.position() {
            return Err(LedgerFault::Store("the store holds less than is in force".to_owned()));
        }
        let stored = self.opened.get()?.begin()?.count()?;
        self.engine.metrics.revocations.set_stored(stored);
        self.engine.revocations.publish(set);
        self.news.send_replace(number);
        if entries > 0 {
            tracing::info!(entries, "revocations from `state_dir` are in force");
        }
        Ok(())
    }

    /// Opens the store anew if it was let go of. What was being written when the disk failed may
    /// be on it all the same, so all of it is put in force again.
    fn mend(&mut self) {
        if std::mem::take(&mut self.unsettled) {
            self.opened.close_until(self.clock.monotonic());
        }
        if !self.opened.is_due() {
            return;
        }
        match self.opened.open().and_then(|()| self.load()) {
            Ok(()) => tracing::info!("revocations can be recorded again"),
            Err(fault) => self.lose(&fault),
        }
    }

    /// Lets go of a store that failed.
    fn lose(&mut self, fault: &LedgerFault) {
        self.opened.close();
        self.unsettled = false;
        self.engine.metrics.revocations.failed.inc();
        tracing::error!(%fault, "revocations cannot be recorded; what is in force stays so");
    }

    /// Does what the messages ask, in groups; false if it shall end.
    pub(super) fn take(&mut self, messages: impl Iterator<Item = Message>) -> bool {
        let (mut group, mut reads) = (Vec::new(), Vec::new());
        for message in messages {
            match message {
                Message::Revoke(..)
                | Message::Undo(..)
                | Message::Merge(..)
                | Message::Stream(..)
                | Message::Sweep => {
                    group.push(message);
                    if group.len() >= GROUP {
                        self.write(std::mem::take(&mut group));
                    }
                }
                Message::Close => {
                    self.write(group);
                    return false;
                }
                Message::Merged(base) => {
                    let set = self.engine.revocations.load().end_merge(base);
                    self.engine.revocations.publish(set);
                }
                // After the changes: what was asked before is seen, and no list keeps them waiting.
                read => reads.push(read),
            }
        }
        self.write(group);
        reads.into_iter().for_each(|read| self.read(read));
        true
    }

    fn read(&mut self, message: Message) {
        self.mend();
        match message {
            Message::Entries(ids, reply) => self.tell(reply, |store| store.entries(&ids)),
            Message::Records(ids, reply) => self.tell(reply, |store| store.records(&ids)),
            Message::Held(first, last, most, reply) => {
                self.tell(reply, |store| store.held(first, last, most));
            }
            Message::Gone(ids, reply) => self.tell(reply, |store| store.undone(&ids)),
            Message::List(filter, after, most, reply) => {
                self.tell(reply, |store| store.list(&filter, after, most));
            }
            Message::Changes(after, most, reply) => {
                self.tell(reply, |store| store.changes(after, most));
            }
            Message::Revoke(..)
            | Message::Undo(..)
            | Message::Merge(..)
            | Message::Stream(..)
            | Message::Sweep
            | Message::Merged(_)
            | Message::Close => {}
        }
    }

    /// Answers what the store says.
    fn tell<T>(
        &mut self,
        reply: Reply<T>,
        look: impl FnOnce(&RevocationStore) -> Result<T, RevocationStoreError>,
    ) {
        let answer = self.opened.get().map(|store| look(store).map_err(LedgerFault::from));
        if let Ok(Err(fault)) = &answer {
            self.lose(fault);
        }
        // Nobody may wait for the answer any more.
        reply.send(answer.and_then(|read| read)).ok();
    }

    /// Writes a group in one commit, publishes it, and answers.
    fn write(&mut self, group: Vec<Message>) {
        if group.is_empty() {
            return;
        }
        self.mend();
        if self.opened.get().is_err() {
            // Dropped, the group is answered that it failed; why was said when the store was lost.
            return;
        }
        match self.commit(group) {
            Ok(answers) => answers.into_iter().for_each(Answer::send),
            Err(fault) => self.lose(&fault),
        }
    }

    fn commit(&mut self, group: Vec<Message>) -> Result<Vec<Answer>, LedgerFault> {
        let (change, mut changes) = (self.opened.get()?.begin()?, Changes::default());
        let (now, mut waiting) = (self.clock.wall(), Vec::new());
        let is_sweep = group.iter().all(|message| matches!(message, Message::Sweep));
        for message in group {
            match message {
                Message::Revoke(demand, reply) => {
                    let ids = self.revoke(&change, demand, now, &mut changes)?;
                    waiting.push(Waiting::Revoked(reply, ids));
                }
                Message::Undo(ids, reply) => {
                    match undo(&change, &ids, self.max_entries, &mut changes)? {
                        Ok((undone, targets)) => {
                            waiting.push(Waiting::Undone(reply, undone, targets));
                        }
                        Err(fault) => {
                            self.engine.metrics.revocations.full.inc();
                            drop(reply.send(Err(fault)));
                        }
                    }
                }
                Message::Merge(gathered, reply) => {
                    let merged = self.merge(&change, gathered, &mut changes)?;
                    waiting.push(Waiting::Merged(reply, merged));
                }
                Message::Stream(feed, told, reply) => {
                    change.note_stream(&feed, told)?;
                    waiting.push(Waiting::Noted(reply));
                }
                Message::Sweep => self.sweep(&change, now, &mut changes)?,
                _ => {}
            }
        }
        let mut touched = Vec::with_capacity(changes.touched.len());
        for target in std::mem::take(&mut changes.touched) {
            let standing = change.standing(&target)?;
            touched.push((target, standing));
        }
        let answers = waiting.into_iter().map(|one| one.answer(&change));
        let (answers, number) = (answers.collect::<Result<_, _>>()?, change.number()?);
        if is_sweep && changes.swept == 0 {
            // Most of the time nothing has ended: the disk is left alone.
            return Ok(answers);
        }
        change.set_horizon(self.sweeper.believed())?;
        let stored = change.count()?;
        self.unsettled = true;
        change.commit()?;
        self.count(&changes, stored);
        self.publish(&touched, number);
        self.unsettled = false;
        Ok(answers)
    }

    /// Puts in force what was written.
    fn publish(&self, touched: &[(RevocationTarget, Option<Standing>)], number: u64) {
        let before = self.engine.revocations.load();
        if touched.is_empty() && number == before.position() {
            return;
        }
        let changes = touched.iter().map(|(target, standing)| (target, *standing));
        let mut set = before.changed(changes, number);
        if set.delta() >= MERGE_AT
            && let Some(inbox) = self.inbox.upgrade()
            && let Some((meanwhile, work)) = set.begin_merge()
        {
            set = meanwhile;
            let own = work.clone();
            let merge = move || drop(inbox.send(Message::Merged(work.run())));
            if std::thread::Builder::new().name("merge".to_owned()).spawn(merge).is_err() {
                set = set.end_merge(own.run());
            }
        }
        self.engine.revocations.publish(set);
        self.news.send_replace(number);
    }

    fn count(&self, changes: &Changes, stored: u64) {
        let counters = &self.engine.metrics.revocations;
        counters.set_stored(stored);
        counters.added.inc_by(changes.added);
        counters.undone.inc_by(changes.undone);
        counters.ended.inc_by(changes.ended);
    }

    /// Records a demand; the inner error is that of this demand alone.
    fn revoke(
        &self,
        change: &Writing,
        demand: Demand,
        now: UnixTime,
        changes: &mut Changes,
    ) -> Result<Result<Vec<EntryId>, LedgerFault>, LedgerFault> {
        let Demand { wanted, request, source } = demand;
        if let Some(NamedRequest { name, demand }) = &request
            && let Some(known) = change.request(name)?
        {
            return Ok(if known.demand == *demand {
                Ok(known.ids)
            } else {
                Err(LedgerFault::NameTaken)
            });
        }
        let (mut shared, mut new) = (Vec::with_capacity(wanted.len()), 0_u64);
        for one in &wanted {
            let known = same(change, one, &source)?;
            new = new.saturating_add(u64::from(known.is_none()));
            shared.push(known);
        }
        if new > self.max_entries.saturating_sub(change.count()?) {
            self.engine.metrics.revocations.full.inc();
            return Ok(Err(LedgerFault::Full { limit: self.max_entries }));
        }
        let (mut ids, mut answered) = (Vec::with_capacity(wanted.len()), BTreeSet::new());
        for (one, shared) in wanted.into_iter().zip(shared) {
            // Of what the demand itself says twice, the first is there by now.
            let known = if shared.is_some() { shared } else { same(change, &one, &source)? };
            let id = match known {
                Some(id) => id,
                None => {
                    let Wanted { target, standing, end, comment } = one;
                    let (id, recorded_at, source) = (change.new_id()?, now, source.clone());
                    let entry =
                        RevocationEntry { id, target, standing, end, recorded_at, source, comment };
                    if change.add(&entry)? == Added::New {
                        changes.added = changes.added.saturating_add(1);
                        changes.touched.insert(entry.target);
                    }
                    id
                }
            };
            if answered.insert(id) {
                ids.push(id);
            }
        }
        if let Some(NamedRequest { name, demand }) = request {
            let known = KnownRequest { demand, ids: ids.clone() };
            change.note_request(&name, &known, now, self.max_entries)?;
        }
        Ok(Ok(ids))
    }

    /// Takes over what others recorded.
    fn merge(
        &self,
        change: &Writing,
        gathered: Gathered,
        changes: &mut Changes,
    ) -> Result<Result<Merged, LedgerFault>, LedgerFault> {
        let merging = Merging {
            change,
            snapshot: &self.engine.current.load(),
            horizon: self.sweeper.believed(),
            limit: room_of_others(self.max_entries),
        };
        let merged = merging.merge(gathered, changes)?;
        if merged.is_err() {
            self.engine.metrics.revocations.full.inc();
        }
        Ok(merged)
    }

    /// Removes what has ended.
    fn sweep(
        &mut self,
        change: &Writing,
        now: UnixTime,
        changes: &mut Changes,
    ) -> Result<(), LedgerFault> {
        let (snapshot, moment) = (self.engine.current.load(), self.clock.monotonic());
        let is_left = self.sweeper.sweep(change, snapshot.issuers(), (now, moment), changes)?;
        if is_left && let Some(inbox) = self.inbox.upgrade() {
            // One that is full is swept a minute later.
            inbox.try_send(Message::Sweep).ok();
        }
        Ok(())
    }
}

/// The limit on entries for a merge from a fleet. The rest of `max_entries` is reserved for
/// revocations on this daemon, so that other daemons cannot use it up.
fn room_of_others(max_entries: u64) -> u64 {
    max_entries.saturating_sub(max_entries / 10)
}
