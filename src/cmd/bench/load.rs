//! Sends messages, as fast as they are answered or at a fixed rate.

use super::CallKind;
use super::line::Line;
use super::tally::LoadTally;
use super::token_mix::TokenMix;
use crate::client::Client;
use crate::clock::{Clock, later};
use crate::cmd::progress::Progress;
use crate::pb;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The parameters of the load.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) call: CallKind,
    /// Tokens in a message.
    pub(super) batch: u64,
    /// Messages in flight at once.
    pub(super) concurrency: usize,
    /// Tokens a second; `None` means as many as the daemon answers.
    pub(super) rate: Option<u32>,
    pub(super) duration: Duration,
    pub(super) options: pb::VerifyOptions,
}

/// The timeout for a response.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The pause after a failed message, so that a daemon that refuses calls is not called in a tight
/// loop.
const PAUSE: Duration = Duration::from_millis(10);

/// Runs the load, and returns its tally.
pub(super) async fn run(
    plan: &Plan,
    clients: &[Client],
    mix: &Arc<TokenMix>,
    stop: &CancellationToken,
) -> LoadTally {
    let share = plan.concurrency.div_ceil(clients.len().max(1));
    let lines: Vec<Line> =
        clients.iter().map(|client| Line::new(client, plan.call, share)).collect();
    let schedule = Arc::new(Schedule::new(plan, Clock::system()));
    if plan.rate.is_some() {
        let (schedule, stop, workers) = (Arc::clone(&schedule), stop.clone(), plan.concurrency);
        // A thread of its own, because the runtime's timers have a resolution of whole
        // milliseconds.
        std::thread::spawn(move || schedule.pace(&stop, workers));
    }
    let tally = Arc::new(Mutex::new(LoadTally::default()));
    let mut workers = JoinSet::new();
    for line in lines.iter().cycle().take(plan.concurrency) {
        let worker = Worker {
            line: line.clone(),
            schedule: Arc::clone(&schedule),
            mix: Arc::clone(mix),
            stop: stop.clone(),
            plan: plan.clone(),
            tally: Arc::clone(&tally),
        };
        workers.spawn(worker.run());
    }
    let showing = tokio::spawn(show(plan.duration));
    while workers.join_next().await.is_some() {}
    showing.abort();
    let mut tally = std::mem::take(&mut *lock(&tally));
    let ended_early = stop.is_cancelled() || mix.is_used_up();
    if plan.rate.is_some() && !ended_early {
        tally.took = tally.took.max(plan.duration);
        tally.unsent = schedule.unsent();
    }
    if tally.took.is_zero() {
        tally.took = schedule.passed();
    }
    tally
}

fn lock(tally: &Mutex<LoadTally>) -> MutexGuard<'_, LoadTally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows a progress bar of the elapsed seconds.
async fn show(duration: Duration) {
    let mut progress = Progress::new(duration.as_secs().max(1), "seconds");
    for _ in 0..duration.as_secs() {
        sleep(Duration::from_secs(1)).await;
        progress.step(1);
    }
}

/// The times at which messages are due.
struct Schedule {
    clock: Clock,
    begin: Instant,
    duration: Duration,
    /// Tokens in a message, and tokens a second.
    rate: Option<(u64, u32)>,
    /// Permits for messages that are due and not sent.
    due: Semaphore,
    sent: AtomicU64,
}

impl Schedule {
    fn new(plan: &Plan, clock: Clock) -> Self {
        Self {
            begin: clock.monotonic(),
            clock,
            duration: plan.duration,
            rate: plan.rate.map(|rate| (plan.batch, rate)),
            due: Semaphore::new(0),
            sent: AtomicU64::new(0),
        }
    }

    fn passed(&self) -> Duration {
        self.clock.since(self.begin)
    }

    /// The time at which the message with this number is due; `None` after the end.
    fn moment(&self, number: u64) -> Option<Instant> {
        let (batch, rate) = self.rate?;
        let nanoseconds = u128::from(number) * u128::from(batch) * 1_000_000_000 / u128::from(rate);
        let after = Duration::from_nanos(u64::try_from(nanoseconds).ok()?);
        (after < self.duration).then(|| self.begin + after)
    }

    /// Releases messages when they are due, and lets `workers` see the end.
    fn pace(&self, stop: &CancellationToken, workers: usize) {
        /// The longest delay before a stop is noticed.
        const STEP: Duration = Duration::from_millis(50);

        let moments = (0..).map_while(|number| self.moment(number));
        for moment in moments {
            loop {
                let now = self.clock.monotonic();
                if stop.is_cancelled() {
                    return;
                }
                if moment <= now {
                    break;
                }
                self.clock.block_until(moment.min(later(now, STEP)));
            }
            self.due.add_permits(1);
        }
        // The load includes the time of the last message.
        let end = self.begin + self.duration;
        let mut now = self.clock.monotonic();
        while !stop.is_cancelled() && now < end {
            self.clock.block_until(end.min(later(now, STEP)));
            now = self.clock.monotonic();
        }
        self.due.add_permits(workers);
    }

    /// The number of messages that were due and not sent.
    fn unsent(&self) -> u64 {
        let sent = self.sent.load(Ordering::Relaxed);
        (sent..).map_while(|number| self.moment(number)).count() as u64
    }

    /// Waits until the next message is due, and returns the time from which its latency counts;
    /// `None` at the end. Without a rate, the `first` message of a worker is always due.
    async fn due(&self, first: bool) -> Option<Instant> {
        let passed = || self.passed() >= self.duration;
        if self.rate.is_none() {
            return (first || !passed()).then(|| self.clock.monotonic());
        }
        let waits = self.due.try_acquire().map(SemaphorePermit::forget).is_err();
        if waits {
            self.due.acquire().await.ok()?.forget();
        }
        if passed() {
            return None;
        }
        let moment = self.moment(self.sent.fetch_add(1, Ordering::Relaxed))?;
        // If a worker was free to send it, a late message is the fault of the load and not of the
        // daemon.
        Some(if waits { self.clock.monotonic() } else { moment })
    }
}

/// A worker that sends one message after the other.
struct Worker {
    line: Line,
    schedule: Arc<Schedule>,
    mix: Arc<TokenMix>,
    stop: CancellationToken,
    plan: Plan,
    tally: Arc<Mutex<LoadTally>>,
}

impl Worker {
    async fn run(self) {
        // On a signal, abandon the messages in flight.
        self.stop.run_until_cancelled(self.send_all()).await;
    }

    async fn send_all(&self) {
        let mut first = true;
        while let Some(due) = self.schedule.due(std::mem::take(&mut first)).await {
            let Some(tokens) = self.mix.take(self.plan.batch) else { return };
            let sent = self.line.send(tokens, &self.plan.options);
            let answer = timeout(PATIENCE, sent)
                .await
                .unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")));
            let failed = answer.is_err();
            {
                let mut tally = lock(&self.tally);
                match answer {
                    Ok(verdicts) => {
                        tally.answered(self.schedule.clock.since(due), self.schedule.passed());
                        tally.judged(&verdicts);
                    }
                    Err(why) => tally.failed(why),
                }
            }
            if failed && self.plan.rate.is_none() {
                sleep(PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;
    use futures_util::poll;
    use jwtd_core::jose::UnixTime;
    use std::pin::pin;

    #[tokio::test]
    async fn a_message_that_waited_for_a_place_is_late_from_when_it_was_due() {
        let plan = Plan {
            call: CallKind::Batch,
            batch: 10,
            concurrency: 1,
            rate: Some(10),
            duration: Duration::from_millis(2500),
            options: pb::VerifyOptions::default(),
        };
        let time = VirtualClock::at(UnixTime::from_seconds(0));
        let schedule = Arc::new(Schedule::new(&plan, time.clock()));
        let (pacer, stop) = (Arc::clone(&schedule), CancellationToken::new());
        let pacing = std::thread::spawn(move || pacer.pace(&stop, 1));
        let (begin, second) = (schedule.begin, Duration::from_secs(1));
        time.advance(second);
        // Two are due, and no worker has sent any.
        drop(schedule.due.acquire_many(2).await.unwrap());
        assert_eq!(schedule.due(true).await, Some(begin));
        assert_eq!(schedule.due(false).await, Some(begin + second));
        // The worker waits for the third, so its latency counts from when it is sent.
        let mut third = pin!(schedule.due(false));
        assert!(poll!(&mut third).is_pending());
        time.advance(second);
        assert_eq!(third.await, Some(begin + second * 2));
        assert_eq!(schedule.unsent(), 0);
        let mut end = pin!(schedule.due(false));
        assert!(poll!(&mut end).is_pending());
        time.advance(second / 2);
        assert_eq!(end.await, None);
        pacing.join().unwrap();
        // A message number far beyond the end must not wrap around.
        let last = schedule.moment(3_000_000_000_000);
        assert_eq!(last, None);
    }
}
