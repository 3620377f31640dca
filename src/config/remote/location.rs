//! The locations of key sets.

use super::access::{self, Access};
use super::{KeysNode, Kubernetes};
use crate::config::HttpUrl;
use crate::config::document::{Node, Value};
use crate::config::fault::Faults;
use crate::config::schema::{jwks_uris, keys as key, part};
use crate::redaction::redacted_url;
use std::fmt;

/// The location of a key set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Location {
    /// The first of these URLs that returns a usable set.
    JwksUri(Vec<HttpUrl>),
    /// The `jwks_uri` in the issuer's metadata; the metadata come from the first of these URLs that
    /// has them.
    Metadata(Vec<HttpUrl>),
    /// All of these places: the keys of each are accepted.
    Union(Vec<Part>),
}

/// One of several places whose keys are all accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Part {
    /// The keys come from the first of these URLs that returns a usable set.
    pub urls: Vec<HttpUrl>,
    /// The options for requests.
    pub access: Access,
}

/// The most failover URLs of one place.
const MOST_URLS: usize = 4;

/// The most places of a union.
const MOST_PARTS: usize = 8;

/// Reads the location of keys from the mapping `keys`.
pub(super) fn location(
    keys: &KeysNode<'_>,
    kind: &str,
    access: &Access,
    faults: &mut Faults,
) -> Option<Location> {
    if kind == key::jwks_uris.name() {
        return union(keys, access, faults);
    }
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
        let urls = parse(issuer, access).and_then(|url: HttpUrl| url.well_known());
        return match urls {
            Ok(urls) => Some(Location::Metadata(urls.into())),
            Err(cause) => {
                let what = format!(
                    "keys cannot be discovered, because the issuer `{}` {cause}",
                    redacted_url(issuer)
                );
                let fix = "say where the keys are: `keys: { jwks_uri: https://... }`, or a file";
                keys.refuse(faults, kind, what, fix);
                None
            }
        };
    }
    let urls = urls(keys, kind, &written, access, faults)?;
    Some(if kind == key::jwks_uri.name() {
        Location::JwksUri(urls)
    } else {
        Location::Metadata(urls)
    })
}

fn parse(text: &str, access: &Access) -> Result<HttpUrl, String> {
    if access.plaintext { HttpUrl::parse_plaintext(text) } else { text.parse() }
}

fn urls(
    keys: &KeysNode<'_>,
    kind: &str,
    written: &[&str],
    access: &Access,
    faults: &mut Faults,
) -> Option<Vec<HttpUrl>> {
    let mut urls = Vec::new();
    for text in written {
        match parse(text, access) {
            Ok(url) => urls.push(url),
            Err(cause) => {
                let fix = if text.contains('@') {
                    "write a URL such as https://host/path; a password goes into a file: `headers: \
                     { Authorization: { file: ... } }`"
                } else {
                    "write a URL such as https://host/path"
                };
                let what = format!("`{}` {cause}", redacted_url(text));
                keys.refuse(faults, kind, what, fix);
            }
        }
    }
    if urls.len() < written.len() {
        return None;
    }
    if urls.len() > MOST_URLS {
        let what = format!("at most {MOST_URLS} URLs are tried");
        keys.refuse(faults, kind, what, "name fewer; for the keys of all write `jwks_uris`");
    }
    Some(urls)
}

fn union(keys: &KeysNode<'_>, access: &Access, faults: &mut Faults) -> Option<Location> {
    let node = keys.node.at(key::jwks_uris)?;
    let written = node.at(jwks_uris::union).map(Node::items).unwrap_or_default();
    let mut parts: Vec<Part> = Vec::new();
    for (index, node) in written.iter().enumerate() {
        let mut owner = keys.owner.copy();
        owner.path = format!("{}.jwks_uris.union[{index}]", owner.path);
        owner.place = node.place;
        let of_part = KeysNode { node, owner: &owner };
        let table = matches!(node.value, Value::Map(_));
        let (access, texts) = if table {
            let texts = node.at(part::jwks_uri).map(Node::texts).unwrap_or_default();
            (access::of_part(&of_part, access, faults), texts)
        } else {
            (access.clone(), node.texts())
        };
        let Some(urls) = urls(&of_part, part::jwks_uri.name(), &texts, &access, faults) else {
            continue;
        };
        if urls.is_empty() {
            continue;
        }
        if parts.iter().any(|part| part.urls.first() == urls.first()) {
            let what = "is there twice";
            faults.add(node.place, &owner.path, what, "name each place once");
        }
        parts.push(Part { urls, access });
    }
    if parts.len() > MOST_PARTS {
        let what = format!("at most {MOST_PARTS} places are asked");
        keys.refuse(faults, key::jwks_uris.name(), what, "name fewer places");
    }
    (parts.len() == written.len()).then_some(Location::Union(parts))
}

impl Part {
    /// A text that identifies the place, and differs for different places. It may hold secrets:
    /// only for digests.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("jwks_uri {}", join(&self.urls, HttpUrl::exact, " or "))
    }
}

impl Location {
    /// A text that identifies the location, and differs for different locations. It may hold
    /// secrets: only for digests.
    #[must_use]
    pub fn identity(&self) -> String {
        match self {
            Self::JwksUri(urls) => format!("jwks_uri {}", join(urls, HttpUrl::exact, " or ")),
            Self::Metadata(urls) => format!("discovery {}", join(urls, HttpUrl::exact, " or ")),
            Self::Union(parts) => {
                let parts = parts.iter().map(Part::identity);
                format!("union {}", parts.collect::<Vec<_>>().join(" and "))
            }
        }
    }

    /// All configured URLs.
    pub fn urls(&self) -> impl Iterator<Item = &HttpUrl> {
        let (urls, parts) = match self {
            Self::JwksUri(urls) | Self::Metadata(urls) => (&urls[..], &[][..]),
            Self::Union(parts) => (&[][..], &parts[..]),
        };
        urls.iter().chain(parts.iter().flat_map(|part| &part.urls))
    }
}

fn join(urls: &[HttpUrl], text: impl Fn(&HttpUrl) -> String, between: &str) -> String {
    urls.iter().map(text).collect::<Vec<_>>().join(between)
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&join(&self.urls, ToString::to_string, ", else "))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |urls: &[HttpUrl]| join(urls, ToString::to_string, ", else ");
        match self {
            Self::JwksUri(urls) => write!(f, "jwks_uri {}", join(urls)),
            Self::Metadata(urls) => write!(f, "discovery {}", join(urls)),
            Self::Union(parts) => {
                let parts = parts.iter().map(ToString::to_string);
                write!(f, "jwks_uris {}", parts.collect::<Vec<_>>().join(", and "))
            }
        }
    }
}
