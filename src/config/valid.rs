//! The configuration as the daemon uses it: made only of types that cannot be
//! wrong.

use super::check::nearest;
use super::document::Node;
use super::fault::Faults;
use super::issuer::{check_identifiers, issuer};
use super::remote::Remote;
use super::units::{parse_bytes, parse_duration};
use crate::jose::{Limits, TokenType};
use crate::keys::{IssuerIndex, Issuers};
use crate::verify::{AcceptedTypes, Profile};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// All settings.
#[derive(Debug)]
pub struct Config {
    /// Where calls are taken.
    pub listen: Vec<Listen>,
    /// Where probes and metrics are served, if anywhere.
    pub admin: Option<SocketAddr>,
    /// The issuers with their keys.
    pub issuers: Issuers,
    /// For each issuer, by its place, whether the daemon is ready without keys.
    pub optional: Vec<bool>,
    /// The issuers whose keys are fetched.
    pub remotes: Vec<(IssuerIndex, Remote)>,
    /// The profiles.
    pub profiles: Vec<Profile>,
    /// The most bytes of the cache of proofs.
    pub cache_bytes: u64,
    /// The longest life of an entry of the cache.
    pub cache_ttl: Duration,
    /// Bounds of calls.
    pub limits: ServerLimits,
    /// How long calls may go on after SIGTERM.
    pub drain_timeout: Duration,
    /// Keys that were skipped, each with the name of its issuer. It is no fault, but
    /// the operator should know.
    pub skipped: Vec<(String, String)>,
}

/// Where calls are taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Listen {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix {
        /// Its path.
        path: PathBuf,
        /// The rights of its file.
        mode: SocketMode,
    },
}

/// The rights of a file: nine bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SocketMode(pub u32);

/// Bounds of calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ServerLimits {
    /// The most tokens of one message.
    pub batch_tokens: usize,
    /// The largest message in bytes.
    pub message_bytes: usize,
    /// The most tokens worked on at once.
    pub in_flight_tokens: usize,
    /// The most bytes received or worked on at once.
    pub in_flight_bytes: usize,
    /// The most open connections.
    pub connections: usize,
    /// The most calls at once on one connection.
    pub streams_per_connection: u32,
}

/// Makes the settings of a tree that was checked against the schema. Faults that
/// the schema cannot see are added to `faults`; where one is found, what depends
/// on it is left out and the rest is looked at all the same.
pub(super) fn build(root: &Node, folder: &Path, faults: &mut Faults) -> Option<Config> {
    let limits = server_limits(root, faults);
    let mut token_limits = Limits::DEFAULT;
    if let Some(bytes) = bytes(root, "token_bytes", Limits::MAX_TOKEN_BYTES, faults) {
        token_limits.token_bytes = bytes;
    }
    let listen = match root.get("listen").map(Node::elements) {
        None => vec![Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 7519)))],
        Some(nodes) => {
            let path = |index| format!("listen[{index}]");
            let listen = nodes.iter().enumerate();
            listen
                .filter_map(|(index, node)| listen_on(node, &path(index), folder, faults))
                .collect()
        }
    };
    let admin = admin(root, faults);

    let mut skipped = Vec::new();
    let named = root.get("issuers").map_or(&[][..], Node::members);
    let mut optional = Vec::new();
    let mut issuers = Vec::new();
    let mut fetched = Vec::new();
    for (name, node) in named {
        if let Some((issuer, remote)) = issuer(&name.text, node, folder, faults, &mut skipped) {
            fetched.extend(remote.map(|remote| (name.text.as_str(), remote)));
            issuers.push(issuer);
            optional.push(node.get("required").and_then(Node::text) == Some("false"));
        }
    }
    check_identifiers(named, faults);
    let names: Vec<_> = named.iter().map(|(name, _)| name.text.as_str()).collect();
    check_profiles(root, &names, faults);
    let issuers = Issuers::new(issuers, token_limits).ok()?;
    let profiles = profiles(root, &issuers, &names)?;
    let remotes = fetched.into_iter();
    let remotes =
        remotes.filter_map(|(name, remote)| Some((issuers.find(name)?, remote))).collect();

    let cache = |key: &str| root.get("cache").and_then(|cache| cache.get(key)?.text());
    let cache_bytes = cache("max_bytes").and_then(|text| parse_bytes(text).ok());
    let cache_ttl = cache("max_ttl").and_then(|text| parse_duration(text).ok());
    Some(Config {
        listen,
        admin,
        issuers,
        optional,
        remotes,
        profiles,
        cache_bytes: cache_bytes.unwrap_or(64 << 20),
        cache_ttl: cache_ttl.unwrap_or(Duration::from_secs(3600)),
        limits,
        drain_timeout: duration(root, "drain_timeout").unwrap_or(Duration::from_secs(10)),
        skipped,
    })
}

pub(super) fn duration(node: &Node, key: &str) -> Option<Duration> {
    node.get(key).and_then(Node::text).and_then(|text| parse_duration(text).ok())
}

fn bytes(root: &Node, key: &str, most: usize, faults: &mut Faults) -> Option<usize> {
    let node = root.get("limits")?.get(key)?;
    let bytes = parse_bytes(node.text()?).ok()?;
    match usize::try_from(bytes).ok().filter(|bytes| (1..=most).contains(bytes)) {
        Some(bytes) => Some(bytes),
        None => {
            let what = format!("must be from 1 to {most} bytes");
            faults.add(node.place, &format!("limits.{key}"), what, "");
            None
        }
    }
}

fn server_limits(root: &Node, faults: &mut Faults) -> ServerLimits {
    let count = |key: &str| root.get("limits").and_then(|all| all.get(key)?.text()?.parse().ok());
    ServerLimits {
        batch_tokens: count("batch_tokens").unwrap_or(1000),
        in_flight_tokens: count("in_flight_tokens").unwrap_or(20_000),
        connections: count("connections").unwrap_or(1024),
        streams_per_connection: count("streams_per_connection")
            .and_then(|streams| u32::try_from(streams).ok())
            .unwrap_or(128),
        message_bytes: bytes(root, "message_bytes", 64 << 20, faults).unwrap_or(4 << 20),
        in_flight_bytes: bytes(root, "in_flight_bytes", 1 << 40, faults).unwrap_or(64 << 20),
    }
}

fn listen_on(node: &Node, path: &str, folder: &Path, faults: &mut Faults) -> Option<Listen> {
    let text = |key: &str| node.get(key).and_then(Node::text);
    match (text("unix"), text("tcp")) {
        (Some(socket), None) => {
            let mode = text("mode").and_then(|mode| u32::from_str_radix(mode, 8).ok());
            let mode = SocketMode(mode.unwrap_or(0o660));
            Some(Listen::Unix { path: folder.join(socket), mode })
        }
        (None, Some(address)) => {
            let place = node.get("tcp").map_or(node.place, |tcp| tcp.place);
            let Ok(address) = address.parse::<SocketAddr>() else {
                let what = format!("`{address}` is not an address with a port");
                faults.add(place, path, what, "write one such as 127.0.0.1:7519 or [::1]:7519");
                return None;
            };
            if !address.ip().is_loopback() && text("plaintext") != Some("true") {
                let what = format!("{address} is not loopback, and calls are not encrypted");
                let mend =
                    "listen on 127.0.0.1, or set `plaintext: true` if the network is trusted";
                faults.add(place, path, what, mend);
            }
            Some(Listen::Tcp(address))
        }
        _ => {
            faults.add(node.place, path, "give exactly one of `unix` and `tcp`", "");
            None
        }
    }
}

fn admin(root: &Node, faults: &mut Faults) -> Option<SocketAddr> {
    let node = root.get("admin");
    match node.and_then(Node::text).unwrap_or("127.0.0.1:7520") {
        "off" => None,
        text => {
            let address = text.parse().ok();
            if address.is_none() {
                let place = node.map_or(root.place, |node| node.place);
                let what = format!("`{text}` is not an address with a port");
                faults.add(place, "admin", what, "write one such as 127.0.0.1:7520, or `off`");
            }
            address
        }
    }
}

fn check_profiles(root: &Node, issuers: &[&str], faults: &mut Faults) {
    let Some(profiles) = root.get("profiles") else {
        if issuers.len() > 1 {
            let mend = "say which issuers are trusted: profiles: { default: { issuers: [...] } }";
            let what = "`profiles` is missing, and there are several issuers";
            faults.add(root.place, "", what, mend);
        }
        return;
    };
    for (name, profile) in profiles.members() {
        let path = format!("profiles.{}", name.text);
        let Some(list) = profile.get("issuers") else {
            continue;
        };
        for trusted in list.texts() {
            if !issuers.contains(&trusted) {
                let mend = nearest(trusted, issuers.iter().copied()).map_or_else(
                    || format!("known are {}", issuers.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                let what = format!("there is no issuer `{trusted}`");
                faults.add(list.place, &format!("{path}.issuers"), what, mend);
            }
        }
        check_profile_audiences(root, profile, list, &path, faults);
    }
}

/// An audience of a profile that none of its issuers accepts can never match.
fn check_profile_audiences(
    root: &Node,
    profile: &Node,
    trusted: &Node,
    path: &str,
    faults: &mut Faults,
) {
    let Some(audiences) = profile.get("audiences") else {
        return;
    };
    let accepted: Vec<_> = trusted
        .texts()
        .into_iter()
        .filter_map(|name| root.get("issuers")?.get(name)?.get("audiences"))
        .flat_map(Node::texts)
        .collect();
    for audience in audiences.texts() {
        if !accepted.is_empty() && !accepted.contains(&"any") && !accepted.contains(&audience) {
            let what = format!("no issuer of this profile accepts the audience `{audience}`");
            let mend = "a profile can only narrow; add it to the issuer's `audiences` too";
            faults.add(audiences.place, &format!("{path}.audiences"), what, mend);
        }
    }
}

fn profiles(root: &Node, issuers: &Issuers, names: &[&str]) -> Option<Vec<Profile>> {
    let Some(profiles) = root.get("profiles") else {
        return Some(vec![Profile::new("default", names, issuers).ok()?]);
    };
    let shared = |node: &Node| node.texts().into_iter().map(Arc::from).collect::<Box<[Arc<str>]>>();
    profiles
        .members()
        .iter()
        .map(|(name, node)| {
            let trusted = node.get("issuers")?.texts();
            let mut profile = Profile::new(&name.text, &trusted, issuers).ok()?;
            profile.audiences = node.get("audiences").map(shared);
            if let Some(types) = node.get("types") {
                let named = types.texts().into_iter().map(|name| match name {
                    "absent" => TokenType::Absent,
                    name => TokenType::from_name(name),
                });
                profile.types = named.collect::<AcceptedTypes>();
            }
            profile.required_claims = node.get("required_claims").map(shared).unwrap_or_default();
            profile.max_age = duration(node, "max_age");
            profile.remember = duration(node, "remember").filter(|span| !span.is_zero());
            Some(profile)
        })
        .collect()
}
