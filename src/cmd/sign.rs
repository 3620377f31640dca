//! `jwtd sign`: makes tokens, good and bad ones.

mod content;
mod moment;

use super::fail;
use super::key_file::{self, SecretFormat};
use super::progress::Progress;
use crate::app;
use crate::crypto::PrivateKey;
use crate::jose::Algorithm;
use clap::Args;
use content::Content;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Sign tokens, for tests
///
/// The key is a private JWK, a set of them or PEM, as `jwtd keygen` makes them, or a
/// shared secret. What a verifier will not like is said on standard error and done
/// all the same, because tests need bad tokens.
///
/// Example: jwtd sign --key key.json --iss https://login.example.com --aud orders-api --sub alice
#[derive(Args, Debug)]
pub(super) struct Command {
    /// The file with the private key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The file holds a plain secret, in this form
    #[arg(long, value_enum, value_name = "FORMAT")]
    secret_format: Option<SecretFormat>,
    /// The algorithm; by default the key's own, or the usual one for its kind
    #[arg(long, value_parser = key_file::algorithm(), ignore_case = true)]
    alg: Option<Algorithm>,
    /// Chooses among several keys; for a single one, the `kid` to write
    #[arg(long, allow_hyphen_values = true, value_name = "ID")]
    kid: Option<String>,
    #[command(flatten)]
    content: Content,
    /// How many tokens to print, one a line, each with its own random `jti`
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
}

/// What went wrong, and whose fault it is.
enum Trouble {
    Failure(String),
    Usage(String),
}

impl Command {
    pub(super) fn run(self) -> ExitCode {
        match self.sign() {
            Ok(()) => ExitCode::SUCCESS,
            Err(Trouble::Failure(message)) => fail(message),
            Err(Trouble::Usage(message)) => {
                eprintln!("jwtd: {message}");
                ExitCode::from(2)
            }
        }
    }

    fn sign(&self) -> Result<(), Trouble> {
        let mut warn = |what: String| eprintln!("jwtd: warning: {what}");
        let random_ids = self.content.random_ids(self.count).map_err(Trouble::Usage)?;
        let key = self.choose()?;
        let algorithm = self.alg.unwrap_or_else(|| key.algorithm());
        if algorithm.family() != key.family() {
            let usual = key.algorithm();
            let message = format!("{algorithm} does not fit the key, which is one for {usual}");
            return Err(Trouble::Usage(message));
        }
        if algorithm != key.algorithm() && key.states_algorithm() {
            warn(format!("the key is for {}, and signs with {algorithm}", key.algorithm()));
        }
        let id = self.kid.as_deref().or_else(|| key.id());
        let header = self.content.header(algorithm, id, &mut warn).map_err(Trouble::Usage)?;
        let payload = self.content.payload(app::now(), self.count, &mut warn);
        let mut payload = payload.map_err(Trouble::Usage)?;
        let failure = |error: &dyn std::fmt::Display| Trouble::Failure(error.to_string());
        let key = key.bind(algorithm).map_err(|error| {
            Trouble::Failure(format!("{}: {algorithm}: {error}", self.key.display()))
        })?;

        let mut output = BufWriter::new(std::io::stdout().lock());
        let mut progress = Progress::new(self.count.into(), "tokens");
        for _ in 0..self.count {
            let id = if random_ids {
                Some(super::random_id().map_err(|error| failure(&error))?)
            } else {
                None
            };
            let token = key.sign_compact(&header, &payload.text(id));
            let token = token.map_err(|error| failure(&error))?;
            writeln!(output, "{token}").map_err(|error| failure(&error))?;
            progress.step(1);
        }
        output.flush().map_err(|error| failure(&error))
    }

    /// The key of the file that is meant.
    fn choose(&self) -> Result<PrivateKey, Trouble> {
        let (mut keys, unusable) =
            key_file::read(&self.key, self.secret_format).map_err(Trouble::Failure)?;
        for line in &unusable {
            eprintln!("jwtd: warning: {}: {line}", self.key.display());
        }
        if keys.len() > 1 {
            let ids: Vec<_> = keys.iter().map(|key| key.id().unwrap_or("(none)")).collect();
            let ids = ids.join(", ");
            let Some(wanted) = &self.kid else {
                return Err(Trouble::Usage(format!("several keys; choose with --kid: {ids}")));
            };
            keys.retain(|key| key.id() == Some(wanted));
            if keys.is_empty() {
                return Err(Trouble::Usage(format!("no key {wanted:?}; there are: {ids}")));
            }
        }
        let none = || Trouble::Failure(format!("{}: no usable private key", self.key.display()));
        keys.into_iter().next().ok_or_else(none)
    }
}
