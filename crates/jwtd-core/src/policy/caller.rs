//! Callers, and the rules that admit them to a service.

use super::subject::SubjectRule;
use std::sync::Arc;

/// The authenticated peer of a connection: the facts that the operating system or the TLS handshake
/// provides, and nothing that the peer could write into a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Caller {
    /// The process that connected to a Unix socket.
    Unix {
        /// The user ID of the process.
        user: u32,
        /// The group ID of the process.
        group: u32,
        /// The process ID at the time of the connection.
        process: Option<i32>,
    },
    /// The names in the client certificate: `dns:` followed by a host name, `uri:` followed by a
    /// URI.
    Certificate(Arc<[String]>),
    /// Nothing is known about the peer.
    Unknown,
}

/// The callers that may use a service, such as a profile.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Callers {
    /// Everyone who can connect.
    #[default]
    Everybody,
    /// Callers that at least one of these rules admits.
    Only(Box<[CallerRule]>),
}

impl Callers {
    /// Returns true if `caller` may use the service.
    #[must_use]
    pub fn admits(&self, caller: &Caller) -> bool {
        match self {
            Self::Everybody => true,
            Self::Only(_) => self.names(caller),
        }
    }

    /// Returns true if one of the rules admits `caller`; false if everyone is admitted without a
    /// rule.
    #[must_use]
    pub fn names(&self, caller: &Caller) -> bool {
        match self {
            Self::Everybody => false,
            Self::Only(rules) => rules.iter().any(|rule| rule.admits(caller)),
        }
    }
}

/// A rule that admits some callers. All given conditions must hold, and at least one must be given.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CallerRule {
    /// The user ID of the process at a Unix socket.
    pub user: Option<u32>,
    /// The group ID of that process.
    pub group: Option<u32>,
    /// A host name in the certificate.
    pub dns: Option<Box<str>>,
    /// A URI in the certificate, such as a SPIFFE ID.
    pub uri: Option<SubjectRule>,
}

impl CallerRule {
    /// Returns true if the rule admits `caller`.
    #[must_use]
    pub fn admits(&self, caller: &Caller) -> bool {
        let Self { user, group, dns, uri } = self;
        let (peer, certificate) =
            (user.is_some() || group.is_some(), dns.is_some() || uri.is_some());
        match caller {
            Caller::Unix { user: own_user, group: own_group, process: _ } => {
                peer && !certificate
                    && user.is_none_or(|user| user == *own_user)
                    && group.is_none_or(|group| group == *own_group)
            }
            Caller::Certificate(names) => {
                let any = |kind: &str, fits: &dyn Fn(&str) -> bool| {
                    names.iter().filter_map(|name| name.strip_prefix(kind)).any(fits)
                };
                certificate
                    && !peer
                    && dns
                        .as_ref()
                        .is_none_or(|dns| any("dns:", &|host| host.eq_ignore_ascii_case(dns)))
                    && uri.as_ref().is_none_or(|uri| any("uri:", &|one| uri.admits(one)))
            }
            Caller::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(user: u32, group: u32) -> Caller {
        Caller::Unix { user, group, process: None }
    }

    fn certificate(names: &[&str]) -> Caller {
        Caller::Certificate(names.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_rule_is_for_those_of_whom_all_of_it_holds() {
        let user = CallerRule { user: Some(7), ..CallerRule::default() };
        assert!(
            user.admits(&unix(7, 1)) && !user.admits(&unix(8, 7)) && !user.admits(&Caller::Unknown)
        );
        let both = CallerRule { group: Some(1), ..user };
        assert!(both.admits(&unix(7, 1)) && !both.admits(&unix(7, 2)) && !both.admits(&unix(8, 1)));
        let dns = CallerRule { dns: Some("a.example".into()), ..CallerRule::default() };
        assert!(dns.admits(&certificate(&["uri:x", "dns:A.example"])));
        assert!(!dns.admits(&certificate(&["uri:a.example", "dns:a.example.evil"])));
        let rule = SubjectRule::parse("spiffe://example.org/ns/a/*").unwrap();
        let uri = CallerRule { uri: Some(rule), ..dns };
        let (host, id) = ("dns:a.example", "uri:spiffe://example.org/ns/a/sa/b");
        assert!(uri.admits(&certificate(&[host, id])));
        assert!(!uri.admits(&certificate(&[id])) && !uri.admits(&certificate(&[host])));
    }

    #[test]
    fn who_is_not_named_is_admitted_where_nobody_is() {
        let root = CallerRule { user: Some(0), ..CallerRule::default() };
        let only = Callers::Only([root].into());
        assert!(only.admits(&unix(0, 0)) && only.names(&unix(0, 0)));
        assert!(!only.admits(&unix(1, 0)) && !only.admits(&Caller::Unknown));
        let everybody = Callers::Everybody;
        assert!(everybody.admits(&Caller::Unknown) && !everybody.names(&unix(0, 0)));
        assert!(!Callers::Only(Box::default()).admits(&unix(0, 0)), "no rule admits nobody");
    }

    #[test]
    fn a_rule_for_one_kind_of_caller_is_for_no_other() {
        let user = CallerRule { user: Some(0), ..CallerRule::default() };
        let dns = CallerRule { dns: Some("a".into()), ..CallerRule::default() };
        assert!(!user.admits(&certificate(&["dns:a"])) && !dns.admits(&unix(0, 0)));
        let mixed = CallerRule { user: Some(0), ..dns };
        assert!(!mixed.admits(&certificate(&["dns:a"])) && !mixed.admits(&unix(0, 0)));
        let nobody = CallerRule::default();
        assert!(!nobody.admits(&unix(0, 0)) && !nobody.admits(&certificate(&[])));
    }
}
