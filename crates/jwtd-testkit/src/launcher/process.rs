//! A child process and its exit.

use super::text::Text;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A running process; it is killed when the value is dropped.
pub struct Process {
    pub(crate) child: Child,
    /// Standard output.
    pub output: Text,
    /// Standard error, or the file that it is redirected to.
    pub log: Text,
}

/// The exit code and the output of a command.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub output: String,
    pub message: String,
}

/// Runs a command until it exits.
pub fn run(command: &mut Command, input: &str) -> Ended {
    let mut process = Process::spawn(command.stdin(Stdio::piped()));
    // A command that reads no input may have exited already.
    process.child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    process.end()
}

impl Process {
    /// Starts a command without input.
    pub fn start(command: &mut Command) -> Self {
        Self::spawn(command.stdin(Stdio::null()))
    }

    /// Starts a command without input and output, and with this standard error. Its log is read
    /// from a file.
    pub fn logging_to(command: &mut Command, stderr: impl Into<Stdio>, file: PathBuf) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        let child = without_our_variables(command).spawn().unwrap();
        Self { child, output: Text::empty(), log: Text::file(file) }
    }

    fn spawn(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = without_our_variables(command).spawn().unwrap();
        let output = Text::follow(child.stdout.take().unwrap());
        let log = Text::follow(child.stderr.take().unwrap());
        Self { child, output, log }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal: `TERM`, `HUP`, `INT`, ...; returns `false` if the process is gone.
    pub fn signal(&self, name: &str) -> bool {
        let id = self.id().to_string();
        Command::new("kill").args(["-s", name, &id]).status().unwrap().success()
    }

    /// Waits until the process exits.
    pub fn wait(&mut self) -> ExitStatus {
        // Once the pipes are closed the process is gone, so the last call does not block for long.
        self.output.whole();
        self.log.whole();
        self.child.wait().unwrap()
    }

    pub fn end(mut self) -> Ended {
        let code = self.wait().code();
        Ended { code, output: self.output.so_far(), message: self.log.so_far() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Removes variables that would let the developer's shell configure the daemon under test.
fn without_our_variables(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let ours = name.to_string_lossy().starts_with("JWTD_");
        if ours && !command.get_envs().any(|(set, _)| set == name) {
            command.env_remove(&name);
        }
    }
    command
}
