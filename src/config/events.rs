//! The feeds that receive events: OpenID Connect Back-Channel Logout and the Shared Signals
//! Framework.

use super::HttpUrl;
use super::check::nearest;
use super::document::Node;
use super::fault::Faults;
use super::key_owner::KEY_FILE_MAX_BYTES;
use super::remote::{self, Access};
use super::schema::{Field, logout, ssf};
use crate::files;
use crate::redaction::redacted_url;
use jwtd_core::verify::RevocationKind;
use jwtd_core::verify::security_event::{EventRules, EventType};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A receiver of logout tokens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogoutFeed {
    /// The name of the issuer that sends them.
    pub issuer: Box<str>,
    /// The rules for these tokens.
    pub rules: EventRules,
    /// The path at which they are received.
    pub path: Box<str>,
    /// The effect of a logout from one session: revokes the session, or the subject.
    pub session_as: RevocationKind,
}

/// A receiver of security event tokens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SsfFeed {
    /// The name of the issuer that sends them.
    pub issuer: Box<str>,
    /// The rules for these tokens.
    pub rules: EventRules,
    /// The delivery method.
    pub delivery: EventDelivery,
    /// The event types that revoke.
    pub events: Vec<EventType>,
    /// The mapping from subject identifiers to revocations.
    pub subjects: SubjectMapping,
    /// The `state` that verification events must carry.
    pub state: Option<Box<str>>,
}

/// The mapping from subject identifiers of events to revocations.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SubjectMapping {
    /// The effect of the end of one session: revokes the session, or the subject.
    pub session_as: RevocationKind,
    /// The kind of an `opaque` identifier, if it is known.
    pub opaque_as: Option<RevocationKind>,
    /// The kind of an `email` identifier, if it is known.
    pub email_as: Option<RevocationKind>,
    /// The issuer of subjects for which an event names none.
    pub issuer: Box<str>,
}

impl SsfFeed {
    /// Returns true if the transmitter pushes events.
    #[must_use]
    pub fn is_pushed(&self) -> bool {
        matches!(self.delivery, EventDelivery::Push { .. })
    }
}

/// The delivery method of security event tokens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EventDelivery {
    /// Push to a path (RFC 8935), optionally authorized by one of the bearer tokens in a file.
    Push {
        /// The path.
        path: Box<str>,
        /// The file.
        authorization: Option<PathBuf>,
    },
    /// Polling (RFC 8936).
    Poll {
        /// The URL.
        url: Box<HttpUrl>,
        /// The options for requests.
        access: Box<Access>,
        /// The interval between polls.
        refresh: Duration,
    },
}

/// The node of a feed, with its context.
pub(super) struct EventNode<'n> {
    pub(super) node: &'n Node,
    /// The path of the node.
    pub(super) path: String,
    /// The names of all issuers.
    pub(super) issuers: &'n [&'n str],
    /// The names of the issuers whose tokens the feed may revoke.
    pub(super) own: &'n [&'n str],
}

impl EventNode<'_> {
    fn refuse<T: ?Sized>(
        &self,
        faults: &mut Faults,
        field: &Field<T>,
        what: impl Into<String>,
        fix: &str,
    ) {
        let place = self.node.get(field.name()).map_or(self.node.place, |node| node.place);
        faults.add(place, &format!("{}.{}", self.path, field.name()), what.into(), fix);
    }

    /// Reads the name of a configured issuer.
    fn issuer(&self, field: &Field<str>, faults: &mut Faults) -> Option<Box<str>> {
        let name = self.node.word(field)?;
        if self.issuers.contains(&name) {
            return Some(name.into());
        }
        let known = self.issuers;
        let fix = nearest(name, known.iter().copied()).map_or_else(
            || format!("known are {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        self.refuse(faults, field, format!("there is no issuer `{name}`"), &fix);
        None
    }

    /// Checks that the feed may revoke tokens of the issuer named `name`.
    fn check_own(&self, field: &Field<str>, name: &str, faults: &mut Faults) {
        if !self.own.contains(&name) {
            let what = format!("the feed may not revoke tokens of `{name}`");
            self.refuse(faults, field, what, "add it to `issuers` of the feed");
        }
    }

    fn rules(&self, audiences: &Field<Node>, window: &Field<Duration>) -> EventRules {
        let audiences = self.node.at(audiences).map(Node::texts).unwrap_or_default();
        EventRules {
            audiences: audiences.into_iter().map(Box::from).collect(),
            max_age: self.node.read(window),
        }
    }

    /// Reads a path to serve.
    fn served(&self, field: &Field<str>, faults: &mut Faults) -> Option<Box<str>> {
        let path = self.node.word(field)?;
        let is_plain =
            |one: char| one.is_ascii_alphanumeric() || matches!(one, '/' | '-' | '.' | '_' | '~');
        let segments = path.strip_prefix('/').map(|rest| rest.split('/'));
        let sound = segments.is_some_and(|mut all| {
            all.all(|one| !one.is_empty() && one.chars().all(is_plain) && one != "." && one != "..")
        });
        if !sound {
            let what = format!("`{path}` is no path of letters, digits and `-._~`");
            self.refuse(faults, field, what, "write one such as /revocation/logout");
            return None;
        }
        Some(path.into())
    }
}

/// The kind of revocation with this name.
fn kind(word: Option<&str>) -> Option<RevocationKind> {
    word.and_then(RevocationKind::from_name)
}

/// Reads a receiver of logout tokens.
pub(super) fn logout_feed(feed: &EventNode<'_>, faults: &mut Faults) -> Option<LogoutFeed> {
    let issuer = feed.issuer(logout::issuer, faults);
    if let Some(issuer) = &issuer {
        feed.check_own(logout::issuer, issuer, faults);
    }
    let path = feed.served(logout::path, faults);
    Some(LogoutFeed {
        issuer: issuer?,
        rules: feed.rules(logout::client_ids, logout::iat_window),
        path: path?,
        session_as: kind(feed.node.word(logout::session_as))?,
    })
}

/// Reads a receiver of security event tokens.
pub(super) fn ssf_feed(
    feed: &EventNode<'_>,
    folder: &Path,
    faults: &mut Faults,
) -> Option<SsfFeed> {
    let node = feed.node;
    let issuer = feed.issuer(ssf::issuer, faults);
    let meant = match node.at(ssf::subject_issuer) {
        Some(_) => feed.issuer(ssf::subject_issuer, faults),
        None => issuer.clone(),
    };
    if let Some(meant) = &meant {
        let given = node.at(ssf::subject_issuer).is_some();
        let field = if given { ssf::subject_issuer } else { ssf::issuer };
        feed.check_own(field, meant, faults);
    }
    let delivery = match (node.at(ssf::push), node.at(ssf::poll)) {
        (Some(_), None) => push(feed, folder, faults),
        (None, Some(poll)) => polled(feed, poll, folder, faults),
        (Some(_), Some(_)) | (None, None) => {
            let what = "it must say how events come, by one of `push` and `poll`";
            faults.add(node.place, &feed.path, what, "give exactly one of them");
            None
        }
    };
    let events = node.words(ssf::events).into_iter().filter_map(EventType::from_name).collect();
    Some(SsfFeed {
        issuer: issuer?,
        rules: feed.rules(ssf::audiences, ssf::iat_window),
        delivery: delivery?,
        events,
        subjects: SubjectMapping {
            session_as: kind(node.word(ssf::session_as))?,
            opaque_as: kind(node.word(ssf::opaque_as)),
            email_as: kind(node.word(ssf::email_as)),
            issuer: meant?,
        },
        state: node.word(ssf::state).map(Box::from),
    })
}

fn push(feed: &EventNode<'_>, folder: &Path, faults: &mut Faults) -> Option<EventDelivery> {
    let path = feed.served(ssf::push, faults);
    let authorization = feed.node.word(ssf::authorization_file).map(|file| folder.join(file));
    if let Some(file) = &authorization {
        let fix = "write the token of the transmitter into it, on a line of its own";
        match files::read_text(file, KEY_FILE_MAX_BYTES) {
            Ok(text) if text.trim().is_empty() => {
                let what = format!("{} holds no token", file.display());
                feed.refuse(faults, ssf::authorization_file, what, fix);
            }
            Ok(_) => {}
            Err(cause) => {
                let cause = files::words::of_io(&cause);
                let what = format!("{} cannot be read: {cause}", file.display());
                feed.refuse(faults, ssf::authorization_file, what, fix);
            }
        }
    }
    Some(EventDelivery::Push { path: path?, authorization })
}

fn polled(
    feed: &EventNode<'_>,
    poll: &Node,
    folder: &Path,
    faults: &mut Faults,
) -> Option<EventDelivery> {
    let access = remote::access_of(feed.node, &feed.path, folder, faults);
    let text = poll.text()?;
    let url = if access.plaintext { HttpUrl::parse_plaintext(text) } else { text.parse() };
    match url {
        Ok(url) => {
            let refresh = feed.node.read(ssf::refresh);
            Some(EventDelivery::Poll { url: Box::new(url), access: Box::new(access), refresh })
        }
        Err(cause) => {
            let what = format!("`{}` {cause}", redacted_url(text));
            feed.refuse(faults, ssf::poll, what, "write a URL such as https://host/path");
            None
        }
    }
}
