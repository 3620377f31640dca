//! A process under measurement: it logs to a file, and tasks wait for it while other work goes on.

use crate::launcher::Process;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// The limit for everything that is not itself measured.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The pause between two attempts. It is short because start-up time is measured.
const PAUSE: Duration = Duration::from_micros(500);

impl Process {
    /// The exit status, if the process has exited.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Repeats `attempt` until it returns a value; fails if the process exits or the limit is
    /// reached.
    pub async fn until<T>(
        &mut self,
        mut attempt: impl AsyncFnMut() -> Option<T>,
    ) -> Result<T, String> {
        let begin = Instant::now();
        loop {
            if let Some(found) = attempt().await {
                return Ok(found);
            }
            if let Some(status) = self.has_ended() {
                return Err(format!("it ended with {status}: {}", self.log.so_far()));
            }
            if begin.elapsed() > PATIENCE {
                return Err(format!("it is not ready after {PATIENCE:?}: {}", self.log.so_far()));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until the process exits; returns its exit status and the time that it took.
    pub async fn end_within(
        &mut self,
        patience: Duration,
    ) -> Result<(ExitStatus, Duration), String> {
        let begin = Instant::now();
        loop {
            match self.has_ended() {
                Some(status) => return Ok((status, begin.elapsed())),
                None if begin.elapsed() > patience => {
                    return Err(format!("it still runs after {patience:?}"));
                }
                None => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}
