//! A daemon under measurement. It returns errors for the rows of a table instead of panicking.

use crate::launcher::{Addresses, Daemon, Folder, Launcher, Process, Setup};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The log file of a measured daemon.
pub const LOG: &str = "log";

impl Launcher {
    /// Starts a daemon in its own folder, and waits until it accepts calls.
    pub async fn measured(self, setup: &Setup) -> Result<Daemon, String> {
        self.measured_in(Folder::new(), setup).await
    }

    /// Does the same in a folder that may contain the files of another daemon.
    pub async fn measured_in(self, folder: Folder, setup: &Setup) -> Result<Daemon, String> {
        let log = std::fs::File::create(folder.path(LOG)).unwrap();
        let mut daemon = self.spawn(folder, setup, log);
        daemon.wait_for_addresses().await?;
        Ok(daemon)
    }

    /// Starts a daemon with this as its standard error, without waiting. Its log is the content of
    /// the file [`LOG`].
    pub fn spawn(self, folder: Folder, setup: &Setup, stderr: impl Into<Stdio>) -> Daemon {
        let file = setup.write(&folder);
        let mut command = self.serve_command(setup.limits, setup.log, &file);
        let process = Process::logging_to(&mut command, stderr, folder.path(LOG));
        Daemon { folder, process, addresses: Addresses::default() }
    }
}

impl Daemon {
    /// Waits until the daemon has logged its addresses.
    pub async fn wait_for_addresses(&mut self) -> Result<(), String> {
        let log = self.process.log.clone();
        let found = self.process.until(async || Addresses::find(&log.so_far())).await;
        self.addresses = found.map_err(|error| format!("the daemon does not start: {error}"))?;
        Ok(())
    }

    /// The response of the admin port, beginning with its status line.
    pub async fn page(&self, path: &str) -> Result<String, String> {
        let text = async {
            let mut stream = TcpStream::connect(&self.admin).await?;
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            std::io::Result::Ok(text)
        };
        text.await.map_err(|error| format!("{path} does not answer: {error}"))
    }

    /// The CPU time used by all threads.
    pub fn cpu(&self) -> Duration {
        self.process.usage().cpu().unwrap()
    }

    /// The resident memory, in bytes.
    pub fn resident(&self) -> u64 {
        self.process.usage().memory("VmRSS").unwrap()
    }

    /// The sum of a metric over all lines that begin with `name` and contain `label`.
    pub async fn sum(&self, name: &str, label: &str) -> Result<u64, String> {
        let text = self.page("/metrics").await?;
        let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        Ok(values.sum())
    }
}
