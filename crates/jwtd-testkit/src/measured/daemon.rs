//! A daemon under measurement. Where another suite would panic, a row has an error to show.

use crate::launcher::{Addresses, Daemon, Folder, Launcher, Process, Setup};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The file that a measured daemon logs to.
pub const LOG: &str = "log";

impl Launcher {
    /// Starts a daemon in a folder of its own, and waits until it takes calls.
    pub async fn measured(self, setup: &Setup) -> Result<Daemon, String> {
        self.measured_in(Folder::new(), setup).await
    }

    /// Does the same in a folder that may hold what another daemon left.
    pub async fn measured_in(self, folder: Folder, setup: &Setup) -> Result<Daemon, String> {
        let log = std::fs::File::create(folder.path(LOG)).unwrap();
        let mut daemon = self.spawn(folder, setup, log);
        daemon.wait_for_addresses().await?;
        Ok(daemon)
    }

    /// Starts a daemon with this as its standard error, and waits for nothing. Its log is what
    /// the file [`LOG`] holds.
    pub fn spawn(self, folder: Folder, setup: &Setup, stderr: impl Into<Stdio>) -> Daemon {
        let file = setup.write(&folder);
        let mut command = self.serve_command(setup.limits, setup.log, &file);
        let process = Process::logging_to(&mut command, stderr, folder.path(LOG));
        Daemon { folder, process, addresses: Addresses::default() }
    }
}

impl Daemon {
    /// Waits until it has logged where it listens.
    pub async fn wait_for_addresses(&mut self) -> Result<(), String> {
        let log = self.process.log.clone();
        let found = self.process.until(async || Addresses::find(&log.so_far())).await;
        self.addresses = found.map_err(|error| format!("the daemon does not start: {error}"))?;
        Ok(())
    }

    /// The answer of the admin port, its status line first.
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

    /// The processor time that it used, all threads together.
    pub fn cpu(&self) -> Duration {
        self.process.usage().cpu().unwrap()
    }

    /// The bytes of memory that it has.
    pub fn resident(&self) -> u64 {
        self.process.usage().memory("VmRSS").unwrap()
    }

    /// The sum of a metric over all lines that begin with `name` and hold `label`.
    pub async fn sum(&self, name: &str, label: &str) -> Result<u64, String> {
        let text = self.page("/metrics").await?;
        let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        Ok(values.sum())
    }
}
