//! A running daemon.

use super::folder::Folder;
use super::process::Process;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// Starts the binary at this path.
#[derive(Clone, Copy)]
pub struct Launcher {
    binary: &'static str,
    /// More arguments of `serve`.
    more: &'static [&'static str],
}

impl Launcher {
    pub const fn new(binary: &'static str) -> Self {
        Self { binary, more: &[] }
    }

    /// The same with more arguments of `serve`.
    pub const fn with(self, more: &'static [&'static str]) -> Self {
        Self { more, ..self }
    }

    pub fn command(self) -> Command {
        Command::new(self.binary)
    }

    /// Starts a daemon with this configuration, on a Unix socket, a TCP socket and an admin
    /// port of its own.
    pub fn start(self, folder: Folder, config: &str) -> Daemon {
        let listen = "listen: [{ unix: d.sock }, { tcp: 127.0.0.1:0 }]\nadmin: 127.0.0.1:0\n";
        let file = folder.write("jwtd.yaml", format!("{listen}{config}"));
        self.serve(folder, &file)
    }

    /// Starts a daemon with this configuration file, which names an admin port.
    pub fn serve(self, folder: Folder, file: &Path) -> Daemon {
        let mut command = self.command();
        command.args(["serve", "--log-format", "json", "--log", "jwtd=trace", "--config"]);
        let process = Process::start(command.arg(file).args(self.more));
        let (tcp, admin) = process.log.wait_for("line with the admin port", addresses);
        Daemon { folder, process, tcp, admin }
    }
}

/// A running daemon; it is killed with the value.
pub struct Daemon {
    pub folder: Folder,
    pub process: Process,
    /// The address of the last TCP socket.
    pub tcp: String,
    /// The address of probes and metrics.
    pub admin: String,
}

impl Daemon {
    /// The path of the Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path("d.sock")
    }

    /// The Unix socket in the form that `--endpoint` takes.
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The log of the daemon so far. A thread of its own writes the log, so that a line
    /// may come after the answer to the call that caused it: see [`Daemon::stop`].
    pub fn log(&self) -> String {
        self.process.log.so_far()
    }

    /// Waits until the log holds `text`; gives the log as it was then.
    pub fn wait_for_log(&self, text: &str) -> String {
        self.wait_for_logs(text, 1)
    }

    /// Waits until the log holds `text` so often.
    pub fn wait_for_logs(&self, text: &str, count: usize) -> String {
        let find = |log: &str| (log.matches(text).count() >= count).then(|| log.to_owned());
        self.process.log.wait_for(&format!("{text:?} in the log, {count} times"), find)
    }

    pub fn terminate(&self) {
        self.process.signal("TERM");
    }

    /// Asks for the configuration to be read again.
    pub fn hang_up(&self) {
        self.process.signal("HUP");
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait()
    }

    /// Ends the daemon and gives its whole log, for tests of what is never logged.
    pub fn stop(mut self) -> String {
        self.terminate();
        assert!(self.wait().success(), "{}", self.log());
        self.log()
    }
}

/// The addresses of TCP and of the admin port, which is logged last.
fn addresses(log: &str) -> Option<(String, String)> {
    let (mut tcp, mut admin) = (String::new(), None);
    for line in log.lines() {
        let Ok(event) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let endpoint = event["endpoint"].as_str().and_then(|one| one.split_once("://"));
        if let Some(("tcp" | "tls", address)) = endpoint {
            tcp = address.to_owned();
        }
        admin = admin.or_else(|| event["admin"].as_str().map(str::to_owned));
    }
    Some((tcp, admin?))
}
