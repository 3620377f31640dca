//! Supervises threads and tasks that must not end before the daemon does. A panic in one of them is
//! counted and logged, and its work is restarted after a pause.
//!
//! Threads and tasks owned by a connection, a call or a command end with their owner and have no
//! supervisor. `tests/tidy.rs` lists them.

use super::limited::limited;
use crate::clock::{Clock, later};
use futures_util::FutureExt as _;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Work that runs as long as the daemon.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Duty {
    /// Accepts connections, for each listener.
    Accept,
    /// Serves probes and metrics.
    Admin,
    /// Writes the audit log.
    Audit,
    /// Watches for jumps of the clock.
    Clock,
    /// Reads revocation feeds, one task per feed.
    Feeds,
    /// Updates the gRPC health service.
    Health,
    /// Fetches keys, for each issuer.
    Keys,
    /// Writes the log.
    Log,
    /// Writes the refusal log.
    Refusals,
    /// Reloads the configuration.
    Reload,
    /// Shares the memory of presentations.
    Replay,
    /// Records revocations.
    Revocations,
    /// Receives signals.
    Signals,
    /// Exports traces.
    Traces,
}

impl Duty {
    /// All duties, in the order of the variants' numbers.
    pub const ALL: [Self; 14] = [
        Self::Accept,
        Self::Admin,
        Self::Audit,
        Self::Clock,
        Self::Feeds,
        Self::Health,
        Self::Keys,
        Self::Log,
        Self::Refusals,
        Self::Reload,
        Self::Replay,
        Self::Revocations,
        Self::Signals,
        Self::Traces,
    ];

    /// The name in metrics, in logs and of threads.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Admin => "admin",
            Self::Audit => "audit",
            Self::Clock => "clock",
            Self::Feeds => "feeds",
            Self::Health => "health",
            Self::Keys => "keys",
            Self::Log => "log",
            Self::Refusals => "refusals",
            Self::Reload => "reload",
            Self::Replay => "replay",
            Self::Revocations => "revocations",
            Self::Signals => "signals",
            Self::Traces => "traces",
        }
    }

    /// The number of panics since the process started.
    pub(super) fn panics(self) -> u64 {
        PANICS.get(self as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Counts and logs a panic that did not end the work.
    pub(super) fn panicked(self) {
        if let Some(count) = PANICS.get(self as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let duty = self.name();
        limited!(Clock::system(), ERROR, duty, "a panic interrupted the work, which is restarted");
    }
}

/// The panics of each duty. Global, like all panic counts.
static PANICS: [AtomicU64; Duty::ALL.len()] = [const { AtomicU64::new(0) }; Duty::ALL.len()];

/// The pause after a panic: work that panics again at once must not take a whole core.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs `work` in its own thread until it returns, and again after each panic.
///
/// # Errors
/// If the operating system refuses the thread.
pub fn thread(duty: Duty, clock: Clock, mut work: impl FnMut() + Send + 'static) -> io::Result<()> {
    let run = move || {
        while catch_unwind(AssertUnwindSafe(&mut work)).is_err() {
            duty.panicked();
            clock.block_until(later(clock.monotonic(), PAUSE));
        }
    };
    std::thread::Builder::new().name(duty.name().to_owned()).spawn(run).map(drop)
}

/// Runs `work` in its own task until it returns, and again after each panic. Must be called inside
/// a runtime.
pub fn task<F>(duty: Duty, clock: Clock, work: impl FnMut() -> F + Send + 'static) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(attend(duty, clock, work))
}

/// Awaits `work` until it returns, and again after each panic.
pub async fn attend<F>(duty: Duty, clock: Clock, mut work: impl FnMut() -> F)
where
    F: Future<Output = ()>,
{
    // Creating the future may panic too.
    while AssertUnwindSafe(async { work().await }).catch_unwind().await.is_err() {
        duty.panicked();
        clock.sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;
    use futures_util::poll;
    use jwtd_core::jose::UnixTime;
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::Poll;

    #[test]
    fn each_duty_has_its_counter_and_its_name() {
        for (place, duty) in Duty::ALL.into_iter().enumerate() {
            assert_eq!((duty as usize, Duty::ALL[place]), (place, duty));
        }
        let mut names: Vec<_> = Duty::ALL.iter().map(|duty| duty.name()).collect();
        names.dedup();
        assert_eq!(names.len(), Duty::ALL.len());
    }

    #[test]
    fn a_thread_goes_on_after_each_panic() {
        let time = VirtualClock::at(UnixTime::from_seconds(0));
        let before = Duty::Signals.panics();
        let (tell, told) = mpsc::channel();
        let mut run = 0;
        let work = move || {
            run += 1;
            tell.send(run).unwrap();
            assert!(run > 2, "not yet");
        };
        thread(Duty::Signals, time.clock(), work).unwrap();
        for run in 1..3 {
            assert_eq!(told.recv(), Ok(run));
            time.wait_for_sleeper(time.clock().monotonic() + PAUSE);
            time.advance(PAUSE);
        }
        assert_eq!(told.recv(), Ok(3));
        assert!(told.recv().is_err(), "the thread has ended");
        assert_eq!(Duty::Signals.panics() - before, 2);
    }

    #[tokio::test]
    async fn a_task_goes_on_after_each_panic() {
        let time = VirtualClock::at(UnixTime::from_seconds(0));
        let (before, mut run) = (Duty::Traces.panics(), 0);
        let work = || {
            run += 1;
            assert!(run != 1, "before there is a future");
            async move { assert!(run != 2, "in the future") }
        };
        let mut attended = pin!(attend(Duty::Traces, time.clock(), work));
        for _ in 0..2 {
            assert!(poll!(&mut attended).is_pending());
            time.advance(PAUSE);
        }
        assert_eq!(poll!(&mut attended), Poll::Ready(()));
        assert_eq!(Duty::Traces.panics() - before, 2);
    }
}
