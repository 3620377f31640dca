//! Logs to standard error, as text or as JSON lines. No token, signature or claim
//! is ever logged; names that an issuer chose are escaped where they are written.
//!
//! A thread of its own writes the lines: a pipe that nobody reads must not hold up
//! verdicts. The lines that wait are bounded; what does not fit is dropped and counted.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Logging, under way. When it is dropped, lines that wait are written first, if
/// standard error takes them.
#[derive(Debug)]
#[must_use = "when it is dropped, the last lines are written"]
pub struct Logs(Queue);

/// Starts logging for the whole process.
///
/// `filter` is a level (`info`) or a list of directives (`info,jwtd::grpc=debug`).
///
/// # Errors
/// If `filter` cannot be read, or there is no thread to be had; its text says why.
pub fn start(format: LogFormat, filter: &str) -> Result<Logs, String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
    let queue = Queue::start(io::stderr()).map_err(|error| error.to_string())?;
    let writer = queue.clone();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => {
            use std::io::IsTerminal as _;
            let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            builder.with_ansi(colour).try_init()
        }
    }
    .map_err(|error| error.to_string())?;
    Ok(Logs(queue))
}

/// Lines are lost to the process, not to one log.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// How many lines were not written.
pub(super) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// The most bytes that wait to be written.
const MOST: usize = 256 << 10;

/// How long the end of the process may wait for the last lines.
const PATIENCE: Duration = Duration::from_millis(500);

/// Lines between those who log and the thread that writes.
#[derive(Clone, Debug, Default)]
struct Queue(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    waiting: VecDeque<Box<[u8]>>,
    /// Of those that wait and of the one that is being written.
    bytes: usize,
}

impl Queue {
    /// Has the lines written to `sink`, for as long as the process lives.
    fn start(sink: impl Write + Send + 'static) -> io::Result<Self> {
        let queue = Self::default();
        let own = queue.clone();
        std::thread::Builder::new().name("log".to_owned()).spawn(move || own.write_to(sink))?;
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

    fn write_to(self, mut sink: impl Write) {
        let mut told = 0;
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
                // Only to a sink that takes lines again: this is one more.
                let lines = dropped().saturating_sub(told);
                told = dropped();
                tracing::warn!(lines, "lines of the log are lost: they could not be written");
            }
        }
    }

    /// Waits until everything is written, but not longer than `patience`.
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
        self.0.flush(PATIENCE);
    }
}

/// Each line comes whole, in one piece.
impl Write for &Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Queue {
    type Writer = &'w Self;

    fn make_writer(&'w self) -> Self::Writer {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn a_sink_that_takes_nothing_holds_nobody_up_and_gets_what_fitted() {
        let (mut reader, writer) = io::pipe().unwrap();
        let queue = Queue::start(writer).unwrap();
        let before = dropped();
        let line = [b'.'; 1024];
        for _ in 0..1024 {
            queue.push(&line);
        }
        // Neither of them has waited for the sink, which has not taken anything yet.
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
