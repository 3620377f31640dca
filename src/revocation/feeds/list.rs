//! A list and its entries: what comes in a line is recorded, and what is in no line any more is
//! undone, if the list can be believed.

use super::handle::FeedHandle;
use super::line::{self, Said};
use super::recorded::Recorded;
use crate::config::ListRules;
use crate::engine::Moment;
use crate::revocation::{LedgerFault, Wanted};
use crate::telemetry::FeedError;
use std::time::Duration;

/// What a feed that is a list has recorded, and how to record what it holds now.
#[derive(Debug)]
pub(super) struct List {
    handle: FeedHandle,
    rules: ListRules,
    recorded: Recorded,
    /// The number of the last reading.
    reading: u64,
    /// Of which configuration the issuers were by which it was read.
    generation: u64,
    /// Whether the last reading is to be made again, even if the list is the same.
    again: bool,
    /// When it was read. What has ended, and what lies too far ahead, hangs on the clock: when that
    /// was set, the list is read again.
    at: Moment,
}

/// So much the wall clock may move against time without having been set.
const JUMP: Duration = Duration::from_secs(60);

/// What a list came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reading {
    /// All of it is in force, and nothing else of the feed.
    Whole,
    /// All that it says for this feed is in force, and more: it lacks too much, or has lines that
    /// are not for this feed.
    Partial,
    /// The lines that can be read are in force; another line may be a revocation too.
    Incomplete,
    /// It is not what the feed wanted to say.
    Unbelievable,
}

/// What was found in the lines.
#[derive(Debug, Default)]
struct Found {
    lines: usize,
    bad: usize,
    /// Bad lines that may be revocations of this feed all the same.
    unreadable: usize,
    /// The first fault.
    fault: Option<String>,
    /// Whether the last line is not whole.
    torn: bool,
}

/// So many bad lines of a reading are logged.
const LOGGED: usize = 10;

/// So many lines are read in one go, and recorded together.
const CHUNK: usize = 500;

impl List {
    pub(super) fn new(handle: FeedHandle, rules: ListRules) -> Self {
        let (recorded, at) = (Recorded::new(handle.ledger().origin()), handle.now());
        Self { handle, rules, recorded, reading: 0, generation: 0, again: true, at }
    }

    pub(super) fn handle(&self) -> &FeedHandle {
        &self.handle
    }

    pub(super) fn rules(&self) -> ListRules {
        self.rules
    }

    /// Whether the same list would be recorded otherwise now: issuers are others, entries of it
    /// were undone or have ended, or the last attempt failed.
    pub(super) async fn is_old(&mut self) -> bool {
        let generation = self.handle.engine().current.generation();
        match self.recorded.follow(&self.handle).await {
            Ok(lost) => self.again |= lost || generation != self.generation || self.clock_was_set(),
            Err(fault) => self.refuse(&fault),
        }
        self.again
    }

    fn clock_was_set(&self) -> bool {
        let now = self.handle.now();
        let expected = self.at.wall.plus(now.at.saturating_duration_since(self.at.at));
        let moved = now.wall.since(expected).or_else(|| expected.since(now.wall));
        moved.is_some_and(|moved| moved > JUMP)
    }

    /// Takes over what the list holds now.
    pub(super) async fn read(&mut self, text: &[u8]) -> Reading {
        self.take_over(text, true).await
    }

    /// The same of a list that is being written: nothing that it lacks is undone.
    pub(super) async fn read_unsettled(&mut self, text: &[u8]) -> Reading {
        self.take_over(text, false).await
    }

    async fn take_over(&mut self, text: &[u8], settled: bool) -> Reading {
        self.generation = self.handle.engine().current.generation();
        (self.again, self.at) = (true, self.handle.now());
        match self.try_read(text, settled).await {
            Ok(reading) => {
                self.again = reading == Reading::Unbelievable;
                reading
            }
            Err(fault) => {
                self.refuse(&fault);
                Reading::Unbelievable
            }
        }
    }

    /// The list could not be had: it is read again, even if it is the same.
    pub(super) fn repeat(&mut self) {
        self.again = true;
    }

    /// Tells that the recorder does not take it.
    fn refuse(&mut self, fault: &LedgerFault) {
        self.again = true;
        let error = match fault {
            LedgerFault::Full { .. } => FeedError::Full,
            LedgerFault::NameTaken | LedgerFault::Busy | LedgerFault::Store(_) => FeedError::Store,
        };
        self.handle.fail(error, &fault.to_string());
    }

    async fn try_read(&mut self, text: &[u8], settled: bool) -> Result<Reading, LedgerFault> {
        self.recorded.follow(&self.handle).await?;
        self.reading = self.reading.saturating_add(1);
        let before = self.recorded.len();
        let Found { lines, bad, unreadable, fault, torn } = self.record(text).await?;
        let missing = self.recorded.unseen(self.reading);
        let (error, what, reading) = if torn {
            let what = "its last line breaks off; nothing is undone";
            (FeedError::Torn, what.to_owned(), Reading::Unbelievable)
        } else if let Some(fault) = fault {
            let what = format!("{bad} of {lines} lines are bad, first {fault}; nothing is undone");
            let reading = match (bad == lines, unreadable) {
                (true, _) => Reading::Unbelievable,
                (false, 0) => Reading::Partial,
                (false, _) => Reading::Incomplete,
            };
            (FeedError::Line, what, reading)
        } else if lines == 0 && before > 0 && !self.rules.remove_many {
            let what = "the list is empty, and was not; nothing is undone. fix: set `remove_many` \
                        if that is meant";
            (FeedError::Empty, what.to_owned(), Reading::Unbelievable)
        } else if !self.rules.remove_many && missing.len() > (before / 10).max(1) {
            let what = format!(
                "the list lacks {} of {before} entries, more than a tenth; nothing is undone. fix: \
                 set `remove_many` if that is meant",
                missing.len()
            );
            (FeedError::Removal, what, Reading::Partial)
        } else if !settled {
            return Ok(Reading::Partial);
        } else {
            self.handle.undo(&missing).await?;
            let undone = missing.len();
            for id in missing {
                self.recorded.remove(id);
            }
            let (feed, entries) = (self.handle.name(), self.recorded.len());
            if undone > 0 || entries != before {
                tracing::info!(feed, lines, entries, undone, "the list of revocations is in force");
            }
            // All that it says is in force.
            self.handle.pulse().set_full(false);
            return Ok(Reading::Whole);
        };
        self.handle.fail(error, &what);
        Ok(reading)
    }

    /// Records what is new.
    async fn record(&mut self, text: &[u8]) -> Result<Found, LedgerFault> {
        let (mut found, mut new) = (Found::default(), Vec::new());
        let mut lines = text.split_inclusive(|byte| *byte == b'\n').enumerate().peekable();
        while let Some((index, line)) = lines.next() {
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            found.lines = found.lines.saturating_add(1);
            let is_cut = lines.peek().is_none() && !text.ends_with(b"\n");
            match line::read(line, &self.handle) {
                Ok(said) => {
                    let unknown = |one: &Said| !self.recorded.see(&one.wanted, self.reading);
                    let said = said.into_iter().filter(unknown).filter(|one| !one.has_ended);
                    new.extend(said.map(|one| one.wanted));
                }
                Err(line::LineFault::Json(_)) if is_cut => found.torn = true,
                Err(fault) => {
                    let number = index.saturating_add(1);
                    found.bad = found.bad.saturating_add(1);
                    let unreadable = usize::from(fault.is_unreadable());
                    found.unreadable = found.unreadable.saturating_add(unreadable);
                    self.handle.count(FeedError::Line);
                    if found.bad <= LOGGED {
                        let feed = self.handle.name();
                        tracing::warn!(feed, line = number, %fault, "a line is left out");
                    }
                    found.fault.get_or_insert_with(|| format!("line {number}: {fault}"));
                }
            }
            if new.len() >= CHUNK {
                self.put(std::mem::take(&mut new)).await?;
            }
            if found.lines.is_multiple_of(CHUNK) {
                // A long list is not the only one that wants its turn.
                tokio::task::yield_now().await;
            }
        }
        self.put(new).await?;
        Ok(found)
    }

    async fn put(&mut self, new: Vec<Wanted>) -> Result<(), LedgerFault> {
        let entries = self.handle.record_wanted(new).await?;
        for entry in &entries {
            self.recorded.add(entry, self.handle.source(), self.reading);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
