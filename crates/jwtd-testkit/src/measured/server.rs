//! A server on a Unix socket, for benchmarks.

use super::usage::Usage;
use crate::launcher::Process;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The result of a benchmark step.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A server; it is killed when the value is dropped. It writes to the benchmark's standard error.
pub struct Server {
    process: Process,
    usage: Usage,
    socket: PathBuf,
}

impl Server {
    pub fn start(command: &mut Command, socket: PathBuf) -> Self {
        let process = Process::logging_to(command, Stdio::inherit(), PathBuf::new());
        Self { usage: process.usage(), process, socket }
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Waits until `ready` returns true; fails if the process exits or the limit is reached.
    pub async fn wait<F>(&mut self, ready: impl Fn(PathBuf) -> F) -> Outcome<()>
    where
        F: Future<Output = bool>,
    {
        let socket = &self.socket;
        Ok(self.process.until(async || ready(socket.clone()).await.then_some(())).await?)
    }

    /// The CPU time of its threads so far, in user and kernel mode.
    pub fn cpu(&self) -> Outcome<Duration> {
        Ok(self.usage.cpu_of_threads()?)
    }

    /// Its memory in MiB: resident now (`VmRSS`) or at its peak (`VmHWM`).
    pub fn memory(&self, field: &str) -> Outcome<f64> {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let bytes = self.usage.memory(field)? as f64;
        Ok(bytes / 1024.0 / 1024.0)
    }
}
