//! `jwtd encrypt`: encrypts tokens.

mod recipient;

use super::progress::Progress;
use super::sign::Trouble;
use super::tokens;
use clap::Args;
pub(super) use recipient::Recipient;
use std::path::PathBuf;
use std::process::ExitCode;

/// Encrypt tokens, for tests
///
/// Reads signed tokens from standard input, one a line, and prints each inside an encrypted one
/// (JWE). The key is the recipient's public key, as JWK, JWK Set or PEM, or a shared secret. Tokens
/// that a verifier would refuse are encrypted too, because tests need bad tokens.
///
/// Example: jwtd encrypt --key public.json < signed.txt
#[derive(Args, Debug)]
pub(super) struct Command {
    /// The file with the recipient's key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    recipient: Recipient,
}

impl Command {
    pub(super) fn run(self) -> ExitCode {
        let tokens = match tokens::read() {
            Ok(tokens) => tokens,
            Err(code) => return code,
        };
        self.encrypt(&tokens).map_or_else(Trouble::tell, |()| ExitCode::SUCCESS)
    }

    fn encrypt(&self, tokens: &[bytes::Bytes]) -> Result<(), Trouble> {
        let sealer = self.recipient.sealer(&self.key)?;
        let count = u64::try_from(tokens.len()).unwrap_or(u64::MAX);
        let mut progress = Progress::new(count, "tokens");
        for token in tokens {
            let sealed = sealer.seal(token)?;
            say!("{sealed}");
            progress.step(1);
        }
        Ok(())
    }
}
