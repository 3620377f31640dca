//! A running daemon.

use super::folder::Folder;
use super::process::Process;
use super::setup::{Limits, Setup};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// Starts the binary at this path.
#[derive(Clone, Copy)]
pub struct Launcher {
    binary: &'static str,
    /// Additional arguments of `serve`.
    more: &'static [&'static str],
}

impl Launcher {
    pub const fn new(binary: &'static str) -> Self {
        Self { binary, more: &[] }
    }

    /// The same launcher with additional arguments of `serve`.
    pub const fn with(self, more: &'static [&'static str]) -> Self {
        Self { more, ..self }
    }

    pub fn command(self) -> Command {
        Command::new(self.binary)
    }

    /// The command `serve` with these resource limits and this configuration file.
    pub fn serve_command(self, limits: Limits, log: &str, file: &Path) -> Command {
        let mut command = match limits {
            Limits { descriptors: None, core: None } => self.command(),
            Limits { descriptors, core } => {
                // The shell sets the limit, then replaces itself with the daemon.
                let most = descriptors.map(|most| format!("ulimit -n {most};"));
                let core = core.map(|core| format!("taskset -c {core} "));
                let [most, core] = [most, core].map(Option::unwrap_or_default);
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("{most} exec {core}\"$0\" \"$@\"")]).arg(self.binary);
                shell
            }
        };
        command.args(["serve", "--log-format", "json"]);
        if !log.is_empty() {
            command.args(["--log", log]);
        }
        command.arg("--config").arg(file).args(self.more);
        command
    }

    /// Starts a daemon with this configuration, on its own Unix socket, TCP socket and admin port.
    pub fn start(self, folder: Folder, config: &str) -> Daemon {
        let setup = Setup { config: config.to_owned(), ..Setup::default() };
        let file = setup.write(&folder);
        self.serve(folder, &file)
    }

    /// Starts a daemon with this configuration file, which must configure an admin port.
    pub fn serve(self, folder: Folder, file: &Path) -> Daemon {
        let mut command = self.serve_command(Limits::default(), "jwtd=trace", file);
        Daemon::new(folder, Process::start(&mut command))
    }
}

/// A running daemon; it is killed when the value is dropped.
pub struct Daemon {
    pub folder: Folder,
    pub process: Process,
    pub addresses: Addresses,
}

/// The addresses on which a daemon listens, as it logs them; empty where it does not listen.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// The last TCP listener.
    pub tcp: String,
    /// The last TLS listener.
    pub tls: String,
    /// The listener for probes and metrics.
    pub admin: String,
}

impl Addresses {
    /// The addresses in a log; `None` before the admin port, which is logged last.
    pub fn find(log: &str) -> Option<Self> {
        let mut found = Self::default();
        for line in log.lines() {
            let Ok(event) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            match event["endpoint"].as_str().and_then(|one| one.split_once("://")) {
                Some(("tcp", address)) => address.clone_into(&mut found.tcp),
                Some(("tls", address)) => address.clone_into(&mut found.tls),
                _ => {}
            }
            if let Some(address) = event["admin"].as_str() {
                address.clone_into(&mut found.admin);
            }
        }
        (!found.admin.is_empty()).then_some(found)
    }
}

impl std::ops::Deref for Daemon {
    type Target = Addresses;

    fn deref(&self) -> &Addresses {
        &self.addresses
    }
}

impl Daemon {
    /// A daemon that was started in this folder. Waits until it has logged its addresses.
    pub fn new(folder: Folder, process: Process) -> Self {
        let addresses = process.log.wait_for("line with the admin port", Addresses::find);
        Self { folder, process, addresses }
    }

    /// The path of the Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path("d.sock")
    }

    /// The Unix socket in the form that `--endpoint` accepts.
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The daemon's log so far. A separate thread writes the log, so a line may appear after the
    /// response to the call that caused it: see [`Daemon::stop`].
    pub fn log(&self) -> String {
        self.process.log.so_far()
    }

    /// Waits until the log contains `text`; returns the log at that time.
    pub fn wait_for_log(&self, text: &str) -> String {
        self.wait_for_logs(text, 1)
    }

    /// Waits until the log contains `text` `count` times.
    pub fn wait_for_logs(&self, text: &str, count: usize) -> String {
        let find = |log: &str| (log.matches(text).count() >= count).then(|| log.to_owned());
        self.process.log.wait_for(&format!("{text:?} in the log, {count} times"), find)
    }

    /// Sends a signal: `TERM`, `HUP`, `INT`, ...
    pub fn signal(&self, name: &str) {
        assert!(self.process.signal(name), "the daemon is gone: {}", self.log());
    }

    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Requests a reload of the configuration.
    pub fn hang_up(&self) {
        self.signal("HUP");
    }

    /// Waits until the daemon exits.
    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait()
    }

    /// Stops the daemon and returns its whole log, for tests of data that must never be logged.
    pub fn stop(mut self) -> String {
        self.terminate();
        assert!(self.wait().success(), "{}", self.log());
        self.log()
    }
}
