//! Floor 10: the command line, one file for each command.
//!
//! Data goes to standard output and messages to standard error. Exit status: 0 success, 1 a refused
//! token or a failure, 2 wrong usage, 3 no answer from the daemon, 78 wrong configuration, 141
//! closed standard output.

#[macro_use]
mod terminal;

mod audit;
mod bench;
mod completions;
mod config;
#[cfg(feature = "jwe")]
mod decrypt;
mod demo;
#[cfg(feature = "jwe")]
mod encrypt;
mod environment;
mod evidence;
mod foreign_json;
mod health;
mod inspect;
mod jwks;
mod key_file;
mod keygen;
mod local;
mod man;
mod progress;
mod reference;
mod revocations;
mod revoke;
mod serve;
mod settings;
mod sign;
mod table;
mod time_argument;
mod tokens;
mod verify;

use crate::client::{Address, Client, Credentials};
use crate::files;
use clap::parser::ValueSource;
use clap::{
    ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum,
};
use jwtd_core::crypto::{SigningError, random};
use jwtd_core::jose::base64url;
pub use reference::command_reference;
use std::path::PathBuf;
use std::process::ExitCode;

/// The daemon gave no answer, so that there is no verdict.
const EXIT_UNANSWERED: u8 = 3;

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
    /// Search the audit log
    #[command(subcommand)]
    Audit(audit::Command),
    Bench(Box<bench::Command>),
    Completions(completions::Command),
    /// Check, print and convert configuration files
    #[command(subcommand)]
    Config(config::Command),
    #[cfg(feature = "jwe")]
    Decrypt(decrypt::Command),
    Demo(demo::Command),
    #[cfg(feature = "jwe")]
    Encrypt(encrypt::Command),
    Health(health::Command),
    #[command(visible_alias = "decode")]
    Inspect(inspect::Command),
    /// Fetch key sets, and show what they hold
    #[command(subcommand)]
    Jwks(jwks::Command),
    Keygen(keygen::Command),
    Man(man::Command),
    /// List, undo and follow revocations
    #[command(subcommand)]
    Revocations(revocations::Command),
    Revoke(Box<revoke::Command>),
    Serve(serve::Command),
    Sign(Box<sign::Command>),
    Verify(verify::Command),
}

/// The command line as data, for documentation and completions.
fn description() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// The output format.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Output {
    /// Text for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// The daemon to call.
#[derive(Debug, Args)]
struct Target {
    /// The address of the daemon: unix:///path, tcp://address:port or tls://host:port
    #[arg(
        long,
        env = "JWTD_ENDPOINT",
        value_name = "ADDRESS",
        default_value = "tcp://127.0.0.1:7519"
    )]
    endpoint: Address,
    /// With tls://: the only certificate authorities to trust, in PEM
    #[arg(long, env = "JWTD_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// With tls://: the client certificate, with its chain, in PEM
    #[arg(long, env = "JWTD_CERT_FILE", value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// With tls://: its private key, in PEM
    #[arg(long, env = "JWTD_KEY_FILE", value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
}

impl Target {
    /// Describes flags that have no effect together.
    fn misuse(&self, matches: &ArgMatches) -> Option<String> {
        let id = ["ca_file", "cert_file", "key_file"].into_iter().find(|id| {
            !self.endpoint.is_encrypted()
                && matches.value_source(id) == Some(ValueSource::CommandLine)
        })?;
        let flag = id.replace('_', "-");
        let endpoint = self.endpoint.to_string();
        let place = endpoint.split_once("://").map_or("", |(_, place)| place);
        Some(format!(
            "--{flag} goes with tls://, not with {endpoint}; write --endpoint tls://{place}"
        ))
    }

    async fn connect(&self) -> Result<Client, String> {
        let client = self.cert_file.clone().zip(self.key_file.clone());
        let credentials = Credentials { ca_file: self.ca_file.clone(), client };
        Client::connect_as(&self.endpoint, &credentials).await
    }
}

/// Runs the command given by the arguments.
#[must_use]
pub fn run() -> ExitCode {
    let matches = Cli::command().try_get_matches();
    let matches = matches.unwrap_or_else(|error| terminal::usage(&error));
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| terminal::usage(&error));
    environment::warn(&description());
    let mut matches = &matches;
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner;
    }
    cli.command.run(matches)
}

impl Command {
    /// Runs the command. `matches` are those of the innermost command.
    fn run(self, matches: &ArgMatches) -> ExitCode {
        match self {
            Self::Audit(command) => command.run(matches),
            Self::Bench(command) => command.run(matches),
            Self::Completions(command) => command.run(),
            Self::Config(command) => command.run(matches),
            #[cfg(feature = "jwe")]
            Self::Decrypt(command) => command.run(),
            Self::Demo(command) => command.run(),
            #[cfg(feature = "jwe")]
            Self::Encrypt(command) => command.run(),
            Self::Health(command) => command.run(matches),
            Self::Inspect(command) => command.run(matches),
            Self::Jwks(command) => command.run(matches),
            Self::Keygen(command) => command.run(),
            Self::Man(command) => command.run(),
            Self::Revocations(command) => command.run(matches),
            Self::Revoke(command) => command.run(matches),
            Self::Serve(command) => command.run(matches),
            Self::Sign(command) => command.run(),
            Self::Verify(command) => command.run(matches),
        }
    }
}

/// Reads a whole number within bounds.
fn number<T: TryFrom<u64>>(
    bounds: std::ops::RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && bounds.contains(number));
        let wrong = || format!("write a whole number from {} to {}", bounds.start(), bounds.end());
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(wrong)
    }
}

/// A unique random id for a key or token.
fn random_id() -> Result<String, SigningError> {
    random(16).map(|bytes| base64url::encode(&bytes))
}

/// Prints trusted text of this program as a whole.
fn print_bytes(text: &[u8]) -> ExitCode {
    terminal::write_own(text);
    ExitCode::SUCCESS
}

/// Reports wrong usage of the command line.
fn misused(message: impl std::fmt::Display) -> ExitCode {
    note!("jwtd: {message}");
    ExitCode::from(2)
}

/// Reports that the daemon gave no answer.
fn unanswered(message: impl std::fmt::Display) -> ExitCode {
    note!("jwtd: {message}");
    ExitCode::from(EXIT_UNANSWERED)
}

/// Reports a failure.
fn fail(message: impl std::fmt::Display) -> ExitCode {
    note!("jwtd: {message}");
    ExitCode::FAILURE
}

/// Runs a client's future on the current thread, which is enough for it.
fn block_on<T>(future: impl Future<Output = T>) -> std::io::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map(|runtime| runtime.block_on(future))
}

/// Runs a client's future, which returns the exit status.
fn exit_of(future: impl Future<Output = ExitCode>) -> ExitCode {
    block_on(future).unwrap_or_else(|error| fail(files::words::of_io(&error)))
}
