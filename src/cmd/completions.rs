//! `jwtd completions`: scripts that let a shell complete the command line.

use clap::Args;
use clap_complete::Shell;
use std::process::ExitCode;

/// Print completions for a shell
///
/// Example: jwtd completions bash > /etc/bash_completion.d/jwtd
#[derive(Args, Debug)]
pub(super) struct Command {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Command {
    pub(super) fn run(self) -> ExitCode {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut super::description(), "jwtd", &mut text);
        super::print_bytes(&text)
    }
}
