//! Makes tokens one after the other.

use super::content::{Content, Payload};
use crate::clock::Clock;
use crate::cmd::key_file::{self, SecretFormat};
use crate::cmd::{fail, random_id};
use clap::Args;
use jwtd_core::crypto::{PrivateKey, SigningError, SigningKey};
use jwtd_core::jose::Algorithm;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// The content of tokens, and the signing options.
#[derive(Args, Debug)]
pub(in crate::cmd) struct Recipe {
    /// The file holds a plain secret, in this form
    #[arg(long, value_enum, value_name = "FORMAT")]
    secret_format: Option<SecretFormat>,
    /// The algorithm; by default the key's own, or the usual one for its kind
    #[arg(long, value_parser = key_file::algorithm(), ignore_case = true)]
    alg: Option<Algorithm>,
    /// The key to use, if there are several; for a single one, the `kid` to write
    #[arg(long, allow_hyphen_values = true, value_name = "ID")]
    kid: Option<String>,
    #[command(flatten)]
    content: Content,
}

/// An error: a failure, or wrong usage.
pub(in crate::cmd) enum Trouble {
    Failure(String),
    Usage(String),
}

impl From<SigningError> for Trouble {
    fn from(error: SigningError) -> Self {
        Self::Failure(error.to_string())
    }
}

impl Trouble {
    /// Reports the error, and returns the exit status.
    pub(in crate::cmd) fn tell(self) -> ExitCode {
        match self {
            Self::Failure(message) => fail(message),
            Self::Usage(message) => {
                note!("jwtd: {message}");
                ExitCode::from(2)
            }
        }
    }
}

/// A maker of tokens that differ only in their `jti`.
pub(in crate::cmd) struct Maker {
    key: SigningKey,
    header: String,
    payload: Payload,
    random_ids: bool,
}

impl Recipe {
    /// Sets the issuer and the audience of tokens if no flag does, and returns the algorithm.
    pub(in crate::cmd) fn for_issuer(&mut self, issuer: &str, audience: &str) -> Algorithm {
        self.content.of(issuer, audience);
        self.alg.unwrap_or(Algorithm::Es256)
    }

    /// Sets the expiry of tokens to an hour after `span` if no flag does.
    pub(in crate::cmd) fn lasting(&mut self, span: Duration) {
        self.content.lasting(span);
    }

    /// Prepares `count` tokens signed with a key of `file`. Odd claims are noted on standard error.
    ///
    /// # Errors
    /// If there is no such key, or the flags contradict each other.
    pub(in crate::cmd) fn maker(&self, file: &Path, count: u32) -> Result<Maker, Trouble> {
        let mut warn = |what: String| note!("jwtd: warning: {what}");
        let random_ids = self.content.random_ids(count).map_err(Trouble::Usage)?;
        let key = self.choose(file)?;
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
        let payload = self.content.payload(Clock::system().wall(), count, &mut warn);
        let payload = payload.map_err(Trouble::Usage)?;
        let key = key.bind(algorithm).map_err(|error| {
            Trouble::Failure(format!("{}: {algorithm}: {error}", file.display()))
        })?;
        Ok(Maker { key, header, payload, random_ids })
    }

    /// Chooses the key from the file.
    fn choose(&self, file: &Path) -> Result<PrivateKey, Trouble> {
        let (mut keys, unusable) =
            key_file::read(file, self.secret_format).map_err(Trouble::Failure)?;
        for line in &unusable {
            note!("jwtd: warning: {}: {line}", file.display());
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
        let none = || Trouble::Failure(format!("{}: no usable private key", file.display()));
        keys.into_iter().next().ok_or_else(none)
    }
}

impl Maker {
    /// Makes the next token.
    ///
    /// # Errors
    /// If there is no randomness, or the key cannot sign.
    pub(in crate::cmd) fn make(&mut self) -> Result<String, SigningError> {
        let id = if self.random_ids { Some(random_id()?) } else { None };
        self.key.sign_compact(&self.header, &self.payload.text(id))
    }
}
