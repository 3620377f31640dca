//! Logs to standard error, as text or as JSON lines. No token or signature is ever logged, and of
//! claims only those in `refusal_line`; names that an issuer chose are escaped when lines are
//! queued.
//!
//! A separate thread writes the lines, because a pipe that nobody reads must not delay verdicts.
//! The queue is bounded; lines that do not fit are dropped and counted.

use super::limited::{LineLimit, held_back};
use super::log_filter::{LogFilter, is_ours};
use super::supervisor::{self, Duty};
use crate::clock::Clock;
use crate::escape::escaped;
use crate::files::words;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing::Metadata;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::writer::OptionalWriter;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, reload};

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogFormat {
    /// Text for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// The running log. Dropping it writes the queued lines first, if standard error accepts them.
#[derive(Debug)]
#[must_use = "when it is dropped, the last lines are written"]
pub struct Logs {
    queue: LogQueue,
    level: LogLevel,
}

/// The log level, which can change while the process runs.
#[derive(Clone, Debug)]
pub struct LogLevel(Arc<Mutex<Level>>);

#[derive(Debug)]
struct Level {
    /// The filter given at startup.
    configured: LogFilter,
    current: LogFilter,
    handle: reload::Handle<Targets, Registry>,
}

impl LogLevel {
    /// Raises the level of all of jwtd by one.
    pub fn raise(&self) {
        self.change(|level| level.current.louder());
    }

    /// Resets the filter to the one given at startup.
    pub fn reset(&self) {
        self.change(|level| level.configured.clone());
    }

    fn change(&self, to: impl FnOnce(&Level) -> LogFilter) {
        let mut level = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        level.current = to(&level);
        // The subscriber exists until the process ends.
        level.handle.reload(level.current.targets()).ok();
        tracing::warn!(filter = %level.current, "the log level is changed");
    }
}

impl Logs {
    /// A handle to change the level.
    #[must_use]
    pub fn level(&self) -> LogLevel {
        self.level.clone()
    }
}

/// Starts logging for the whole process.
///
/// # Errors
/// If no thread can be started, or a logger is already installed; the text says why.
pub fn start(format: LogFormat, filter: LogFilter) -> Result<Logs, String> {
    let colored = format == LogFormat::Text && {
        use std::io::IsTerminal as _;
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
    };
    let no_thread = |error: io::Error| {
        format!("the thread of the log cannot be started: {}", words::of_io(&error))
    };
    let queue = LogQueue::start(io::stderr()).map_err(no_thread)?;
    let writer = LogWriter { queue: queue.clone(), colored, limit: Arc::new(LineLimit::new()) };
    let (targets, handle) = reload::Layer::new(filter.targets());
    let lines = fmt::layer().with_writer(writer);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_ansi(colored).boxed(),
    };
    let started = Registry::default().with(targets).with(lines).try_init();
    started.map_err(|_| "a logger is already installed in this process".to_owned())?;
    let level = Level { configured: filter.clone(), current: filter, handle };
    Ok(Logs { queue, level: LogLevel(Arc::new(Mutex::new(level))) })
}

/// The number of dropped lines, counted for the process and not for one log.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Returns the number of dropped lines.
pub(super) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// The bound on the queue, in bytes.
const MOST: usize = 256 << 10;

/// The interval between reports of suppressed lines.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// The longest time that shutdown waits for the last lines.
const PATIENCE: Duration = Duration::from_millis(500);

/// The queue between loggers and the writer thread.
#[derive(Clone, Debug, Default)]
struct LogQueue(Arc<LogLines>);

#[derive(Debug, Default)]
struct LogLines {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    waiting: VecDeque<Box<[u8]>>,
    /// The bytes of queued lines and of the one being written.
    bytes: usize,
}

impl LogQueue {
    /// Writes the lines to `sink`, for as long as the process lives.
    fn start(mut sink: impl Write + Send + 'static) -> io::Result<Self> {
        let queue = Self::default();
        let own = queue.clone();
        let clock = Clock::system();
        supervisor::thread(Duty::Log, clock.clone(), move || own.write_to(&mut sink, &clock))?;
        Ok(queue)
    }

    fn push(&self, line: &[u8]) {
        let mut lines = self.lock();
        let bytes = lines.bytes.saturating_add(line.len());
        if bytes > MOST {
            DROPPED.fetch_add(1, Ordering::Relaxed);
            return;
        }
        lines.bytes = bytes;
        lines.waiting.push_back(line.into());
        drop(lines);
        self.0.changed.notify_all();
    }

    fn write_to(&self, sink: &mut impl Write, clock: &Clock) {
        let mut told = dropped();
        let (mut told_held_back, mut told_at) = (held_back(), clock.monotonic());
        // A line that was being written during a panic is lost.
        let mut lines = self.lock();
        lines.bytes = lines.waiting.iter().map(|line| line.len()).sum();
        drop(lines);
        loop {
            let mut lines = self.lock();
            while lines.waiting.is_empty() {
                lines = self.0.changed.wait(lines).unwrap_or_else(PoisonError::into_inner);
            }
            let Some(line) = lines.waiting.pop_front() else { continue };
            drop(lines);
            let written = sink.write_all(&line).is_ok();
            let mut lines = self.lock();
            lines.bytes = lines.bytes.saturating_sub(line.len());
            let idle = lines.waiting.is_empty();
            drop(lines);
            self.0.changed.notify_all();
            if !written {
                DROPPED.fetch_add(1, Ordering::Relaxed);
            } else if idle && dropped() > told {
                // Report only to a sink that accepts lines again, because the report is one more
                // line.
                let lines = dropped().saturating_sub(told);
                told = dropped();
                tracing::warn!(lines, "log lines are lost: they could not be written");
            } else if idle && clock.since(told_at) > TELL_EVERY && held_back() > told_held_back {
                let lines = held_back().saturating_sub(told_held_back);
                (told_held_back, told_at) = (held_back(), clock.monotonic());
                tracing::warn!(lines, "log lines were suppressed: too many were alike");
            }
        }
    }

    /// Waits until everything is written, at most for `patience`.
    fn flush(&self, patience: Duration) {
        let waits = |lines: &mut Lines| lines.bytes > 0;
        drop(self.0.changed.wait_timeout_while(self.lock(), patience, waits));
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.queue.flush(PATIENCE);
    }
}

/// Escapes lines and queues them.
#[derive(Clone, Debug)]
struct LogWriter {
    queue: LogQueue,
    /// True if the formatter's color codes are kept.
    colored: bool,
    /// The limit for lines of libraries, which a peer can provoke; DEBUG and below are requested by
    /// name.
    limit: Arc<LineLimit>,
}

impl LogWriter {
    /// Formats one line, whatever an issuer wrote into it. A JSON line keeps its value.
    fn line(&self, text: &str) -> String {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let mut line = String::with_capacity(text.len().saturating_add(1));
        let mut parts = text.split("\x1b[");
        line.push_str(&escaped(parts.next().unwrap_or_default()));
        for part in parts {
            let digits = part.trim_start_matches(|one: char| one.is_ascii_digit() || one == ';');
            if self.colored && digits.starts_with('m') {
                line.push_str("\x1b[");
            } else {
                line.push_str(&escaped("\x1b["));
            }
            line.push_str(&escaped(part));
        }
        line.push('\n');
        line
    }
}

/// The formatter writes each line in one piece.
impl Write for &LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queue.push(self.line(&String::from_utf8_lossy(line)).as_bytes());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for LogWriter {
    type Writer = OptionalWriter<&'w Self>;

    fn make_writer(&'w self) -> Self::Writer {
        OptionalWriter::some(self)
    }

    fn make_writer_for(&'w self, line: &Metadata<'_>) -> Self::Writer {
        let limited = *line.level() <= tracing::Level::INFO && !is_ours(line.target());
        if limited && self.limit.take(&Clock::system()).is_none() {
            return OptionalWriter::none();
        }
        self.make_writer()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn a_line_is_one_line_and_nothing_that_a_terminal_obeys() {
        let line = |colored, text: &str| {
            let (queue, limit) = (LogQueue::default(), Arc::default());
            LogWriter { queue, colored, limit }.line(text)
        };
        let hostile = "\x1b[2mINFO\x1b[0m a\x1b[2J\u{9b}31m\n2026 ERROR forged\u{202e}\u{2028}\n";
        let rest = "\\u001b[2J\\u009b31m\\u000a2026 ERROR forged\\u202e\\u2028\n";
        assert_eq!(line(true, hostile), format!("\x1b[2mINFO\x1b[0m a{rest}"));
        assert_eq!(line(false, hostile), format!("\\u001b[2mINFO\\u001b[0m a{rest}"));
        let json = "{\"message\":\"\u{7f}\u{202e}\"}\n";
        let value: serde_json::Value = serde_json::from_str(&line(false, json)).unwrap();
        assert_eq!(value["message"], "\u{7f}\u{202e}");
    }

    #[test]
    fn a_sink_that_takes_nothing_holds_nobody_up_and_gets_what_fitted() {
        let (mut reader, writer) = io::pipe().unwrap();
        let queue = LogQueue::start(writer).unwrap();
        let before = dropped();
        let line = [b'.'; 1024];
        for _ in 0..1024 {
            queue.push(&line);
        }
        // No writer has waited for the sink, which has not taken anything yet.
        queue.flush(Duration::ZERO);
        assert!(queue.lock().bytes > 0);
        let lost = dropped() - before;
        // The pipe holds 64 KiB, or 16 pages of another size.
        assert!((512..1024).contains(&lost), "{lost}");
        let kept = usize::try_from(1024 - lost).unwrap() * line.len();
        let reading = std::thread::spawn(move || {
            let mut text = vec![0; kept];
            reader.read_exact(&mut text).map(|()| text)
        });
        queue.flush(Duration::MAX);
        assert_eq!(queue.lock().bytes, 0);
        assert!(reading.join().unwrap().unwrap().iter().all(|byte| *byte == b'.'));
    }
}
