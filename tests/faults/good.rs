//! A background caller whose token is always good.

use crate::client::Calls as _;
use jwtd::pb::{Reason, VerifyRequest};
use jwtd_testkit::launcher::Daemon;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Sends one token in a loop, and measures the time of each verdict.
#[derive(Debug)]
pub(crate) struct GoodCaller {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Result<Latencies, String>>,
}

/// The latencies of the verdicts, sorted.
#[derive(Clone, Debug)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn worst(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }

    /// The latency that `thousandths` of a thousand verdicts did not exceed.
    pub(crate) fn part(&self, thousandths: usize) -> Duration {
        let place = self.0.len().saturating_sub(1) * thousandths / 1000;
        self.0.get(place).copied().unwrap_or_default()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

impl GoodCaller {
    /// Starts the caller, with this pause after each verdict.
    pub(crate) async fn start(
        daemon: &Daemon,
        token: &str,
        pause: Duration,
    ) -> Result<Self, String> {
        let mut client = daemon.client().await?;
        let token: bytes::Bytes = token.as_bytes().to_vec().into();
        let stop = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut all = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                let request = VerifyRequest { token: token.clone(), ..Default::default() };
                let begin = Instant::now();
                let answer = client.verify(request).await;
                all.push(begin.elapsed());
                let answer = answer.map_err(|status| format!("a good call fails: {status}"))?;
                let reason = answer.get_ref().verdict.as_ref().map(jwtd::pb::Verdict::reason);
                if reason != Some(Reason::Ok) {
                    return Err(format!("a good token is refused: {reason:?}"));
                }
                tokio::time::sleep(pause).await;
            }
            all.sort_unstable();
            Ok(Latencies(all))
        });
        Ok(Self { stop, task })
    }

    /// Stops the caller; returns an error if any verdict was not good.
    pub(crate) async fn stop(self) -> Result<Latencies, String> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.map_err(|error| error.to_string())?
    }
}
