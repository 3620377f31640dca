//! The Redis or Valkey servers over which a fleet shares revocations and presentations.

use super::document::Node;
use super::fault::Faults;
use super::http_url::host_and_port;
use super::schema::redis as key;
use http::Uri;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The connection settings for what a fleet shares.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RedisFeed {
    /// The servers, in the order in which they are tried; with `sentinel`, the Sentinel servers.
    pub urls: Vec<RedisUrl>,
    /// The name of the master in Sentinel.
    pub sentinel: Option<Box<str>>,
    /// The file with the password for Sentinel itself.
    pub sentinel_password_file: Option<PathBuf>,
    /// The user in the server's access control list.
    pub user: Option<Box<str>>,
    /// The file with the user's password.
    pub password_file: Option<PathBuf>,
    /// The CAs for server certificates; `None` means those of the system.
    pub ca_file: Option<PathBuf>,
    /// The client certificate and its key.
    pub client: Option<(PathBuf, PathBuf)>,
    /// The prefix of all key names.
    pub prefix: Box<str>,
    /// Applies undo entries of other daemons if true.
    pub undo: bool,
}

/// A server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RedisUrl {
    /// The host: a name, or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// True if the connection uses TLS.
    pub tls: bool,
    /// The number of the database.
    pub database: u32,
}

impl RedisUrl {
    /// The default port, for Redis and for Sentinel.
    pub const PORT: u16 = 6379;

    /// Returns true if an unencrypted connection to this server would leave the machine.
    fn is_exposed(&self) -> bool {
        let local = self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        !self.tls && !local
    }
}

/// The longest prefix of key names, in bytes.
const PREFIX: usize = 128;

/// Reads the table `redis` of a feed, and adds faults to `faults`.
pub(super) fn find(
    node: &Node,
    path: &str,
    folder: &Path,
    faults: &mut Faults,
) -> Option<RedisFeed> {
    let plaintext = node.read(key::plaintext);
    let written = node.at(key::url)?;
    let place = format!("{path}.url");
    let mut urls = Vec::new();
    for text in written.texts() {
        let url = match text.parse::<RedisUrl>() {
            Ok(url) => url,
            Err(what) => {
                let fix = "write it as rediss://host:port; a user goes into `user` and \
                           `password_file`";
                faults.add(written.place, &place, what, fix);
                continue;
            }
        };
        if url.is_exposed() && !plaintext {
            let what = format!("`{url}` is not encrypted, and leaves this machine");
            let fix = "write rediss://, or set `plaintext: true` if nobody else is on that network";
            faults.add(written.place, &place, what, fix);
        }
        urls.push(url);
    }
    let prefix = node.word(key::prefix).unwrap_or("jwtd:revocations");
    let is_plain = |one: char| one.is_ascii_graphic() && !matches!(one, '{' | '}');
    if prefix.is_empty() || prefix.len() > PREFIX || !prefix.chars().all(is_plain) {
        let what = "is no prefix of keys";
        let fix = "use up to 128 letters, digits and signs, without spaces and braces";
        faults.add(node.place, &format!("{path}.prefix"), what, fix);
    }
    let file = |field| node.word(field).map(|file| folder.join(file));
    (!urls.is_empty()).then(|| RedisFeed {
        urls,
        sentinel: node.word(key::sentinel).map(Box::from),
        sentinel_password_file: file(key::sentinel_password_file),
        user: node.word(key::user).map(Box::from),
        password_file: file(key::password_file),
        ca_file: file(key::ca_file),
        client: file(key::cert_file).zip(file(key::key_file)),
        prefix: prefix.into(),
        undo: node.at(key::undo).is_none() || node.read(key::undo),
    })
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, tls, database } = self;
        let scheme = if *tls { "rediss" } else { "redis" };
        match host.contains(':') {
            true => write!(f, "{scheme}://[{host}]:{port}")?,
            false => write!(f, "{scheme}://{host}:{port}")?,
        }
        if *database > 0 { write!(f, "/{database}") } else { Ok(()) }
    }
}

impl FromStr for RedisUrl {
    type Err = String;

    /// The errors leave out the text, which may hold a password.
    fn from_str(text: &str) -> Result<Self, String> {
        let tls = match text.split_once("://") {
            Some(("redis", _)) => false,
            Some(("rediss", _)) => true,
            _ => return Err("does not begin with redis:// or rediss://".to_owned()),
        };
        if text.contains('@') {
            return Err("holds a user or a password".to_owned());
        }
        let uri: Uri = text.parse().map_err(|_| "is no URL".to_owned())?;
        let (host, port) =
            host_and_port(&uri).ok_or_else(|| "has no host, or a port of 0".to_owned())?;
        let database = match uri.path() {
            "" | "/" => 0,
            path => path
                .trim_start_matches('/')
                .parse()
                .map_err(|_| "has a path that is not the number of a database".to_owned())?,
        };
        if uri.query().is_some() {
            return Err("has a query".to_owned());
        }
        Ok(Self { host, port: port.unwrap_or(Self::PORT), tls, database })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_server_and_no_secret() {
        for (text, written) in [
            ("redis://r", "redis://r:6379"),
            ("rediss://r:1/3", "rediss://r:1/3"),
            ("redis://[::1]:7/", "redis://[::1]:7"),
        ] {
            assert_eq!(text.parse::<RedisUrl>().unwrap().to_string(), written);
        }
        for bad in
            ["r:6379", "http://r", "redis://u:p@r", "redis://r/x", "redis://r?a=b", "redis://"]
        {
            let fault = bad.parse::<RedisUrl>().unwrap_err();
            assert!(!fault.contains("u:p"), "{fault}");
        }
    }
}
