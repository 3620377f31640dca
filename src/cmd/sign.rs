//! `jwtd sign`: makes tokens, good and bad ones.

mod content;
mod maker;

use super::number;
use super::progress::Progress;
use super::terminal;
use clap::Args;
pub(super) use maker::{Recipe, Trouble};
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Sign tokens, for tests
///
/// The key is a private JWK, JWK Set or PEM, as `jwtd keygen` makes them, or a shared secret.
/// Properties that a verifier would refuse are noted on standard error, and the token is signed all
/// the same, because tests need bad tokens.
///
/// Example: jwtd sign --key key.json --iss https://login.example.com --aud orders-api --sub alice
#[derive(Args, Debug)]
pub(super) struct Command {
    /// The file with the private key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    recipe: Recipe,
    /// The number of tokens to print, one a line, each with its own random `jti`
    #[arg(long, default_value_t = 1, value_parser = number::<u32>(1..=1_000_000))]
    count: u32,
    /// Encrypt each token to the key of this file, as `jwtd encrypt` does
    #[cfg(feature = "jwe")]
    #[arg(long, value_name = "FILE")]
    encrypt_to: Option<PathBuf>,
    #[cfg(feature = "jwe")]
    #[command(flatten)]
    recipient: super::encrypt::Recipient,
}

impl Command {
    pub(super) fn run(self) -> ExitCode {
        self.sign().map_or_else(Trouble::tell, |()| ExitCode::SUCCESS)
    }

    fn sign(&self) -> Result<(), Trouble> {
        #[cfg(feature = "jwe")]
        if self.encrypt_to.is_none() && self.recipient.is_given() {
            let message = "--encrypt-alg, --encrypt-enc and --encrypt-kid go with --encrypt-to";
            return Err(Trouble::Usage(message.to_owned()));
        }
        let mut maker = self.recipe.maker(&self.key, self.count)?;
        #[cfg(feature = "jwe")]
        let sealer = self.encrypt_to.as_deref().map(|path| self.recipient.sealer(path));
        #[cfg(feature = "jwe")]
        let sealer = sealer.transpose()?;
        let mut output = BufWriter::new(std::io::stdout().lock());
        let mut progress = Progress::new(self.count.into(), "tokens");
        for _ in 0..self.count {
            let token = maker.make()?;
            #[cfg(feature = "jwe")]
            let token = match &sealer {
                Some(sealer) => sealer.seal(token.as_bytes())?,
                None => token,
            };
            terminal::must(writeln!(output, "{token}"));
            progress.step(1);
        }
        terminal::must(output.flush());
        Ok(())
    }
}
