//! The thread that writes records. Its buffers survive a panic, so that the supervisor can restart
//! it.

use super::sink::OpenSink;
use super::{AuditLog, Record};
use crate::clock::later;
use crate::escape::escaped;
use crate::files::words::of_io;
use crate::telemetry::supervisor::Duty;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The delay before a failing sink is retried.
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// The least time between warnings that a sink cannot be written.
const WARN_EVERY: Duration = Duration::from_secs(5);

/// The approximate size of one write, in bytes.
const PIECE: usize = 64 << 10;

/// Writes the records of a log.
pub(super) struct AuditWriter<R> {
    log: AuditLog<R>,
    sink: OpenSink,
    /// The records that are not formatted yet.
    records: VecDeque<(u64, R)>,
    lines: Vec<u8>,
    /// The length of the written prefix of `lines`.
    done: usize,
    /// The number of records in `lines`.
    count: u64,
    /// The bytes of the queue that all of these occupy.
    taken: usize,
    last_warning: Option<Instant>,
    /// True from a warning that the sink cannot be written until it recovers.
    told: bool,
}

/// Marks the log as failing if it is dropped by a panic.
struct Alarm<'s>(&'s AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<R: Record> AuditWriter<R> {
    pub(super) fn new(log: AuditLog<R>, sink: OpenSink) -> Self {
        Self {
            log,
            sink,
            records: VecDeque::new(),
            lines: Vec::new(),
            done: 0,
            count: 0,
            taken: 0,
            last_warning: None,
            told: false,
        }
    }

    /// Writes for as long as the process lives. After a panic, it first writes the remaining
    /// records.
    pub(super) fn run(&mut self) {
        let shared = std::sync::Arc::clone(&self.log.0);
        let _alarm = Alarm(&shared.failing);
        loop {
            self.format();
            self.write();
            self.settle();
            self.take();
        }
    }

    /// Formats the records as lines.
    fn format(&mut self) {
        while let Some((number, record)) = self.records.pop_front() {
            let begin = self.lines.len();
            let write = AssertUnwindSafe(|| record.write(number, &mut self.lines));
            if catch_unwind(write).is_ok() {
                self.escape(begin);
                self.count = self.count.saturating_add(1);
            } else {
                // One bad record must not cost the others; its sequence number is missing.
                self.lines.truncate(begin);
                self.log.0.metrics.audit_records.dropped.inc();
                Duty::Audit.panicked();
            }
        }
    }

    /// Escapes the last line, so that it is safe to view. Its JSON value stays the same.
    fn escape(&mut self, begin: usize) {
        let line = self.lines.get(begin..).unwrap_or_default();
        let Ok(text) = std::str::from_utf8(line.strip_suffix(b"\n").unwrap_or(line)) else {
            return;
        };
        if let Cow::Owned(text) = escaped(text) {
            self.lines.truncate(begin);
            self.lines.extend_from_slice(text.as_bytes());
            self.lines.push(b'\n');
        }
    }

    /// Writes the lines. Lines that cannot be written wait here, and all others behind them.
    fn write(&mut self) {
        let shared = &self.log.0;
        loop {
            let mut rest = self.lines.get(self.done..).unwrap_or_default();
            let written = self.sink.write(&mut rest);
            self.done = self.lines.len().saturating_sub(rest.len());
            let Err(error) = written else { return };
            shared.failing.store(true, Ordering::Relaxed);
            let now = shared.clock.monotonic();
            let since = |last| now.saturating_duration_since(last);
            if self.last_warning.is_none_or(|last| since(last) > WARN_EVERY) {
                self.last_warning = Some(now);
                self.told = true;
                let error = of_io(&error);
                tracing::warn!(error, "the audit log cannot be written");
            }
            shared.clock.block_until(later(now, PAUSE));
            self.sink.close();
        }
    }

    /// Releases the queue space of the written records.
    fn settle(&mut self) {
        let shared = &self.log.0;
        shared.metrics.audit_records.written.inc_by(self.count);
        let mut queue = shared.lock();
        queue.bytes = queue.bytes.saturating_sub(self.taken);
        queue.writing = 0;
        shared.failing.store(false, Ordering::Relaxed);
        drop(queue);
        shared.changed.notify_all();
        if std::mem::take(&mut self.told) {
            tracing::info!("the audit log can be written again");
        }
        // Do not keep the memory of one large record.
        self.lines = Vec::with_capacity(PIECE);
        (self.done, self.count, self.taken) = (0, 0, 0);
    }

    /// Waits for records, or for a request to reopen the file.
    fn take(&mut self) {
        let shared = &self.log.0;
        let mut queue = shared.lock();
        while queue.waiting.is_empty() && !shared.reopen.load(Ordering::Relaxed) {
            queue = shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        while self.taken < PIECE
            && let Some(next) = queue.waiting.pop_front()
        {
            self.taken = self.taken.saturating_add(next.1.bytes());
            self.records.push_back(next);
        }
        queue.writing = self.records.len();
        drop(queue);
        if shared.reopen.swap(false, Ordering::Relaxed) {
            self.sink.close();
        }
    }
}
