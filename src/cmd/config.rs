//! `jwtd config`: looks at configuration files.

use super::{EXIT_CONFIG, fail};
use crate::config::{self, schema};
use crate::keys::KeyState;
use clap::Subcommand;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check a configuration file and its key files
    ///
    /// All faults are shown at once, each with its line and how to mend it.
    ///
    /// Example: jwtd config check --config jwtd.yaml
    Check {
        /// The configuration file, YAML or JSON
        #[arg(long, env = "JWTD_CONFIG", value_name = "FILE")]
        config: PathBuf,
    },
    /// Print the JSON Schema of the configuration, for editors
    ///
    /// Example: jwtd config schema > jwtd.schema.json
    Schema,
}

impl Command {
    pub(super) fn run(self) -> ExitCode {
        match self {
            Self::Check { config } => check(&config),
            Self::Schema => match serde_json::to_string_pretty(&schema::json_schema()) {
                Ok(text) => {
                    println!("{text}");
                    ExitCode::SUCCESS
                }
                Err(error) => fail(error),
            },
        }
    }
}

fn check(path: &std::path::Path) -> ExitCode {
    let config = match config::load(path) {
        Ok(config) => config,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    for note in &config.notes {
        eprintln!("note: {note}");
    }
    for (_, issuer) in config.issuers.iter() {
        let KeyState::Held { set, .. } = issuer.keys() else {
            continue;
        };
        println!("issuer {}: {} keys", issuer.name(), set.keys().len());
        for key in set.keys() {
            let id = key.id.as_deref().map_or_else(|| "no kid".to_owned(), |id| format!("{id:?}"));
            println!("  {} {id}", key.key.algorithm());
        }
    }
    for profile in &config.profiles {
        println!("profile {}", profile.name());
    }
    println!("{}: no faults", path.display());
    ExitCode::SUCCESS
}
