//! Floor 10: the command line, one file for each command.
//!
//! Data goes to standard output and messages to standard error. Exit status: 0
//! good, 1 a refused token or a failure, 2 wrong usage, 78 wrong configuration.

mod completions;
mod config;
mod demo;
mod health;
mod inspect;
mod key_file;
mod keygen;
mod man;
mod reference;
mod serve;
mod sign;
mod table;
mod verify;

use crate::client::Address;
use crate::crypto::{SigningError, random};
use crate::jose::base64url;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
pub use reference::command_reference;
use std::process::ExitCode;

/// Wrong configuration (`EX_CONFIG` of sysexits.h).
const EXIT_CONFIG: u8 = 78;

/// jwtd verifies JSON Web Tokens in batches over gRPC.
#[derive(Debug, Parser)]
#[command(name = "jwtd", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Completions(completions::Command),
    /// Check configuration files and describe what goes into them
    #[command(subcommand)]
    Config(config::Command),
    Demo(demo::Command),
    Health(health::Command),
    Inspect(inspect::Command),
    Keygen(keygen::Command),
    Man(man::Command),
    Serve(serve::Command),
    Sign(Box<sign::Command>),
    Verify(verify::Command),
}

/// The command line as data, for what is made from it.
fn description() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Output {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Which daemon to call.
#[derive(Debug, Args)]
struct Target {
    /// Where the daemon takes calls: unix:///path or tcp://address:port
    #[arg(long, env = "JWTD_ENDPOINT", default_value = "tcp://127.0.0.1:7519")]
    endpoint: Address,
}

/// Runs the command that the arguments name.
#[must_use]
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Completions(command) => command.run(),
        Command::Config(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Health(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Keygen(command) => command.run(),
        Command::Man(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Sign(command) => command.run(),
        Command::Verify(command) => command.run(),
    }
}

/// An id that no other key or token has.
fn random_id() -> Result<String, SigningError> {
    random(16).map(|bytes| base64url::encode(&bytes))
}

/// Prints a whole text.
fn print_bytes(text: &[u8]) -> ExitCode {
    use std::io::Write as _;
    match std::io::stdout().lock().write_all(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(format!("standard output: {error}")),
    }
}

/// Says what went wrong, and fails.
fn fail(message: impl std::fmt::Display) -> ExitCode {
    eprintln!("jwtd: {message}");
    ExitCode::FAILURE
}

/// Runs a client's future; one thread is enough for it.
fn block_on(future: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(future),
        Err(error) => fail(error),
    }
}
