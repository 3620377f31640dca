//! Keys that are fetched: from where, how often, and with which means.

use super::document::Node;
use super::fault::Faults;
use super::http_url::{HttpUrl, ProxyUrl};
use super::key_owner::{KEY_FILE_MAX_BYTES, KeyOwner};
use super::schema::{Field, keys as key};
use crate::certificates::{self, BadFile};
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
struct KeysNode<'n> {
    node: &'n Node,
    owner: &'n KeyOwner<'n>,
}

impl KeysNode<'_> {
    fn is_preset(&self) -> bool {
        self.node.word(key::preset) == Some("kubernetes")
    }

    fn refuse(&self, faults: &mut Faults, name: &str, what: impl Into<String>, fix: &str) {
        let place = self.node.get(name).map_or(self.owner.place, |node| node.place);
        faults.add(place, &format!("{}.{name}", self.owner.path), what.into(), fix);
    }

    /// The path that a setting names, or that the preset stands for.
    fn path(&self, field: &Field<str>, preset: Option<&str>) -> Option<PathBuf> {
        match self.node.word(field) {
            Some(file) => Some(self.owner.folder.join(file)),
            None => preset.filter(|_| self.is_preset()).map(PathBuf::from),
        }
    }

    /// A file that must be there.
    fn file(
        &self,
        faults: &mut Faults,
        field: &Field<str>,
        preset: Option<&str>,
    ) -> Option<PathBuf> {
        let file = self.path(field, preset)?;
        if let Err(cause) = files::read(&file, KEY_FILE_MAX_BYTES) {
            let cause = files::words::of_io(&cause);
            let what = format!("{} cannot be read: {cause}", file.display());
            self.refuse(faults, field.name(), what, "check the path and the rights of the file");
        }
        Some(file)
    }

    /// What `read` finds in a file that must be there.
    fn read<T>(
        &self,
        faults: &mut Faults,
        field: &Field<str>,
        file: Option<&Path>,
        read: impl FnOnce(&Path) -> Result<T, BadFile>,
    ) -> Option<T> {
        let found = read(file?);
        found.map_err(|bad| self.refuse(faults, field.name(), bad.what, &bad.fix)).ok()
    }
}

/// Reads what the mapping `keys` says of a source that is fetched; what is wrong goes
/// to `faults`.
pub(super) fn find(
    node: &Node,
    kind: &str,
    owner: KeyOwner<'_>,
    faults: &mut Faults,
) -> Option<Remote> {
    let keys = KeysNode { node, owner: &owner };
    let pace = Pace { refresh: node.read(key::refresh), cooldown: node.read(key::cooldown) };
    let max_stale = node.read(key::max_stale);
    if max_stale < pace.refresh {
        let fix = "fetch more often, or keep the keys for longer";
        keys.refuse(faults, key::max_stale.name(), "must be at least `refresh`", fix);
    }
    let unknown_kid_wait = node.read(key::unknown_kid_wait);
    let location = location(&keys, kind, faults)?;
    let access = access(&keys, faults);
    let KeyOwner { allowed, identifiers, .. } = owner;
    Some(Remote { location, identifiers, allowed, access, pace, max_stale, unknown_kid_wait })
}

fn location(keys: &KeysNode<'_>, kind: &str, faults: &mut Faults) -> Option<Location> {
    let written = keys.node.get(kind).map(Node::texts).unwrap_or_default();
    let written: Vec<_> =
        written.into_iter().filter(|text| !matches!(*text, "true" | "false")).collect();
    if kind == key::discovery.name() && written.is_empty() {
        if keys.is_preset() && keys.node.get(kind).is_none() {
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
    Some(if kind == key::jwks_uri.name() {
        Location::JwksUri(urls)
    } else {
        Location::Metadata(urls)
    })
}

/// How many places are tried, one after the other.
const MOST_URLS: usize = 4;

fn access(keys: &KeysNode<'_>, faults: &mut Faults) -> Access {
    let ca_file = keys.path(key::ca_file, Some(Kubernetes::CA_FILE));
    keys.read(faults, key::ca_file, ca_file.as_deref(), certificates::read_chain);
    let bearer_file = keys.file(faults, key::bearer_file, Some(Kubernetes::BEARER_FILE));
    let (certificate, private) = (keys.path(key::cert_file, None), keys.path(key::key_file, None));
    let chain = keys.read(faults, key::cert_file, certificate.as_deref(), certificates::read_chain);
    let private_key = keys.read(faults, key::key_file, private.as_deref(), certificates::read_key);
    if let (Some(chain), Some(private_key), Some(file)) = (chain, private_key, &certificate) {
        let fits = |_: &Path| certificates::check_pair((file, chain), private_key);
        keys.read(faults, key::cert_file, Some(file), fits);
    }
    let proxy = keys.node.word(key::proxy).and_then(|text| {
        let wrong = |cause: String| {
            let fix = "write it as http://host:port";
            keys.refuse(faults, key::proxy.name(), format!("`{text}` {cause}"), fix);
        };
        text.parse().map_err(wrong).ok()
    });
    let both = "give both, or neither";
    let client = match (certificate, private) {
        (Some(certificate), Some(private)) => Some((certificate, private)),
        (Some(_), None) => {
            keys.refuse(faults, key::cert_file.name(), "`key_file` is missing", both);
            None
        }
        (None, Some(_)) => {
            keys.refuse(faults, key::key_file.name(), "`cert_file` is missing", both);
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
