//! Floor 5+: the configuration file, in three stages. [`document`] keeps the text and the position
//! of each value, [`schema`] defines the settings and their defaults, and `valid` builds [`Config`]
//! from types that cannot be wrong. All faults are found at once.

mod access;
mod audit;
mod certificates;
mod check;
mod connection;
mod decryption;
pub mod document;
mod dpop;
mod events;
mod ext_authz;
mod fault;
mod feeds;
mod http_url;
pub mod import;
mod issuer;
mod issuer_names;
mod key_owner;
mod key_report;
mod key_source;
mod limits;
mod listen;
mod machine;
mod profile;
mod proxy_url;
mod read;
mod redis_feed;
mod reference;
mod remote;
mod revocation;
pub mod schema;
mod secrets;
mod server_tls;
mod settings;
mod shared_key;
mod socket_mode;
mod switches;
mod units;
mod valid;

pub use audit::AuditSettings;
pub use certificates::{CertificateFile, DateFault};
pub use connection::Connection;
pub use dpop::{DpopSettings, NonceKey, ReplaySettings};
pub use events::{EventDelivery, LogoutFeed, SsfFeed, SubjectMapping};
pub use fault::{Fault, Faults};
pub use feeds::{Feed, FeedRights, FeedSource, ListRules, PolledList};
pub use http_url::HttpUrl;
pub use limits::ServerLimits;
pub use listen::{AdminHosts, Listen};
pub use machine::{most_connections, too_many};
pub use proxy_url::ProxyUrl;
pub use redis_feed::{RedisFeed, RedisUrl};
pub use reference::reference;
pub use remote::{
    Access, HeaderSource, Location, Part, Proxy, Remote, RequestHeader, header_value,
};
pub use revocation::{RevocationSettings, Revoker, Revokers};
pub use server_tls::{ClientAuthorities, ServerTls, TlsError};
pub use settings::{Override, Setting};
pub use socket_mode::SocketMode;
pub use units::{parse_bytes, parse_duration};
pub use valid::{Config, Live, Startup};

use crate::files;
use std::path::Path;

/// Reads and checks the configuration file at `path`.
///
/// # Errors
/// All faults of it.
pub fn load(path: &Path) -> Result<Config, Faults> {
    load_with(Some(path), &[]).map(|(config, _)| config)
}

/// Reads and checks the configuration file at `path`, if there is one, with `overrides` replacing
/// its values. Also returns each setting's value and origin.
///
/// # Errors
/// All faults of it.
pub fn load_with(
    path: Option<&Path>,
    overrides: &[Override],
) -> Result<(Config, Vec<Setting>), Faults> {
    let Checked { config, settings, .. } = read(path, overrides, Scope::File)?;
    Ok((config, settings))
}

/// Reads and checks as [`load_with`] does, and also returns warnings. With [`Scope::Machine`], it
/// also finds conditions of this machine that would keep a daemon of this user from starting.
///
/// # Errors
/// All faults of it.
pub fn check_with(
    path: Option<&Path>,
    overrides: &[Override],
    scope: Scope,
) -> Result<Checked, Faults> {
    read(path, overrides, scope)
}

/// A configuration without faults.
#[derive(Debug)]
pub struct Checked {
    /// The configuration.
    pub config: Config,
    /// The value and origin of each setting.
    pub settings: Vec<Setting>,
    /// Warnings for the operator, which are no faults: where, what, and how to fix it.
    pub warnings: Vec<String>,
}

/// The extent of a check.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// The file, and the files that it names.
    File,
    /// Also folders, ports and limits of this machine.
    Machine,
}

fn read(path: Option<&Path>, overrides: &[Override], scope: Scope) -> Result<Checked, Faults> {
    /// The largest file, in bytes; no legitimate file comes near this.
    const MOST: u64 = 4 * 1024 * 1024;

    let Some(path) = path else {
        return parse_with("{}", Path::new("configuration"), overrides, scope);
    };
    let read = files::read(path, MOST).map_err(|cause| {
        let what = format!("cannot be read: {}", files::words::of_io(&cause));
        Faults::whole(path, what, "give the path with `--config`")
    })?;
    let text = String::from_utf8(read)
        .map_err(|_| Faults::whole(path, "is not UTF-8".to_owned(), "save it as UTF-8"))?;
    parse_with(&text, path, overrides, scope)
}

/// Checks the text of a configuration file. Relative paths in it start from the
/// folder of `path`.
///
/// # Errors
/// All faults of it.
pub fn parse(text: &str, path: &Path) -> Result<Config, Faults> {
    parse_with(text, path, &[], Scope::File).map(|checked| checked.config)
}

fn parse_with(
    text: &str,
    path: &Path,
    overrides: &[Override],
    scope: Scope,
) -> Result<Checked, Faults> {
    let mut faults = Faults::new(path, text);
    let Some(mut root) = document::parse(text, &mut faults) else {
        return Err(faults);
    };
    settings::apply(&mut root, overrides, &mut faults);
    secrets::hide(&root, &schema::ROOT, &mut faults);
    check::check(&root, &schema::ROOT, &mut faults);
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let complete = read::complete(&root, &schema::ROOT);
    let config = valid::build(&complete, folder, &mut faults);
    let warnings = match &config {
        Some(config) if scope == Scope::Machine => {
            machine::check(&root, &complete, config, &mut faults)
        }
        _ => Vec::new(),
    };
    match config {
        Some(config) if faults.is_empty() => {
            let settings = settings::list(&root, &path.display().to_string(), &faults);
            Ok(Checked { config, settings, warnings })
        }
        _ => Err(faults),
    }
}

#[cfg(test)]
mod tests;
