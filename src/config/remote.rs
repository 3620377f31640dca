//! Keys that are fetched: from where, how often, and with which means.

use super::document::Node;
use super::fault::Faults;
use super::http_url::{HttpUrl, ProxyUrl};
use super::key_source::{MOST, Owner};
use super::units::parse_duration;
use crate::files;
use jwtd_core::jose::Algorithm;
use jwtd_core::keys::Pace;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Keys that are fetched, again and again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remote {
    /// Where they are.
    pub location: Location,
    /// The values of `iss`; metadata must name one of them.
    pub identifiers: Vec<String>,
    /// The algorithms that the issuer may use.
    pub allowed: Vec<Algorithm>,
    /// The means to get there.
    pub access: Access,
    /// How often to fetch.
    pub pace: Pace,
    /// How long a set is good after it was fetched.
    pub max_stale: Duration,
    /// How long a token with an unknown key id may wait for an attempt to fetch.
    pub unknown_kid_wait: Duration,
}

/// Where a key set is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Location {
    /// At the first of these URLs that gives a usable set.
    JwksUri(Vec<HttpUrl>),
    /// Where the issuer's metadata says; the metadata are at the first of these URLs
    /// that has them.
    Metadata(Vec<HttpUrl>),
}

/// The means to fetch. Files are read for each attempt, so that they may change.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Access {
    /// The only certificate authorities to trust, in PEM; nothing means those of the
    /// system.
    pub ca_file: Option<PathBuf>,
    /// The certificate chain and the private key to show, in PEM.
    pub client: Option<(PathBuf, PathBuf)>,
    /// A file with a token that is sent along to the origin that was configured,
    /// such as the one of a Kubernetes service account.
    pub bearer_file: Option<PathBuf>,
    /// A proxy that connects to encrypted hosts.
    pub proxy: Option<ProxyUrl>,
}

/// What the word `kubernetes` stands for: the API server of the cluster that the
/// daemon runs in, with what every pod is given.
struct Kubernetes;

impl Kubernetes {
    const JWKS_URI: &str = "https://kubernetes.default.svc/openid/v1/jwks";
    const CA_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";
    const BEARER_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
}

/// The mapping `keys` of one issuer.
struct Keys<'n> {
    node: Option<&'n Node>,
    owner: &'n Owner<'n>,
}

impl<'n> Keys<'n> {
    fn given(&self, name: &str) -> Option<&'n Node> {
        self.node.and_then(|keys| keys.get(name))
    }

    fn text(&self, name: &str) -> Option<&'n str> {
        self.given(name).and_then(Node::text)
    }

    fn is_preset(&self) -> bool {
        self.text("preset") == Some("kubernetes")
    }

    fn refuse(&self, faults: &mut Faults, name: &str, what: impl Into<String>, fix: &str) {
        let place = self.given(name).map_or(self.owner.place, |node| node.place);
        faults.add(place, &format!("{}.{name}", self.owner.path), what.into(), fix);
    }

    /// A span within bounds, or the default.
    fn span(&self, faults: &mut Faults, name: &str, default: u64, low: u64, high: u64) -> Duration {
        let default = Duration::from_secs(default);
        let span = self.text(name).and_then(|text| parse_duration(text).ok()).unwrap_or(default);
        if span < Duration::from_secs(low) || span > Duration::from_secs(high) {
            let words = |seconds: u64| humantime::format_duration(Duration::from_secs(seconds));
            let what = format!("must be from {} to {}", words(low), words(high));
            let default = humantime::format_duration(default);
            self.refuse(faults, name, what, &format!("the default is {default}"));
        }
        span
    }

    /// A file that must be there.
    fn file(&self, faults: &mut Faults, name: &str, preset: Option<&str>) -> Option<PathBuf> {
        let file = match self.text(name) {
            Some(file) => self.owner.folder.join(file),
            None => preset.filter(|_| self.is_preset()).map(Path::new)?.to_owned(),
        };
        if let Err(cause) = files::read(&file, MOST) {
            let what = format!("{} cannot be read: {cause}", file.display());
            self.refuse(faults, name, what, "check the path and the rights of the file");
        }
        Some(file)
    }
}

const DAY: u64 = 24 * 3600;

/// Reads what the mapping `keys` says of a source that is fetched; what is wrong goes
/// to `faults`.
pub(super) fn find(
    node: Option<&Node>,
    kind: &str,
    owner: Owner<'_>,
    faults: &mut Faults,
) -> Option<Remote> {
    let keys = Keys { node, owner: &owner };
    let refresh = keys.span(faults, "refresh", 300, 10, DAY);
    let max_stale = keys.span(faults, "max_stale", DAY, 10, 30 * DAY);
    if max_stale < refresh {
        keys.refuse(faults, "max_stale", "must be at least `refresh`", "the default is 24h");
    }
    let cooldown = keys.span(faults, "cooldown", 10, 1, 300);
    let wait = keys.text("unknown_kid_wait").and_then(|text| parse_duration(text).ok());
    let unknown_kid_wait = wait.unwrap_or(Duration::from_millis(250));
    if unknown_kid_wait > Duration::from_secs(5) {
        keys.refuse(faults, "unknown_kid_wait", "must be at most 5s", "the default is 250ms");
    }
    let location = location(&keys, kind, faults)?;
    let access = access(&keys, faults);
    let Owner { allowed, identifiers, .. } = owner;
    let pace = Pace { refresh, cooldown };
    Some(Remote { location, identifiers, allowed, access, pace, max_stale, unknown_kid_wait })
}

fn location(keys: &Keys<'_>, kind: &str, faults: &mut Faults) -> Option<Location> {
    let written = keys.given(kind).map(Node::texts).unwrap_or_default();
    let written: Vec<_> =
        written.into_iter().filter(|text| !matches!(*text, "true" | "false")).collect();
    if kind == "discovery" && written.is_empty() {
        if keys.is_preset() && keys.given(kind).is_none() {
            return Some(Location::JwksUri(vec![Kubernetes::JWKS_URI.parse().ok()?]));
        }
        let known = &keys.owner.identifiers;
        let issuer = known.iter().find(|name| name.contains("://")).or_else(|| known.first());
        let issuer = issuer.map_or("", String::as_str);
        let urls = issuer.parse().and_then(|url: HttpUrl| url.well_known());
        return match urls {
            Ok(urls) => Some(Location::Metadata(urls.into())),
            Err(cause) => {
                let what =
                    format!("keys cannot be discovered, because the issuer `{issuer}` {cause}");
                let fix = "say where the keys are: `keys: { jwks_uri: https://... }`, or a file";
                keys.refuse(faults, kind, what, fix);
                None
            }
        };
    }
    let mut urls = Vec::new();
    for text in &written {
        match text.parse() {
            Ok(url) => urls.push(url),
            Err(cause) => {
                let cause: String = cause;
                let fix = "write a URL such as https://host/path";
                keys.refuse(faults, kind, format!("`{text}` {cause}"), fix);
            }
        }
    }
    if urls.len() < written.len() {
        return None;
    }
    if urls.len() > MOST_URLS {
        keys.refuse(faults, kind, format!("at most {MOST_URLS} URLs are tried"), "");
    }
    Some(if kind == "jwks_uri" { Location::JwksUri(urls) } else { Location::Metadata(urls) })
}

/// How many places are tried, one after the other.
const MOST_URLS: usize = 4;

fn access(keys: &Keys<'_>, faults: &mut Faults) -> Access {
    let ca_file = keys.file(faults, "ca_file", Some(Kubernetes::CA_FILE));
    let bearer_file = keys.file(faults, "bearer_file", Some(Kubernetes::BEARER_FILE));
    let certificate = keys.file(faults, "cert_file", None);
    let key = keys.file(faults, "key_file", None);
    let proxy = match keys.text("proxy").map(str::parse) {
        None => None,
        Some(Ok(proxy)) => Some(proxy),
        Some(Err(cause)) => {
            let cause: String = cause;
            let text = keys.text("proxy").unwrap_or_default();
            let fix = "write it as http://host:port";
            keys.refuse(faults, "proxy", format!("`{text}` {cause}"), fix);
            None
        }
    };
    let client = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (Some(_), None) => {
            keys.refuse(faults, "cert_file", "`key_file` is missing", "give both, or neither");
            None
        }
        (None, Some(_)) => {
            keys.refuse(faults, "key_file", "`cert_file` is missing", "give both, or neither");
            None
        }
        (None, None) => None,
    };
    Access { ca_file, client, bearer_file, proxy }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |urls: &[HttpUrl]| {
            urls.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
        };
        match self {
            Self::JwksUri(urls) => write!(f, "jwks_uri {}", join(urls)),
            Self::Metadata(urls) => write!(f, "discovery {}", join(urls)),
        }
    }
}
