//! Writes records of decisions as JSON lines, on its own thread. The queue is bounded in bytes. If
//! the sink is stuck, records are either dropped and counted, or a permit is required before, as
//! configured. Each record has a sequence number, so that a loss shows as a gap.

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

/// A record of a decision.
pub trait Record: Send + 'static {
    /// The approximate memory of the record, in bytes.
    fn bytes(&self) -> usize;

    /// Appends the record to `lines`, with a line ending.
    fn write(&self, sequence: u64, lines: &mut Vec<u8>);
}

/// A handle of the log. Clones share the log.
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
    /// True if the last attempt to write failed, or a panic interrupted the thread.
    failing: AtomicBool,
    /// The bound on the queue, in bytes.
    most: usize,
    /// True if records need a permit before.
    refuses: bool,
    metrics: Arc<Metrics>,
    clock: Clock,
}

#[derive(Debug)]
struct AuditQueue<R> {
    waiting: VecDeque<(u64, R)>,
    /// The sequence number of the next record.
    next: u64,
    /// The number of records being written.
    writing: usize,
    /// The bytes of queued records, of those being written, and of permits.
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

/// The longest time that shutdown waits for the last records.
const PATIENCE: Duration = Duration::from_secs(1);

impl<R: Record> AuditLog<R> {
    /// Opens the sink, with a queue of `most` bytes. With `refuses`, no record is ever dropped, and
    /// [`AuditLog::take_room`] must be called before.
    ///
    /// # Errors
    /// If the file cannot be opened, or the thread cannot be started.
    pub fn start(
        sink: AuditSink,
        most: usize,
        refuses: bool,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> io::Result<Self> {
        Self::start_with(sink, most, refuses, metrics, clock, || {})
    }

    /// Opens the sink as [`AuditLog::start`] does; calls `put_aside` after each rotation.
    ///
    /// # Errors
    /// Those of [`AuditLog::start`].
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

    /// Acquires a permit for future records of `bytes` in total. If records may be dropped, none is
    /// needed.
    ///
    /// # Errors
    /// If the queue is full, or records cannot be written now: queued records would be lost if the
    /// process ended.
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

    /// Queues records.
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

    /// Reopens the file before the next record, because it may have been moved.
    pub fn reopen(&self) {
        self.0.reopen.store(true, Ordering::Relaxed);
        self.0.changed.notify_all();
    }

    /// Waits a moment until all records are written, and returns the number of unwritten ones.
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

/// The queue is full, or records cannot be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoRoom {
    /// The bound on the queue, in bytes.
    pub limit: usize,
}

#[cfg(test)]
mod tests;
