//! Flags that replace a configuration file, or override it.

use super::{EXIT_CONFIG, terminal};
use crate::client::Address;
use crate::config::document::Value;
use crate::config::{self, Checked, Config, Faults, Override, Scope, Setting};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use std::path::PathBuf;
use std::process::ExitCode;

/// The sources of settings, in order of precedence: flags, the environment, the file, defaults.
#[derive(Args, Debug)]
pub(super) struct Settings {
    /// The configuration file, YAML or JSON
    #[arg(long, env = "JWTD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Without a file: accept the tokens of this issuer, by its exact `iss` (may be
    /// given several times if it uses several)
    #[arg(long, env = "JWTD_ISSUER", value_name = "URL")]
    issuer: Vec<String>,
    /// The `aud` to accept, or the word any (may be given several times)
    #[arg(long, env = "JWTD_AUDIENCE", value_name = "NAME")]
    audience: Vec<String>,
    /// With --issuer: a JWK Set, as a file or a URL; by default it is discovered
    #[arg(long, env = "JWTD_JWKS", value_name = "FILE|URL")]
    jwks: Option<String>,
}

/// The addresses for calls, and for probes and metrics.
#[derive(Args, Debug)]
pub(super) struct Sockets {
    /// Take calls here, unix:///path or tcp://address:port (may be given several times)
    #[arg(long, env = "JWTD_LISTEN", value_name = "ADDRESS", value_delimiter = ',', value_parser = plain)]
    listen: Vec<Address>,
    /// Serve probes and metrics at this address:port; the word off opens none
    #[arg(long, env = "JWTD_ADMIN", value_name = "ADDRESS")]
    admin: Option<String>,
}

/// An optional file and its overrides. It can be read repeatedly.
#[derive(Clone, Debug)]
pub(super) struct ConfigSource {
    pub(super) file: Option<PathBuf>,
    overrides: Vec<Override>,
}

impl ConfigSource {
    pub(super) fn load(&self) -> Result<(Config, Vec<Setting>), Faults> {
        config::load_with(self.file.as_deref(), &self.overrides)
    }
}

impl ConfigSource {
    /// Reads the settings, and also returns warnings.
    pub(super) fn check(&self, scope: Scope) -> Result<Checked, Faults> {
        config::check_with(self.file.as_deref(), &self.overrides, scope)
    }
}

impl Settings {
    /// Returns true if a file or an issuer is given.
    pub(super) fn is_given(&self) -> bool {
        self.config.is_some() || !self.issuer.is_empty()
    }

    /// Returns true if a file or an issuer is given by a flag, and not only by the environment.
    pub(super) fn is_flag(&self, matches: &ArgMatches) -> bool {
        rank("config", matches).max(rank("issuer", matches)) == FLAG
    }

    /// Returns true if a file or an issuer is given, and the flag `other` is absent or has lower
    /// precedence.
    pub(super) fn precede(&self, other: &str, matches: &ArgMatches) -> bool {
        let rank = |id: &str| rank(id, matches);
        rank("config").max(rank("issuer")) > rank(other)
    }

    /// Describes a value that cannot be meant as written.
    pub(super) fn misuse(&self, matches: &ArgMatches) -> Option<String> {
        let several = |id: &str, values: &[String], variable: &str| {
            let value = values.iter().find(|value| value.contains(','))?;
            let each: Vec<_> =
                value.split(',').map(|one| format!("--{id} {}", one.trim())).collect();
            let each = each.join(" ");
            Some(if rank(id, matches) == FLAG {
                format!("--{id} is not split at commas; write {each}")
            } else {
                format!(
                    "{variable} holds one value, and is not split at commas; write {each}, or a file"
                )
            })
        };
        several("audience", &self.audience, "JWTD_AUDIENCE")
            .or_else(|| several("issuer", &self.issuer, "JWTD_ISSUER"))
    }

    /// Describes a flag that has no effect without an issuer.
    pub(super) fn unused(&self, matches: &ArgMatches) -> Option<String> {
        (rank("jwks", matches) == FLAG && rank("issuer", matches) == 0).then(|| {
            "--jwks goes with --issuer; give --issuer URL and --audience NAME too".to_owned()
        })
    }

    /// The given values of `aud`; empty if a file has precedence over them.
    pub(super) fn audiences(&self, matches: &ArgMatches) -> &[String] {
        if rank("config", matches) > rank("audience", matches) { &[] } else { &self.audience }
    }

    /// Reads and checks the file and its overrides. `matches` are those of the command that runs.
    pub(super) fn load(
        &self,
        sockets: Option<&Sockets>,
        matches: &ArgMatches,
    ) -> Result<(Config, Vec<Setting>), ExitCode> {
        self.source(sockets, matches)?.load().map_err(|faults| {
            terminal::messages(&faults.to_string());
            ExitCode::from(EXIT_CONFIG)
        })
    }

    /// The source of the settings; `matches` as above.
    pub(super) fn source(
        &self,
        sockets: Option<&Sockets>,
        matches: &ArgMatches,
    ) -> Result<ConfigSource, ExitCode> {
        let (file, issuer, audience) =
            (rank("config", matches), rank("issuer", matches), rank("audience", matches));
        if let Some(misuse) = self.misuse(matches) {
            note!("jwtd: {misuse}");
            return Err(ExitCode::from(2));
        }
        let misused = if file == 0 && issuer == 0 {
            Some("give --config FILE, or --issuer URL and --audience NAME")
        } else if file == issuer {
            Some("--config and --issuer exclude each other; fix: give one of them")
        } else if file > issuer && audience >= file {
            Some("--audience goes with --issuer; a file names its own")
        } else if file > issuer && rank("jwks", matches) >= file {
            Some("--jwks goes with --issuer; a file names its own")
        } else if issuer > file && audience == 0 {
            Some("--issuer needs --audience NAME, or the word any")
        } else {
            None
        };
        if let Some(misused) = misused {
            note!("jwtd: {misused}");
            return Err(ExitCode::from(2));
        }
        // A flag has precedence over the environment.
        let issuers = (issuer > file).then(|| self.issuers(matches));
        let config = self.config.clone().filter(|_| file > issuer);
        let overrides = [issuers]
            .into_iter()
            .chain(sockets.into_iter().flat_map(|sockets| sockets.overrides(matches)))
            .flatten()
            .collect();
        Ok(ConfigSource { file: config, overrides })
    }

    fn issuers(&self, matches: &ArgMatches) -> Override {
        let texts = |all: &[String]| Value::list(all.iter().map(Value::text));
        let keys = self.jwks.iter().map(|jwks| {
            let kind = if jwks.contains("://") { "jwks_uri" } else { "jwks_file" };
            ("keys", Value::map([(kind, Value::text(jwks))]))
        });
        let any = self.audience == ["any"];
        let audiences = if any { Value::text("any") } else { texts(&self.audience) };
        let issuer = [("issuer", texts(&self.issuer)), ("audiences", audiences)];
        let issuer = Value::map(issuer.into_iter().chain(keys));
        let value = Value::map([("default", issuer)]);
        Override { key: "issuers", value, origin: origin(matches, "issuer", "JWTD_ISSUER") }
    }
}

impl Sockets {
    fn overrides(&self, matches: &ArgMatches) -> [Option<Override>; 2] {
        let socket = |address: &Address| match address.to_string().split_once("://") {
            Some((kind, place)) => Value::map([(kind, Value::text(place))]),
            None => Value::Null,
        };
        let listen = (!self.listen.is_empty()).then(|| Override {
            key: "listen",
            value: Value::list(self.listen.iter().map(socket)),
            origin: origin(matches, "listen", "JWTD_LISTEN"),
        });
        let admin = self.admin.as_ref().map(|address| Override {
            key: "admin",
            value: Value::text(address),
            origin: origin(matches, "admin", "JWTD_ADMIN"),
        });
        [listen, admin]
    }
}

/// Parses an address for listening without TLS.
fn plain(text: &str) -> Result<Address, String> {
    if text.starts_with("tls://") {
        let fix =
            "it needs a certificate: write `listen: [{ tcp: ..., tls: { cert_file, key_file } }]`";
        return Err(format!("{fix} in a file, and name it with --config"));
    }
    text.parse()
}

/// The rank of a value given by a flag.
const FLAG: u8 = 2;

/// The precedence of a value: a flag before the environment, and the environment before nothing.
fn rank(id: &str, matches: &ArgMatches) -> u8 {
    match matches.value_source(id) {
        Some(ValueSource::CommandLine) => FLAG,
        Some(ValueSource::EnvVariable) => 1,
        _ => 0,
    }
}

/// The flag, or the environment variable that was used in its place.
fn origin(matches: &ArgMatches, id: &str, variable: &str) -> String {
    match matches.value_source(id) {
        Some(ValueSource::EnvVariable) => variable.to_owned(),
        _ => format!("--{id}"),
    }
}
