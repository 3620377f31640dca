//! A process under measurement: it logs to a file, and tasks wait for it beside other work.

use crate::launcher::Process;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// Longer than anything takes that is not itself measured.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The pause between two attempts: what a start takes is measured.
const PAUSE: Duration = Duration::from_micros(500);

impl Process {
    /// How it ended, if it did.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Repeats `attempt` until it gives something; fails once the process ends, or takes too
    /// long.
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

    /// Waits for its end; gives how it ended, and how long that took.
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
