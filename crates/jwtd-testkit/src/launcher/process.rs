//! A process and its end.

use super::text::Text;
use std::io::Write as _;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A process that runs; it is killed with the value.
pub struct Process {
    child: Child,
    /// Standard output.
    pub output: Text,
    /// Standard error.
    pub log: Text,
}

/// How a command ended and what it wrote.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub output: String,
    pub message: String,
}

/// Runs a command to its end.
pub fn run(command: &mut Command, input: &str) -> Ended {
    let mut process = Process::spawn(command.stdin(Stdio::piped()));
    // A command that takes no input may have ended already.
    process.child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    process.end()
}

impl Process {
    /// Starts a command without input.
    pub fn start(command: &mut Command) -> Self {
        Self::spawn(command.stdin(Stdio::null()))
    }

    fn spawn(command: &mut Command) -> Self {
        // A variable of the developer's shell must not configure the daemon under test.
        for (name, _) in std::env::vars_os() {
            let ours = name.to_string_lossy().starts_with("JWTD_");
            if ours && !command.get_envs().any(|(set, _)| set == name) {
                command.env_remove(&name);
            }
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = Text::follow(child.stdout.take().unwrap());
        let log = Text::follow(child.stderr.take().unwrap());
        Self { child, output, log }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal: `TERM`, `HUP`, `INT`, ...
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
        // With the pipes the process is gone, so that the last call does not block for long.
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
