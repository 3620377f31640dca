//! Records of what was decided, as JSON lines. A thread of its own writes them; those
//! that wait are bounded in bytes. Where the sink is stuck, records are dropped and
//! counted, or room is asked for before, as is configured: each has a number, so that a
//! loss shows as a gap.

mod key_file;
mod sink;
mod writer;

pub use key_file::KeyFile;
pub use sink::AuditSink;

use super::Metrics;
use super::supervisor::{self, Duty};
use crate::clock::Clock;
use crate::permit::{Permit, Source};
use sink::OpenSink;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use writer::AuditWriter;

/// Something that was decided.
pub trait Record: Send + 'static {
    /// The memory that it takes, about.
    fn bytes(&self) -> usize;

    /// Adds it to `lines`, with a line end.
    fn write(&self, sequence: u64, lines: &mut Vec<u8>);
}

/// A way to have records written. Its clones share it.
#[derive(Debug)]
pub struct AuditLog<R>(Arc<AuditState<R>>);

impl<R> Clone for AuditLog<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct AuditState<R> {
    queue: Mutex<AuditQueue<R>>,
    changed: Condvar,
    reopen: AtomicBool,
    /// Whether the last attempt to write failed, or a panic interrupted the thread.
    failing: AtomicBool,
    /// The most bytes that wait.
    most: usize,
    /// Whether room must be taken before.
    refuses: bool,
    metrics: Arc<Metrics>,
    clock: Clock,
}

#[derive(Debug)]
struct AuditQueue<R> {
    waiting: VecDeque<(u64, R)>,
    /// The number of the next record.
    next: u64,
    /// How many are being written.
    writing: usize,
    /// Of those that wait or are being written, and of the room that is taken.
    bytes: usize,
}

impl<R> Source for AuditLog<R> {
    fn give_back(&self, bytes: usize) {
        let mut queue = self.0.lock();
        queue.bytes = queue.bytes.saturating_sub(bytes);
        drop(queue);
        self.0.changed.notify_all();
    }
}

/// How long the end of the process may wait for the last records.
const PATIENCE: Duration = Duration::from_secs(1);

impl<R: Record> AuditLog<R> {
    /// Opens the sink. `most` bytes of records wait for it; with `refuses`, none is ever
    /// dropped, and [`AuditLog::take_room`] must be asked first.
    ///
    /// # Errors
    /// If the file cannot be opened, or there is no thread to be had.
    pub fn start(
        sink: AuditSink,
        most: usize,
        refuses: bool,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> io::Result<Self> {
        Self::start_with(sink, most, refuses, metrics, clock, || {})
    }

    /// As [`AuditLog::start`]; calls `put_aside` after a file was put aside.
    ///
    /// # Errors
    /// As there.
    pub fn start_with(
        sink: AuditSink,
        most: usize,
        refuses: bool,
        metrics: Arc<Metrics>,
        clock: Clock,
        put_aside: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        let sink = OpenSink::new(sink, Box::new(put_aside))?;
        let queue = AuditQueue { waiting: VecDeque::new(), next: 1, writing: 0, bytes: 0 };
        let (queue, changed) = (Mutex::new(queue), Condvar::new());
        let (reopen, failing) = (AtomicBool::new(false), AtomicBool::new(false));
        let shared = AuditState { queue, changed, reopen, failing, most, refuses, metrics, clock };
        let log = Self(Arc::new(shared));
        let (mut writer, clock) = (AuditWriter::new(log.clone(), sink), log.0.clock.clone());
        supervisor::thread(Duty::Audit, clock, move || writer.run())?;
        Ok(log)
    }

    /// A permit for records of so many bytes that are to come. Where records may be dropped, none
    /// is needed.
    ///
    /// # Errors
    /// If there is no room, or records cannot be written now: what waits is lost if the
    /// process ends.
    pub fn take_room(&self, bytes: usize) -> Result<Option<Permit<Self>>, NoRoom> {
        if !self.0.refuses {
            return Ok(None);
        }
        let mut queue = self.0.lock();
        let taken = queue.bytes.saturating_add(bytes);
        if taken > self.0.most || self.0.failing.load(Ordering::Relaxed) {
            return Err(NoRoom { limit: self.0.most });
        }
        queue.bytes = taken;
        Ok(Some(Permit::given(self.clone(), bytes)))
    }

    /// Has records written.
    pub fn push(&self, records: impl IntoIterator<Item = R>) {
        let mut dropped = 0;
        let mut queue = self.0.lock();
        for record in records {
            let number = queue.next;
            queue.next = number.saturating_add(1);
            let bytes = queue.bytes.saturating_add(record.bytes());
            if bytes > self.0.most && !self.0.refuses {
                dropped += 1;
                continue;
            }
            queue.bytes = bytes;
            queue.waiting.push_back((number, record));
        }
        drop(queue);
        self.0.metrics.audit_records.dropped.inc_by(dropped);
        self.0.changed.notify_all();
    }

    /// Opens the file anew before the next record: it may have been moved away.
    pub fn reopen(&self) {
        self.0.reopen.store(true, Ordering::Relaxed);
        self.0.changed.notify_all();
    }

    /// Waits a moment until all is written; tells how many records are not.
    pub fn flush(&self) -> usize {
        self.flush_within(PATIENCE)
    }

    fn flush_within(&self, patience: Duration) -> usize {
        let waits = |queue: &mut AuditQueue<R>| queue.bytes > 0;
        let waited = self.0.changed.wait_timeout_while(self.0.lock(), patience, waits);
        let (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        queue.waiting.len().saturating_add(queue.writing)
    }
}

impl<R> AuditState<R> {
    fn lock(&self) -> MutexGuard<'_, AuditQueue<R>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// There is no room for more records, or they cannot be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoRoom {
    /// The most bytes that wait.
    pub limit: usize,
}

#[cfg(test)]
mod tests;
