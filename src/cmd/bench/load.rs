//! Sends messages, as fast as they are answered or at a fixed rate.

use super::Call;
use super::line::Line;
use super::supply::Supply;
use super::tally::Tally;
use crate::client::Client;
use crate::cmd::progress::Progress;
use crate::pb;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};
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
    let schedule = Arc::new(Schedule {
        begin: Instant::now(),
        duration: plan.duration,
        every: plan.rate.map(|rate| Duration::from_secs(plan.batch) / rate),
        next: AtomicU32::new(0),
    });
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
    /// Between two messages.
    every: Option<Duration>,
    next: AtomicU32,
}

impl Schedule {
    /// Waits until the next message is due; the time from which it is late, or nothing at
    /// the end.
    async fn due(&self) -> Option<Instant> {
        let now = Instant::now();
        let end = self.begin + self.duration;
        let Some(every) = self.every else { return (now < end).then_some(now) };
        let due = self.begin + every * self.next.fetch_add(1, Ordering::Relaxed);
        if due >= end {
            return None;
        }
        if due <= now {
            // Nobody was free to send it.
            return Some(due);
        }
        sleep_until(due.into()).await;
        // The timer's own lateness, up to a millisecond, is not the daemon's.
        Some(Instant::now())
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
        let schedule = Schedule {
            begin: Instant::now(),
            duration: Duration::from_millis(30),
            every: Some(Duration::from_millis(10)),
            next: AtomicU32::new(0),
        };
        assert_eq!(schedule.due().await, Some(schedule.begin));
        // The answer takes until the second is due, and longer.
        sleep(Duration::from_millis(15)).await;
        assert_eq!(schedule.due().await, Some(schedule.begin + Duration::from_millis(10)));
        let third = schedule.due().await.unwrap();
        assert!(third >= schedule.begin + Duration::from_millis(20));
        assert_eq!(schedule.due().await, None);
    }
}
