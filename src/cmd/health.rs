//! `jwtd health`: a probe for images without a shell.

use super::{Target, exit_of, misused, unanswered};
use clap::{ArgMatches, Args};
use std::process::ExitCode;

/// Ask a daemon whether it can take calls
///
/// Exits with 0 if the daemon reports SERVING, with 1 if it does not, and with 3 if it does not
/// answer: suitable for an exec probe.
///
/// Example: jwtd health --endpoint unix:///run/jwtd/jwtd.sock
#[derive(Args, Debug)]
pub(super) struct Command {
    #[command(flatten)]
    target: Target,
}

impl Command {
    pub(super) fn run(self, matches: &ArgMatches) -> ExitCode {
        if let Some(misuse) = self.target.misuse(matches) {
            return misused(misuse);
        }
        exit_of(async move {
            let mut client = match self.target.connect().await {
                Ok(client) => client,
                Err(error) => return unanswered(error),
            };
            match client.is_serving().await {
                Ok(true) => {
                    say!("SERVING");
                    ExitCode::SUCCESS
                }
                Ok(false) => {
                    say!("NOT_SERVING");
                    ExitCode::FAILURE
                }
                Err(status) => unanswered(client.words(&status)),
            }
        })
    }
}
