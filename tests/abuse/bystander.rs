//! A background caller that sends good batches over its own connection.

use crate::client::Calls as _;
use jwtd::pb::VerifyBatchRequest;
use jwtd_testkit::launcher::Daemon;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tonic::Code;

/// Sends one batch in a loop.
pub(crate) struct Bystander {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Result<Waits, String>>,
}

/// The response times, sorted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waits {
    spans: Vec<Duration>,
    /// The number of calls refused because a limit was reached.
    pub(crate) refused: usize,
}

impl Waits {
    /// The response time that `thousandths` of a thousand calls did not exceed.
    pub(crate) fn part(&self, thousandths: usize) -> Duration {
        let place = self.spans.len().saturating_sub(1) * thousandths / 1000;
        self.spans.get(place).copied().unwrap_or_default()
    }

    /// The limit for p99 under attack: five times the calm p99, plus 15 ms. The attacker shares the
    /// same two cores, and a calm call takes less than one time slice of their scheduler.
    pub(crate) fn latest(&self) -> Duration {
        self.part(990) * 5 + Duration::from_millis(15)
    }
}

const PAUSE: Duration = Duration::from_millis(2);

impl Bystander {
    pub(crate) async fn start(daemon: &Daemon, tokens: &[String]) -> Result<Self, String> {
        let mut client = daemon.client().await?;
        let tokens: Vec<bytes::Bytes> =
            tokens.iter().map(|token| token.as_bytes().to_vec().into()).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut waits = Waits::default();
            while !ended.load(Ordering::Relaxed) {
                let tokens = tokens.clone();
                let request = VerifyBatchRequest { tokens, ..Default::default() };
                let begin = Instant::now();
                let answer = timeout(Duration::from_secs(10), client.verify_batch(request)).await;
                waits.spans.push(begin.elapsed());
                match answer.map_err(|_| "a good call has no answer after 10 s".to_owned())? {
                    Ok(answer) if answer.get_ref().verdicts.iter().all(|one| one.permit) => {}
                    Ok(_) => return Err("a good token is refused".to_owned()),
                    Err(status) if status.code() == Code::ResourceExhausted => waits.refused += 1,
                    Err(status) => return Err(format!("a good call fails: {status}")),
                }
                sleep(PAUSE).await;
            }
            waits.spans.sort_unstable();
            Ok(waits)
        });
        Ok(Self { stop, task })
    }

    /// Stops the caller; returns an error if any response was wrong.
    pub(crate) async fn stop(self) -> Result<Waits, String> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.map_err(|error| error.to_string())?
    }
}
