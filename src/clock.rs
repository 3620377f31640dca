//! The clock: the only module that asks the operating system for the time.
//!
//! A [`Clock`] has the wall time, by which tokens are verified, and a monotonic time, by which the
//! daemon waits and measures. Code that needs either takes a clock, or a moment read from one, as
//! an argument. Tests pass a clock that moves only when they advance it: [`VirtualClock`].

mod jump;

pub use jump::{Jump, Reading};

use jwtd_core::jose::UnixTime;
use rustls::time_provider::TimeProvider;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;

/// A source of time and of timers. Clones share one clock.
#[derive(Clone, Debug)]
pub struct Clock(Option<Arc<Virtual>>);

impl Clock {
    /// The clock of the operating system.
    #[must_use]
    pub const fn system() -> Self {
        Self(None)
    }

    /// The wall time, in whole seconds. A time before 1970 counts as 1970: every token is then not
    /// yet valid.
    #[must_use]
    pub fn wall(&self) -> UnixTime {
        whole_seconds(self.timestamp())
    }

    /// The wall time with full precision, for records.
    #[must_use]
    pub fn timestamp(&self) -> SystemTime {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the clock itself")]
            None => SystemTime::now(),
            Some(clock) => clock.lock().wall,
        }
    }

    /// The monotonic time, for waiting and measuring.
    #[must_use]
    pub fn monotonic(&self) -> Instant {
        match &self.0 {
            None => instant(),
            Some(clock) => later(clock.monotonic, clock.lock().passed),
        }
    }

    /// The time that has passed since `begin`.
    #[must_use]
    pub fn since(&self, begin: Instant) -> Duration {
        self.monotonic().saturating_duration_since(begin)
    }

    /// Waits until `moment`.
    pub async fn sleep_until(&self, moment: Instant) {
        match &self.0 {
            None => tokio::time::sleep_until(moment.into()).await,
            Some(clock) => {
                if let Some(reached) = clock.sleeper(moment) {
                    reached.await.ok();
                }
            }
        }
    }

    /// Waits for `span`.
    pub async fn sleep(&self, span: Duration) {
        self.sleep_until(later(self.monotonic(), span)).await;
    }

    /// Returns the output of `future`, or `None` if it has not finished by `moment`.
    pub async fn timeout_at<F: Future>(&self, moment: Instant, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = self.sleep_until(moment) => None,
        }
    }

    /// Returns the output of `future`, or `None` if it has not finished after `span`.
    pub async fn timeout<F: Future>(&self, span: Duration, future: F) -> Option<F::Output> {
        self.timeout_at(later(self.monotonic(), span), future).await
    }

    /// Blocks the thread until `moment`. Must never be called on a worker of the runtime.
    pub fn block_until(&self, moment: Instant) {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "for threads of their own")]
            None => std::thread::sleep(moment.saturating_duration_since(instant())),
            Some(clock) => {
                if let Some(reached) = clock.sleeper(moment) {
                    reached.blocking_recv().ok();
                }
            }
        }
    }
}

/// Gives rustls the time, because its own clock panics before 1970. A handshake fails instead.
impl TimeProvider for Clock {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        let since = self.timestamp().duration_since(UNIX_EPOCH).ok()?;
        Some(rustls::pki_types::UnixTime::since_unix_epoch(since))
    }
}

/// Formats a timestamp as RFC 3339, with milliseconds. The format ends at the year 9999, and
/// `humantime` panics before 1970: times outside are written as the nearest one inside.
#[must_use]
pub fn rfc3339(at: SystemTime) -> String {
    const LAST: Duration = Duration::from_millis(253_402_300_799_999);

    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default().min(LAST);
    let at = UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH);
    humantime::format_rfc3339_millis(at).to_string()
}

/// A clock for tests that stands still until it is advanced. A sleeper wakes exactly at its
/// moment.
#[derive(Clone, Debug)]
pub struct VirtualClock(Arc<Virtual>);

#[derive(Debug)]
struct Virtual {
    monotonic: Instant,
    state: Mutex<State>,
    /// Notified when a task or thread starts to sleep.
    asleep: Condvar,
}

#[derive(Debug)]
struct State {
    wall: SystemTime,
    /// The time that has passed since the beginning.
    passed: Duration,
    /// The moments at which sleepers wake, each with the channel that wakes it.
    sleepers: Vec<(Instant, oneshot::Sender<()>)>,
}

impl VirtualClock {
    /// A clock that stands still at `wall`.
    #[must_use]
    pub fn at(wall: UnixTime) -> Self {
        let state = State { wall: system_time(wall), passed: Duration::ZERO, sleepers: Vec::new() };
        let (state, asleep) = (Mutex::new(state), Condvar::new());
        Self(Arc::new(Virtual { monotonic: instant(), state, asleep }))
    }

    /// The clock to pass to code under test.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock(Some(Arc::clone(&self.0)))
    }

    /// Advances the time by `span`, and wakes the sleepers whose moment has come.
    pub fn advance(&self, span: Duration) {
        let mut state = self.0.lock();
        state.passed = state.passed.saturating_add(span);
        state.wall = state.wall.checked_add(span).unwrap_or(state.wall);
        let now = later(self.0.monotonic, state.passed);
        let due = state.sleepers.extract_if(.., |(moment, _)| *moment <= now);
        for (_, wake) in due {
            // A sleeper that was dropped has no receiver any more.
            wake.send(()).ok();
        }
    }

    /// Sets the wall time, as an operator or a time service does; the monotonic time stays.
    pub fn set_wall(&self, wall: UnixTime) {
        self.0.lock().wall = system_time(wall);
    }

    /// Blocks until there is a sleeper for exactly this moment, so that a test does not advance the
    /// time before a thread has gone to sleep.
    pub fn wait_for_sleeper(&self, moment: Instant) {
        let missing = |state: &mut State| {
            !state.sleepers.iter().any(|(until, wake)| *until == moment && !wake.is_closed())
        };
        let waited = self.0.asleep.wait_while(self.0.lock(), missing);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Virtual {
    /// A receiver that resolves at `moment`; `None` if `moment` has passed.
    fn sleeper(&self, moment: Instant) -> Option<oneshot::Receiver<()>> {
        let mut state = self.lock();
        if moment <= later(self.monotonic, state.passed) {
            return None;
        }
        let (wake, reached) = oneshot::channel();
        state.sleepers.retain(|(_, wake)| !wake.is_closed());
        state.sleepers.push((moment, wake));
        self.asleep.notify_all();
        Some(reached)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn whole_seconds(at: SystemTime) -> UnixTime {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Converts a time, including one before 1970.
fn system_time(at: UnixTime) -> SystemTime {
    let span = Duration::from_secs(at.seconds().unsigned_abs());
    let moved =
        if at.seconds() < 0 { UNIX_EPOCH.checked_sub(span) } else { UNIX_EPOCH.checked_add(span) };
    moved.unwrap_or(UNIX_EPOCH)
}

#[expect(clippy::disallowed_methods, reason = "the clock itself")]
fn instant() -> Instant {
    Instant::now()
}

/// The moment `span` after another one. A moment too far to represent becomes one that is
/// practically never.
pub(crate) fn later(moment: Instant, span: Duration) -> Instant {
    /// Thirty years.
    const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);

    let sum = moment.checked_add(span).or_else(|| moment.checked_add(FAR));
    sum.unwrap_or(moment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    const SECOND: Duration = Duration::from_secs(1);
    const TICK: Duration = Duration::from_nanos(1);

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn virtual_time_stands_still_until_it_is_advanced() {
        let time = VirtualClock::at(UnixTime::from_seconds(1_800_000_000));
        let (clock, begin) = (time.clock(), time.clock().monotonic());
        assert_eq!((clock.wall().seconds(), clock.since(begin)), (1_800_000_000, Duration::ZERO));
        time.advance(SECOND - TICK);
        assert_eq!((clock.wall().seconds(), clock.since(begin)), (1_800_000_000, SECOND - TICK));
        time.advance(TICK);
        assert_eq!((clock.wall().seconds(), clock.monotonic()), (1_800_000_001, begin + SECOND));
        let since = clock.timestamp().duration_since(UNIX_EPOCH).unwrap();
        assert_eq!(since, Duration::from_secs(1_800_000_001));
    }

    #[test]
    fn sleepers_wake_exactly_at_their_moment() {
        let time = VirtualClock::at(UnixTime::from_seconds(0));
        let clock = time.clock();
        let (mut short, mut long) = (pin!(clock.sleep(SECOND)), pin!(clock.sleep(SECOND * 2)));
        assert!(poll(short.as_mut()).is_pending() && poll(long.as_mut()).is_pending());
        time.advance(SECOND - TICK);
        assert!(poll(short.as_mut()).is_pending());
        time.advance(TICK);
        assert!(poll(short.as_mut()).is_ready() && poll(long.as_mut()).is_pending());
        // A sleep until a past moment returns at once.
        assert!(poll(pin!(clock.sleep(Duration::ZERO))).is_ready());
        time.advance(SECOND);
        assert!(poll(long.as_mut()).is_ready());
    }

    #[test]
    fn what_ends_at_the_last_moment_is_in_time() {
        let time = VirtualClock::at(UnixTime::from_seconds(0));
        let clock = time.clock();
        let (tell, told) = oneshot::channel();
        let mut waiting = pin!(clock.timeout(SECOND, told));
        assert!(poll(waiting.as_mut()).is_pending());
        time.advance(SECOND);
        tell.send(7).unwrap();
        assert_eq!(poll(waiting.as_mut()), Poll::Ready(Some(Ok(7))));
        let mut late = pin!(clock.timeout(SECOND, std::future::pending::<()>()));
        assert!(poll(late.as_mut()).is_pending());
        time.advance(SECOND);
        assert_eq!(poll(late.as_mut()), Poll::Ready(None));
    }

    #[test]
    fn a_thread_sleeps_until_time_is_advanced() {
        let time = VirtualClock::at(UnixTime::from_seconds(0));
        let (clock, moment) = (time.clock(), time.clock().monotonic() + SECOND);
        let thread = std::thread::spawn(move || {
            clock.block_until(moment);
            clock.monotonic()
        });
        time.wait_for_sleeper(moment);
        time.advance(SECOND);
        assert_eq!(thread.join().unwrap(), moment);
    }

    #[test]
    fn the_system_clock_goes_on_and_never_back() {
        let clock = Clock::system();
        let begin = clock.monotonic();
        clock.block_until(begin + Duration::from_millis(1));
        assert!(clock.since(begin) >= Duration::from_millis(1));
    }

    #[test]
    fn a_wall_clock_before_1970_counts_as_1970() {
        let at = |seconds| whole_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).seconds();
        assert_eq!((at(0), at(1_800_000_000)), (0, 1_800_000_000));
        assert_eq!(whole_seconds(UNIX_EPOCH - SECOND).seconds(), 0);
    }

    #[test]
    fn no_time_is_outside_the_calendar() {
        for (seconds, text) in [
            (-1, "1970-01-01T00:00:00.000Z"),
            (-9_000_000_000, "1970-01-01T00:00:00.000Z"),
            (1_800_000_000, "2027-01-15T08:00:00.000Z"),
            (253_402_300_799, "9999-12-31T23:59:59.000Z"),
            (253_402_300_800, "9999-12-31T23:59:59.999Z"),
            (9_000_000_000_000, "9999-12-31T23:59:59.999Z"),
        ] {
            let time = VirtualClock::at(UnixTime::from_seconds(seconds));
            assert_eq!(rfc3339(time.clock().timestamp()), text);
            assert_eq!(time.clock().current_time().is_some(), seconds >= 0);
            assert_eq!(time.clock().wall().seconds(), seconds.max(0));
        }
    }

    #[test]
    fn a_moment_beyond_all_time_is_far_away() {
        let now = VirtualClock::at(UnixTime::from_seconds(0)).clock().monotonic();
        assert!(later(now, Duration::MAX) > now + SECOND * 86_400 * 3650);
    }
}
