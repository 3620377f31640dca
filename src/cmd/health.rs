//! `jwtd health`: a probe for images without a shell.

use super::{Target, exit_of, fail};
use clap::Args;
use std::process::ExitCode;

/// Ask a daemon whether it can take calls
///
/// Exits with 0 if the daemon says SERVING, else with 1: fit for an exec probe.
///
/// Example: jwtd health --endpoint unix:///run/jwtd/jwtd.sock
#[derive(Args, Debug)]
pub(super) struct Command {
    #[command(flatten)]
    target: Target,
}

impl Command {
    pub(super) fn run(self) -> ExitCode {
        exit_of(async move {
            let mut client = match self.target.connect().await {
                Ok(client) => client,
                Err(error) => return fail(error),
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
                Err(status) => fail(status.message()),
            }
        })
    }
}
