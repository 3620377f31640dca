//! `jwtd man`: the manual pages.

use super::{Cli, fail};
use crate::files;
use clap::{Args, CommandFactory as _};
use clap_mangen::Man;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Print or write the manual pages
///
/// Example: jwtd man config check | man -l -
#[derive(Args, Debug)]
pub(super) struct Command {
    /// The command to print the page of; by default that of jwtd itself
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    command: Vec<String>,
    /// Write all pages into this folder instead
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Command {
    pub(super) fn run(self) -> ExitCode {
        // `help` needs no page: it only repeats the others.
        let mut description = Cli::command().disable_help_subcommand(true);
        description = description.mut_subcommands(|one| one.disable_help_subcommand(true));
        description.build();
        if let Some(folder) = self.dir {
            return match write_pages(description, &folder) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    fail(format!("{}: {}", folder.display(), files::words::of_io(&error)))
                }
            };
        }
        let mut meant = &description;
        for name in &self.command {
            let Some(found) = meant.find_subcommand(name) else {
                note!("jwtd: there is no command `jwtd {}`", self.command.join(" "));
                return ExitCode::from(2);
            };
            meant = found;
        }
        let mut text = Vec::new();
        match Man::new(meant.clone()).render(&mut text) {
            Ok(()) => super::print_bytes(&text),
            Err(error) => fail(error),
        }
    }
}

/// Writes the page of a command and those of its subcommands. `clap_mangen` could do so too, but
/// would follow symbolic links.
fn write_pages(command: clap::Command, folder: &Path) -> io::Result<()> {
    files::make_folder(folder)?;
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        write_pages(inner.clone(), folder)?;
    }
    let (page, mut text) = (Man::new(command), Vec::new());
    page.render(&mut text)?;
    files::replace(&folder.join(page.get_filename()), 0o644, &text)
}
