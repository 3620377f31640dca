//! Sends messages, as fast as they are answered or at a fixed rate.

use super::Call;
use super::line::Line;
use super::supply::Supply;
use super::tally::Tally;
use crate::client::Client;
use crate::cmd::progress::Progress;
use crate::pb;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How the load is put.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) call: Call,
    /// Tokens in a message.
    pub(super) batch: u64,
    /// Messages under way at once.
    pub(super) concurrency: usize,
    /// Tokens a second; nothing means as many as are answered.
    pub(super) rate: Option<u32>,
    pub(super) duration: Duration,
    pub(super) options: pb::VerifyOptions,
}

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait after a message that failed, so that a daemon that refuses is not
/// asked in a tight circle.
const PAUSE: Duration = Duration::from_millis(10);

/// Puts the load; what became of it, and how long it took until the last answer.
pub(super) async fn run(
    plan: &Plan,
    clients: &[Client],
    supply: &Arc<Supply>,
    stop: &CancellationToken,
) -> (Tally, Duration) {
    let schedule = Arc::new(Schedule::new(plan));
    if plan.rate.is_some() {
        let (schedule, stop, workers) = (Arc::clone(&schedule), stop.clone(), plan.concurrency);
        // A thread of its own: the runtime's timers know whole milliseconds only.
        std::thread::spawn(move || schedule.pace(&stop, workers));
    }
    let share = plan.concurrency.div_ceil(clients.len().max(1));
    let lines: Vec<Line> =
        clients.iter().map(|client| Line::new(client, plan.call, share)).collect();
    let mut workers = JoinSet::new();
    for line in lines.iter().cycle().take(plan.concurrency) {
        let worker = Worker {
            line: line.clone(),
            schedule: Arc::clone(&schedule),
            supply: Arc::clone(supply),
            stop: stop.clone(),
            batch: plan.batch,
            options: plan.options.clone(),
        };
        workers.spawn(worker.run());
    }
    let showing = tokio::spawn(show(plan.duration));
    let mut tally = Tally::default();
    while let Some(counted) = workers.join_next().await {
        if let Ok(counted) = counted {
            tally.add(counted);
        }
    }
    showing.abort();
    (tally, schedule.begin.elapsed())
}

/// A bar of the seconds that have passed.
async fn show(duration: Duration) {
    let mut progress = Progress::new(duration.as_secs().max(1), "seconds");
    for _ in 0..duration.as_secs() {
        sleep(Duration::from_secs(1)).await;
        progress.step(1);
    }
}

/// When messages are due.
struct Schedule {
    begin: Instant,
    duration: Duration,
    /// Tokens in a message, and tokens a second.
    rate: Option<(u64, u32)>,
    /// Messages that are due and not sent.
    due: Semaphore,
    next: AtomicU64,
}

impl Schedule {
    fn new(plan: &Plan) -> Self {
        Self {
            begin: Instant::now(),
            duration: plan.duration,
            rate: plan.rate.map(|rate| (plan.batch, rate)),
            due: Semaphore::new(0),
            next: AtomicU64::new(0),
        }
    }

    /// When the message with this number is due, or nothing after the end.
    fn moment(&self, number: u64) -> Option<Instant> {
        let (batch, rate) = self.rate?;
        let nanoseconds = u128::from(number) * u128::from(batch) * 1_000_000_000 / u128::from(rate);
        let after = Duration::from_nanos(u64::try_from(nanoseconds).ok()?);
        (after < self.duration).then(|| self.begin + after)
    }

    /// Lets messages go when they are due, and `workers` see the end.
    #[expect(clippy::disallowed_methods, reason = "it is no worker of the runtime that sleeps")]
    fn pace(&self, stop: &CancellationToken, workers: usize) {
        /// How long a stop may go unseen.
        const STEP: Duration = Duration::from_millis(50);

        let moments = (0..).map_while(|number| self.moment(number));
        for moment in moments {
            loop {
                let left = moment.saturating_duration_since(Instant::now());
                if stop.is_cancelled() {
                    return;
                }
                if left.is_zero() {
                    break;
                }
                std::thread::sleep(left.min(STEP));
            }
            self.due.add_permits(1);
        }
        self.due.add_permits(workers);
    }

    /// Waits until the next message is due; the time from which it is late, or nothing at
    /// the end.
    async fn due(&self) -> Option<Instant> {
        if self.rate.is_none() {
            let now = Instant::now();
            return (now.duration_since(self.begin) < self.duration).then_some(now);
        }
        let waits = self.due.try_acquire().map(SemaphorePermit::forget).is_err();
        if waits {
            self.due.acquire().await.ok()?.forget();
        }
        let moment = self.moment(self.next.fetch_add(1, Ordering::Relaxed))?;
        // Where somebody was free to send it, what is late is the load and not the daemon.
        Some(if waits { Instant::now() } else { moment })
    }
}

/// Sends one message after the other.
struct Worker {
    line: Line,
    schedule: Arc<Schedule>,
    supply: Arc<Supply>,
    stop: CancellationToken,
    batch: u64,
    options: pb::VerifyOptions,
}

impl Worker {
    async fn run(mut self) -> Tally {
        let mut tally = Tally::default();
        let stop = self.stop.clone();
        while let Some(Some(due)) = stop.run_until_cancelled(self.schedule.due()).await {
            let Some(tokens) = self.supply.take(self.batch) else { break };
            let sent = self.line.send(tokens, &self.options, &mut tally);
            match timeout(PATIENCE, sent).await {
                Ok(true) => tally.answered(due.elapsed()),
                Ok(false) => sleep(PAUSE).await,
                Err(_) => tally.failed(format!("no answer within {PATIENCE:?}")),
            }
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_that_waited_for_a_place_is_late_from_when_it_was_due() {
        let plan = Plan {
            call: Call::Batch,
            batch: 10,
            concurrency: 1,
            rate: Some(1000),
            duration: Duration::from_millis(30),
            options: pb::VerifyOptions::default(),
        };
        let schedule = Arc::new(Schedule::new(&plan));
        let (pacer, stop) = (Arc::clone(&schedule), CancellationToken::new());
        let pacing = std::thread::spawn(move || pacer.pace(&stop, 1));
        let begin = schedule.begin;
        assert!(schedule.due().await.unwrap() >= begin);
        // The answer takes until the second is due, and longer.
        sleep(Duration::from_millis(15)).await;
        assert_eq!(schedule.due().await, Some(begin + Duration::from_millis(10)));
        assert!(schedule.due().await.unwrap() >= begin + Duration::from_millis(20));
        assert_eq!(schedule.due().await, None);
        pacing.join().unwrap();
        // A day of it does not come round again.
        let last = schedule.moment(3_000_000_000_000);
        assert_eq!(last, None);
    }
}
