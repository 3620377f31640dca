//! `jwtd config`: checks, prints and converts configuration files.

use super::settings::{Settings, Sockets};
use super::{EXIT_CONFIG, Output, fail, table, terminal, tokens};
use crate::clock::Clock;
use crate::config::import::{self, Dialect};
use crate::config::{self, Checked, Config, DateFault, Location, Scope, Setting, schema};
use crate::files;
use clap::{ArgMatches, Args, Subcommand, ValueEnum};
use jwtd_core::keys::KeyState;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check a configuration file and its key files
    ///
    /// Shows all faults at once, each with its line and how to fix it. Also reports conditions that
    /// would keep a daemon of this user from starting on this machine, and certificates that are
    /// not valid.
    ///
    /// Example: jwtd config check --config jwtd.yaml
    ///
    /// Example: jwtd config check --config jwtd.yaml --files-only
    Check {
        #[command(flatten)]
        given: Given,
        /// Check only the files and not this machine: before a rollout to another one
        #[arg(long)]
        files_only: bool,
    },
    /// Print every effective setting and the origin of its value
    ///
    /// Flags override the environment, the environment overrides the file, and the file overrides
    /// the defaults.
    ///
    /// Example: jwtd config print --config jwtd.yaml
    Print {
        #[command(flatten)]
        given: Given,
        /// The output format
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Convert a configuration of Envoy or Istio to one for jwtd
    ///
    /// Reads a file or standard input, writes the configuration to standard output, and notes on
    /// standard error what was left out or has another meaning in jwtd. Exits with 1 if the result
    /// must be fixed before use.
    ///
    /// Example: kubectl get requestauthentication -A -o yaml | jwtd config import --from istio
    ///
    /// Example: jwtd config import --from envoy envoy.yaml > jwtd.yaml
    Import {
        /// The format of the input
        #[arg(long, value_enum)]
        from: From,
        /// The file; without it, standard input
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Print the JSON Schema of the configuration, for editors
    ///
    /// Example: jwtd config schema > jwtd.schema.json
    Schema,
}

/// The input of a check: the settings that `jwtd serve` would use.
#[derive(Args, Debug)]
pub(super) struct Given {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    sockets: Sockets,
}

impl Given {
    fn load(&self, matches: &ArgMatches) -> Result<(Config, Vec<Setting>), ExitCode> {
        self.settings.load(Some(&self.sockets), matches)
    }

    fn check(&self, matches: &ArgMatches, scope: Scope) -> Result<Checked, ExitCode> {
        self.settings.source(Some(&self.sockets), matches)?.check(scope).map_err(|faults| {
            terminal::messages(&faults.to_string());
            ExitCode::from(EXIT_CONFIG)
        })
    }
}

impl Command {
    pub(super) fn run(self, matches: &ArgMatches) -> ExitCode {
        match self {
            Self::Check { given, files_only } => {
                let scope = if files_only { Scope::File } else { Scope::Machine };
                match given.check(matches, scope) {
                    Ok(checked) => check(&checked),
                    Err(code) => code,
                }
            }
            Self::Print { given, output } => match given.load(matches) {
                Ok((_, settings)) => print(&settings, output),
                Err(code) => code,
            },
            Self::Import { from, file } => import(from, file.as_deref()),
            Self::Schema => match serde_json::to_string_pretty(&schema::json_schema()) {
                Ok(text) => {
                    text.lines().for_each(terminal::line);
                    ExitCode::SUCCESS
                }
                Err(error) => fail(error),
            },
        }
    }
}

/// The format of a configuration to import.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum From {
    /// The filter jwt_authn: all its providers, wherever they occur in the file
    Envoy,
    /// RequestAuthentication: all its jwtRules
    Istio,
}

fn import(from: From, file: Option<&Path>) -> ExitCode {
    /// The largest input, in bytes. A dump of a whole Envoy configuration has tens of MiB.
    const MOST: u64 = 64 << 20;

    let dialect = match from {
        From::Envoy => Dialect::Envoy,
        From::Istio => Dialect::Istio,
    };
    let (read, place) = match file.filter(|file| file.as_os_str() != "-") {
        Some(file) => {
            let failed = |error| format!("{}: {}", file.display(), files::words::of_io(&error));
            (files::read(file, MOST).map_err(failed), file)
        }
        None => (tokens::standard_input("a configuration"), Path::new("standard input")),
    };
    let text = read.and_then(|text| {
        String::from_utf8(text).map_err(|_| format!("{}: it is not UTF-8", place.display()))
    });
    let text = match text {
        Ok(text) => text,
        Err(error) => return fail(error),
    };
    let imported = match import::import(&text, place, dialect) {
        Ok(imported) => imported,
        Err(faults) => {
            terminal::messages(&faults.to_string());
            return ExitCode::FAILURE;
        }
    };
    for note in &imported.notes {
        note!("note: {note}");
    }
    terminal::write(&imported.yaml);
    match config::parse(&imported.yaml, Path::new("result")) {
        Ok(_) => ExitCode::SUCCESS,
        Err(faults) => {
            terminal::messages(&faults.to_string());
            ExitCode::FAILURE
        }
    }
}

fn print(settings: &[Setting], output: Output) -> ExitCode {
    match output {
        Output::Json => {
            for Setting { path, value, origin } in settings {
                say!("{}", json!({"setting": path, "value": value, "from": origin}));
            }
        }
        Output::Text => {
            let row = |Setting { path, value, origin }: &Setting| {
                (origin != "default", vec![path.clone(), value.clone(), origin.clone()])
            };
            let rows: Vec<_> = settings.iter().map(row).collect();
            table::print(&["setting", "value", "from"], &rows, usize::MAX);
        }
    }
    ExitCode::SUCCESS
}

fn check(Checked { config, settings, warnings }: &Checked) -> ExitCode {
    for (issuer, line) in &config.live.skipped {
        note!("note: issuer {issuer}: {line}");
    }
    for (issuer, line) in &config.live.warnings {
        note!("warning: issuer {issuer}: {line}");
    }
    for (index, remote) in &config.live.remotes {
        if let Some(issuer) = config.live.issuers.get(*index) {
            say!("issuer {}: keys are fetched: {}", issuer.name(), remote.location);
            if let Location::JwksUri(urls) = &remote.location
                && urls.len() > 1
            {
                note!(
                    "note: issuer {}: a list in `jwks_uri` is for failover: the keys are those of \
                     the first URL that answers; for the keys of all write `jwks_uris: {{ union: \
                     [...] }}`",
                    issuer.name()
                );
            }
            for url in remote.location.urls().filter(|url| url.is_exposed()) {
                note!(
                    "note: issuer {}: `plaintext: true`: an attacker who can change traffic \
                     between this machine and {} decides which tokens are accepted",
                    issuer.name(),
                    url.host()
                );
            }
        }
    }
    for (_, issuer) in config.live.issuers.iter() {
        let KeyState::Held { set, .. } = issuer.keys() else {
            continue;
        };
        say!("issuer {}: {} keys", issuer.name(), set.keys().len());
        for key in set.keys() {
            let id = key.id.as_deref().map_or_else(|| "no kid".to_owned(), |id| format!("{id:?}"));
            say!("  {} {id}", key.key.algorithm());
        }
    }
    for (profile, _) in &config.live.profiles {
        say!("profile {}", profile.name());
    }
    warnings.iter().for_each(|warning| note!("warning: {warning}"));
    let wrong = check_dates(config, settings);
    if wrong > 0 {
        note!("{wrong} fault{}", if wrong == 1 { "" } else { "s" });
        return ExitCode::from(EXIT_CONFIG);
    }
    say!("no faults");
    ExitCode::SUCCESS
}

/// Notes certificates that are not valid or will soon expire, and returns how many are unusable
/// now.
fn check_dates(config: &Config, settings: &[Setting]) -> usize {
    let now = Clock::system().wall();
    let mut wrong = 0;
    for file in config.certificates() {
        let place = settings.iter().find(|setting| setting.path == file.setting);
        let place = place.map_or_else(String::new, |setting| format!("{}: ", setting.origin));
        for DateFault { is_wrong, what, fix } in file.date_faults(now) {
            let kind = if is_wrong { "" } else { "warning: " };
            note!("{kind}{place}{}: {what}", file.setting);
            note!("    fix: {fix}");
            wrong += usize::from(is_wrong);
        }
    }
    wrong
}
