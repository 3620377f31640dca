//! `jwtd jwks`: fetches key sets, and shows which keys would be loaded.

mod running;

use super::key_file;
use super::settings::Settings;
use super::{Output, block_on, exit_of, fail, misused, table, terminal, tokens};
use crate::clock::Clock;
use crate::config::{Access, Config, HttpUrl, Location, Remote};
use crate::files;
use crate::sources::{self, Loaded, Parts};
use clap::{ArgMatches, Args, Subcommand};
use jwtd_core::jose::limits::JWKS_BYTES;
use jwtd_core::jose::{Algorithm, base64url};
use jwtd_core::keys::{Key, KeySet, KeyState, LoadedKeys, Pace};
use serde_json::json;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Fetch a key set, as the daemon would
    ///
    /// Writes the set unchanged to standard output, and findings to standard error. Exits with 1 if
    /// no set with a usable key can be fetched.
    ///
    /// Example: jwtd jwks fetch --issuer https://login.example.com > jwks.json
    Fetch(Fetch),
    /// Show which keys would be loaded, and why others are skipped
    ///
    /// Reads a JWK Set from a file or from standard input, or uses the issuers of a configuration,
    /// or asks a running daemon. Exits with 1 if an issuer has no usable key.
    ///
    /// Example: jwtd jwks show jwks.json
    ///
    /// Example: jwtd jwks show --config jwtd.yaml
    ///
    /// Example: jwtd jwks show --admin 127.0.0.1:7520
    Show(Show),
}

#[derive(Args, Debug)]
pub(super) struct Fetch {
    /// The issuer, by its exact `iss`: the URL of the set is discovered
    #[arg(long, value_name = "URL", required_unless_present = "url")]
    issuer: Option<String>,
    /// The URL of the set, or with --issuer that of the metadata
    #[arg(long, value_name = "URL")]
    url: Option<HttpUrl>,
    /// The only certificate authorities to trust, in PEM
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A bearer token to send, such as that of a Kubernetes service account
    #[arg(long, value_name = "FILE")]
    bearer_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct Show {
    /// The JWK Set; without it, and without --config, standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Ask the daemon whose probes and metrics are at this address:port
    #[arg(long, value_name = "ADDRESS", conflicts_with = "file")]
    admin: Option<String>,
    #[command(flatten)]
    settings: Settings,
    /// Show which keys an issuer with these algorithms would load (may be given several times)
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = key_file::algorithm(), ignore_case = true)]
    algorithm: Vec<Algorithm>,
    /// The output format
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

impl Command {
    pub(super) fn run(self, matches: &ArgMatches) -> ExitCode {
        match self {
            Self::Fetch(fetch) => fetch.run(),
            Self::Show(show) => show.run(matches),
        }
    }
}

impl Fetch {
    fn run(self) -> ExitCode {
        let location = match (&self.issuer, self.url) {
            (None, Some(url)) => Location::JwksUri(vec![url]),
            (Some(_), Some(url)) => Location::Metadata(vec![url]),
            (issuer, None) => {
                let issuer = issuer.as_deref().unwrap_or_default();
                match issuer.parse().and_then(|url: HttpUrl| url.well_known()) {
                    Ok(urls) => Location::Metadata(urls.into()),
                    Err(cause) => {
                        note!("jwtd: --issuer: `{issuer}` {cause}");
                        return ExitCode::from(2);
                    }
                }
            }
        };
        let remote = Remote {
            location,
            identifiers: self.issuer.into_iter().collect(),
            allowed: Algorithm::ALL.to_vec(),
            access: Access {
                ca_file: self.ca_file,
                bearer_file: self.bearer_file,
                ..Access::default()
            },
            pace: Pace { refresh: Duration::MAX, cooldown: Duration::MAX },
            max_stale: Duration::MAX,
            unknown_kid_wait: Duration::ZERO,
        };
        exit_of(async move {
            match sources::fetch(&remote).await {
                Ok(fetched) => {
                    let (url, bytes) = (&fetched.jwks_uri, fetched.text.len());
                    let LoadedKeys { set, skipped, warnings } = fetched.keys;
                    let keys = set.keys().len();
                    note!("{url}: {bytes} bytes, {keys} usable keys, {} skipped", skipped.len());
                    for line in skipped.into_iter().chain(warnings) {
                        note!("  {line}");
                    }
                    terminal::write_json(&fetched.text);
                    ExitCode::SUCCESS
                }
                Err(error) => fail(error),
            }
        })
    }
}

/// The keys of one issuer and their faults.
struct IssuerKeys {
    issuer: String,
    set: Option<Arc<KeySet>>,
    /// Skipped keys, or the reason why there is no set.
    faults: Vec<String>,
    /// Warnings about tokens that the loaded keys cannot verify.
    warnings: Vec<String>,
}

impl Show {
    fn run(self, matches: &ArgMatches) -> ExitCode {
        let elsewhere = self.admin.is_some() || self.file.is_some();
        if elsewhere && self.settings.is_flag(matches) {
            note!(
                "jwtd: FILE, --admin, and --config or --issuer exclude each other; fix: give one"
            );
            return ExitCode::from(2);
        }
        if let Some(misuse) = self.settings.unused(matches).filter(|_| !self.settings.is_given()) {
            return misused(misuse);
        }
        if let Some(address) = &self.admin {
            return running::show(address, self.output);
        }
        let loaded = if self.settings.is_given() && !elsewhere {
            match self.settings.load(None, matches) {
                Ok((config, _)) => of_issuers(&config),
                Err(code) => return code,
            }
        } else {
            let text = match read(self.file.as_ref()) {
                Ok(text) => text,
                Err(error) => return fail(error),
            };
            let allowed =
                if self.algorithm.is_empty() { Algorithm::ALL } else { &self.algorithm[..] };
            match LoadedKeys::from_jwks(&text, allowed) {
                Ok(keys) => vec![IssuerKeys::new("", keys)],
                Err(error) => return fail(error),
            }
        };
        match self.output {
            Output::Json => loaded.iter().for_each(|one| say!("{}", one.to_json())),
            Output::Text => print(&loaded),
        }
        let usable = |one: &IssuerKeys| one.set.as_ref().is_some_and(|set| !set.keys().is_empty());
        if loaded.iter().all(usable) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl IssuerKeys {
    fn new(issuer: &str, LoadedKeys { set, skipped, warnings }: LoadedKeys) -> Self {
        Self { issuer: issuer.to_owned(), set: Some(Arc::new(set)), faults: skipped, warnings }
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        self.set.iter().flat_map(|set| set.keys())
    }

    fn to_json(&self) -> serde_json::Value {
        let key = |key: &Key| {
            json!({
                "key_id": key.id.as_deref(),
                "algorithm": key.key.algorithm().name(),
                "thumbprint": base64url::encode(key.key.thumbprint()),
            })
        };
        json!({
            "issuer": self.issuer,
            "keys": self.keys().map(key).collect::<Vec<_>>(),
            "skipped": self.faults,
            "warnings": self.warnings,
        })
    }
}

fn print(loaded: &[IssuerKeys]) {
    let mut rows = Vec::new();
    for one in loaded {
        let mut row = |good: bool, state: &str, id: String, algorithm: &str, note: String| {
            let cells = [one.issuer.clone(), state.to_owned(), id, algorithm.to_owned(), note];
            rows.push((good, cells.to_vec()));
        };
        for Key { id, key, .. } in one.keys() {
            // Escaped, because the publisher of the set chose the text.
            let id = id.as_deref().map_or_else(|| "(none)".to_owned(), |id| format!("{id:?}"));
            let thumbprint = base64url::encode(key.thumbprint());
            row(true, "loaded", id, key.algorithm().name(), format!("thumbprint {thumbprint}"));
        }
        for fault in &one.faults {
            row(false, "skipped", String::new(), "", fault.clone());
        }
        for warning in &one.warnings {
            row(false, "warning", String::new(), "", warning.clone());
        }
    }
    table::print(&["issuer", "state", "kid", "alg", "note"], &rows, 1);
}

/// Collects the keys of the issuers of a configuration, fetching those that are remote.
fn of_issuers(config: &Config) -> Vec<IssuerKeys> {
    let mut loaded: Vec<_> = config
        .live
        .issuers
        .iter()
        .map(|(_, issuer)| {
            let own = |lines: &[(String, String)]| -> Vec<String> {
                let own = lines.iter().filter(|(name, _)| *name == *issuer.name());
                own.map(|(_, line)| line.clone()).collect()
            };
            let set = match issuer.keys() {
                KeyState::Held { set, .. } => Some(Arc::clone(set)),
                KeyState::Unavailable => None,
            };
            IssuerKeys {
                issuer: issuer.name().to_owned(),
                set,
                faults: own(&config.live.skipped),
                warnings: own(&config.live.warnings),
            }
        })
        .collect();
    let fetching = async {
        for (index, remote) in &config.live.remotes {
            let Some(one) = loaded.get_mut(index.get()) else { continue };
            match sources::load(remote, &Parts::of(remote), &Clock::system()).await {
                Ok(Loaded { merged, failures }) => {
                    let failures = failures.iter().map(ToString::to_string);
                    *one = IssuerKeys::new(&one.issuer, merged.keys);
                    one.faults.splice(0..0, failures);
                }
                Err(error) => one.faults = vec![error.to_string()],
            }
        }
    };
    if let Err(error) = block_on(fetching) {
        note!("jwtd: {}", files::words::of_io(&error));
    }
    loaded
}

/// Reads a file or standard input, up to one byte beyond the limit, which is enough to refuse a
/// set.
fn read(file: Option<&PathBuf>) -> Result<Vec<u8>, String> {
    let Some(file) = file.filter(|file| file.as_os_str() != "-") else {
        return tokens::standard_input("a JWK Set");
    };
    let most = u64::try_from(JWKS_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut text = Vec::new();
    files::open(file)
        .and_then(|file| file.take(most).read_to_end(&mut text))
        .map_err(|error| format!("{}: {}", file.display(), files::words::of_io(&error)))?;
    Ok(text)
}
