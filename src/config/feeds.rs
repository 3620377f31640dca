//! The revocation feeds: the source and the permissions of each.

use super::HttpUrl;
use super::document::{Name, Node};
use super::events::{self, EventDelivery, EventNode, LogoutFeed, SsfFeed};
use super::fault::Faults;
use super::issuer_names::check_issuers;
use super::redis_feed::{self, RedisFeed};
use super::remote::{self, Access};
use super::schema::{FEED_SOURCES, feed as key, file, revocation};
use crate::redaction::redacted_url;
use jwtd_core::verify::RevocationKind;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A feed: revocations from another source.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Feed {
    /// The name that the operator chose.
    pub name: Box<str>,
    /// The permissions of the feed.
    pub rights: FeedRights,
    /// The longest silence before the feed counts as stale; `None` if it cannot become stale.
    pub max_age: Option<Duration>,
    /// The source.
    pub source: FeedSource,
}

/// The permissions of a feed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FeedRights {
    /// The names of the issuers whose tokens it may revoke; `None` means all.
    pub issuers: Option<BTreeSet<Box<str>>>,
    /// The kinds of revocation; [`RevocationKind::Issuer`] revokes all tokens of an issuer.
    pub kinds: Vec<RevocationKind>,
}

impl FeedRights {
    /// Returns true if the feed may make this kind of revocation for the issuer with this name.
    /// Revocations without an issuer name need permission for all issuers.
    #[must_use]
    pub fn may(&self, kind: RevocationKind, issuer: Option<&str>) -> bool {
        self.kinds.contains(&kind) && self.concerns(issuer)
    }

    /// Returns true if the feed may make revocations for the issuer with this name.
    #[must_use]
    pub fn concerns(&self, issuer: Option<&str>) -> bool {
        let named = |all: &BTreeSet<Box<str>>| issuer.is_some_and(|name| all.contains(name));
        self.issuers.as_ref().is_none_or(named)
    }
}

/// The source of a feed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FeedSource {
    /// A watched file.
    File(PathBuf, ListRules),
    /// A list that is polled.
    List(Box<PolledList>),
    /// The stream that a fleet shares.
    Redis(Box<RedisFeed>),
    /// Logout tokens that are received over HTTP.
    Logout(Box<LogoutFeed>),
    /// Security event tokens, pushed or polled for.
    Ssf(Box<SsfFeed>),
}

impl FeedSource {
    /// The path at which the feed receives tokens, if it does.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::File(..) | Self::List(_) | Self::Redis(_) => None,
            Self::Logout(feed) => Some(&feed.path),
            Self::Ssf(feed) => match &feed.delivery {
                EventDelivery::Push { path, .. } => Some(path),
                EventDelivery::Poll { .. } => None,
            },
        }
    }
}

/// The limits for a list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ListRules {
    /// The largest list, in bytes.
    pub max_bytes: u64,
    /// Permits one update to remove more than a tenth of the entries, and an empty list.
    pub remove_many: bool,
}

/// A list that is polled.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolledList {
    /// The URL.
    pub url: HttpUrl,
    /// The options for requests.
    pub access: Access,
    /// The interval between polls.
    pub refresh: Duration,
    /// The limits for the list.
    pub rules: ListRules,
}

/// Reads the feeds of the configuration; `issuers` are the names of the issuers.
pub(super) fn feeds(root: &Node, folder: &Path, faults: &mut Faults) -> Vec<Feed> {
    let node = root.at(file::revocation).and_then(|node| node.at(revocation::feeds));
    let named = node.map(Node::members).unwrap_or_default();
    let issuers = root.at(file::issuers).map(Node::members).unwrap_or_default();
    let issuers: Vec<_> = issuers.iter().map(|(name, _)| name.text.as_str()).collect();
    let read = |(name, node): &(Name, Node)| feed(name, node, &issuers, folder, faults);
    let feeds: Vec<_> = named.iter().filter_map(read).collect();
    for (place, one) in feeds.iter().enumerate() {
        let Some(path) = one.source.path() else { continue };
        let others = feeds.iter().take(place);
        if let Some(other) = others.into_iter().find(|other| other.source.path() == Some(path)) {
            let what = format!("`{path}` is the path of the feed `{}` already", other.name);
            let name = format!("revocation.feeds.{}", one.name);
            let at = node.map_or((0, 0), |node| node.place);
            faults.add(at, &name, what, "choose another path");
        }
    }
    feeds
}

fn feed(
    name: &Name,
    node: &Node,
    issuers: &[&str],
    folder: &Path,
    faults: &mut Faults,
) -> Option<Feed> {
    let path = format!("revocation.feeds.{}", name.text);
    let given: Vec<_> = FEED_SOURCES.into_iter().filter(|one| node.get(one).is_some()).collect();
    let [source] = given[..] else {
        let what = if given.is_empty() { "it has no source" } else { "it has several sources" };
        let fix = format!("give exactly one of {}", FEED_SOURCES.join(", "));
        faults.add(name.place, &path, what, fix);
        return None;
    };
    check_issuers(node, node.at(key::issuers), &path, issuers, faults);
    let max_age = node.find(key::max_age);
    let is_fleet = source == key::redis.name();
    if !is_fleet && node.at(key::issuers).is_none() {
        let fix = "name the issuers whose tokens it may revoke";
        faults.add(node.place, &path, "`issuers` is missing", fix);
    }
    let source = match source {
        "redis" => {
            let path = format!("{path}.redis");
            FeedSource::Redis(Box::new(redis_feed::find(
                node.at(key::redis)?,
                &path,
                folder,
                faults,
            )?))
        }
        "file" => {
            if let Some(age) = node.at(key::max_age) {
                let what = "a file has no heartbeat: an unchanged file is current";
                let fix = "remove it, or use a feed that is polled (`url`)";
                faults.add(age.place, &format!("{path}.max_age"), what, fix);
            }
            FeedSource::File(folder.join(node.word(key::file)?), rules(node))
        }
        "logout" => {
            if let Some(age) = node.at(key::max_age) {
                let what = "logout tokens have no heartbeat: none arrives without a logout";
                let fix = "remove it, or use a feed that has one (`url`, `ssf`)";
                faults.add(age.place, &format!("{path}.max_age"), what, fix);
            }
            let own = node.at(key::issuers).map(Node::texts).unwrap_or_default();
            let path = format!("{path}.logout");
            let feed = EventNode { node: node.at(key::logout)?, path, issuers, own: &own };
            FeedSource::Logout(Box::new(events::logout_feed(&feed, faults)?))
        }
        "ssf" => {
            let own = node.at(key::issuers).map(Node::texts).unwrap_or_default();
            let path = format!("{path}.ssf");
            let feed = EventNode { node: node.at(key::ssf)?, path, issuers, own: &own };
            FeedSource::Ssf(Box::new(events::ssf_feed(&feed, folder, faults)?))
        }
        _ => FeedSource::List(Box::new(polled(node, &path, folder, max_age, faults)?)),
    };
    Some(Feed { name: name.text.as_str().into(), rights: rights(node, is_fleet), max_age, source })
}

/// Reads the permissions of a feed. A fleet may do everything by default, because its daemons trust
/// each other.
fn rights(node: &Node, is_fleet: bool) -> FeedRights {
    const USUAL: [RevocationKind; 4] = [
        RevocationKind::Token,
        RevocationKind::Session,
        RevocationKind::Subject,
        RevocationKind::Client,
    ];
    let usual = || USUAL.into_iter().chain(is_fleet.then_some(RevocationKind::Key)).collect();
    let named = |list: &Node| {
        list.texts().into_iter().filter_map(RevocationKind::from_name).collect::<Vec<_>>()
    };
    let mut kinds = node.at(key::kinds).map_or_else(usual, named);
    if node.find(key::everything).unwrap_or(is_fleet) {
        kinds.push(RevocationKind::Issuer);
    }
    FeedRights {
        issuers: node
            .at(key::issuers)
            .map(|list| list.texts().into_iter().map(Box::from).collect()),
        kinds,
    }
}

fn rules(node: &Node) -> ListRules {
    ListRules { max_bytes: node.read(key::max_bytes), remove_many: node.read(key::remove_many) }
}

fn polled(
    node: &Node,
    path: &str,
    folder: &Path,
    max_age: Option<Duration>,
    faults: &mut Faults,
) -> Option<PolledList> {
    let access = remote::access_of(node, path, folder, faults);
    let (written, refresh) = (node.at(key::url)?, node.read(key::refresh));
    if let Some(age) = max_age.filter(|age| *age < refresh) {
        let place = node.at(key::max_age).map_or(written.place, |node| node.place);
        let what = format!("{} s is shorter than `refresh`", age.as_secs());
        faults.add(
            place,
            &format!("{path}.max_age"),
            what,
            "poll more often, or allow a higher age",
        );
    }
    let text = written.text()?;
    let url = if access.plaintext { HttpUrl::parse_plaintext(text) } else { text.parse() };
    match url {
        Ok(url) => Some(PolledList { url, access, refresh, rules: rules(node) }),
        Err(cause) => {
            let what = format!("`{}` {cause}", redacted_url(text));
            let fix = "write a URL such as https://host/path";
            faults.add(written.place, &format!("{path}.url"), what, fix);
            None
        }
    }
}

/// Finds profiles with `when_stale: refuse` for which no feed can become stale.
pub(super) fn check_profiles(root: &Node, feeds: &[Feed], faults: &mut Faults) {
    use super::schema::profile;
    let profiles = root.at(file::profiles).map(Node::members).unwrap_or_default();
    for (name, node) in profiles {
        if node.word(profile::when_stale) != Some("refuse") {
            continue;
        }
        let trusted = node.at(profile::issuers).map(Node::texts).unwrap_or_default();
        let ages = |feed: &Feed| {
            feed.max_age.is_some() && trusted.iter().any(|one| feed.rights.concerns(Some(one)))
        };
        if !feeds.iter().any(ages) {
            let path = format!("profiles.{}.when_stale", name.text);
            let what = "no feed of its issuers has a `max_age`, so none can become stale";
            let fix = "set `revocation.feeds.NAME.max_age`, or remove this";
            let place = node.at(profile::when_stale).map_or(name.place, |node| node.place);
            faults.add(place, &path, what, fix);
        }
    }
}
