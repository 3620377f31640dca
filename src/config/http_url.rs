//! The URL to fetch keys from: an absolute `https` URL, or `http` to this machine. Its text form
//! hides parts that may be secret.

use crate::redaction::redacted_query;
use http::Uri;
use http::uri::{PathAndQuery, Scheme};
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An `https` URL, or an `http` URL of this machine or, where plaintext is permitted, of any host.
/// It has neither user nor password nor fragment. `Display` and `Debug` leave out the values of the
/// query, because they may be secret.
#[derive(Clone, Eq, PartialEq)]
pub struct HttpUrl {
    uri: Uri,
    host: String,
}

impl HttpUrl {
    /// The longest URL in bytes.
    pub const MAX: usize = 2048;

    /// Parses a URL, and also accepts `http` to other machines (`plaintext: true`).
    ///
    /// # Errors
    /// A text that says what is wrong, without the URL.
    pub fn parse_plaintext(text: &str) -> Result<Self, String> {
        parse(text)
    }

    /// Returns true if an unencrypted connection to this URL would leave the machine.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        let local = self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        !self.is_secure() && !local
    }

    /// The whole URL, including secret parts: for requests and digests, never for people.
    #[must_use]
    pub fn exact(&self) -> String {
        self.uri.to_string()
    }

    /// Returns true if the connection is encrypted.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.uri.scheme() == Some(&Scheme::HTTPS)
    }

    /// The host: a name, or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, or the default port of the scheme.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or_else(|| if self.is_secure() { 443 } else { 80 })
    }

    /// The host and port as written.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    /// The path and query, at least `/`.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("/", PathAndQuery::as_str)
    }

    /// Returns true if both have the same scheme, host and port.
    #[must_use]
    pub fn has_origin_of(&self, other: &Self) -> bool {
        self.is_secure() == other.is_secure()
            && self.port() == other.port()
            && self.host.eq_ignore_ascii_case(&other.host)
    }

    /// The URLs at which an issuer named by this URL publishes its metadata: first OpenID Connect
    /// Discovery 1.0, section 4, then RFC 8414, section 3.
    ///
    /// # Errors
    /// If the URL has a query.
    pub fn well_known(&self) -> Result<[Self; 2], String> {
        if self.uri.query().is_some() {
            return Err("an issuer with a query has no discovery document".to_owned());
        }
        let scheme = self.uri.scheme_str().unwrap_or("https");
        let (authority, path) = (self.authority(), self.uri.path().trim_end_matches('/'));
        let openid = format!("{scheme}://{authority}{path}/.well-known/openid-configuration");
        let oauth = format!("{scheme}://{authority}/.well-known/oauth-authorization-server{path}");
        Ok([parse(&openid)?, parse(&oauth)?])
    }
}

impl FromStr for HttpUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = parse(text)?;
        if url.is_exposed() {
            return Err("must begin with https://; http:// goes only to this machine, unless \
                        `plaintext: true` is set beside it"
                .to_owned());
        }
        Ok(url)
    }
}

fn parse(text: &str) -> Result<HttpUrl, String> {
    if text.len() > HttpUrl::MAX {
        return Err(format!("is longer than {} bytes", HttpUrl::MAX));
    }
    // Check this first: a password may contain any of the faults below.
    if text.split_once("://").is_some_and(|(_, rest)| authority(rest).contains('@')) {
        return Err("holds a user or a password".to_owned());
    }
    if text.contains('#') {
        return Err("has a fragment (`#`)".to_owned());
    }
    // An empty path is `/` (RFC 9110, section 4.2.3), also before a query.
    let text = match text.split_once('?') {
        Some((before, query)) if before.matches('/').count() == 2 => {
            Cow::Owned(format!("{before}/?{query}"))
        }
        _ => Cow::Borrowed(text),
    };
    let uri: Uri = text.parse().map_err(|_| no_url(&text))?;
    match uri.scheme_str() {
        Some("https" | "http") => {}
        Some(other) => return Err(format!("begins with {other}:// instead of https://")),
        None => return Err("does not begin with https://".to_owned()),
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("holds a user or a password".to_owned());
    }
    let (host, _) = host_and_port(&uri)
        .ok_or_else(|| "has no host, or no port from 1 to 65535 after `:`".to_owned())?;
    Ok(HttpUrl { uri, host })
}

/// The authority of a URL: the part between `://` and the path.
pub(super) fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.uri.scheme_str().unwrap_or("https");
        write!(formatter, "{scheme}://{}{}", self.authority(), self.uri.path())?;
        match self.uri.query() {
            Some(query) => write!(formatter, "?{}", redacted_query(query)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for HttpUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Describes why a text is not a URL.
pub(super) fn no_url(text: &str) -> String {
    let odd = text.chars().find(|one| !one.is_ascii_graphic() || "<>\"{}|\\^`".contains(*one));
    match odd {
        Some(' ') => "is no URL: it holds a space".to_owned(),
        Some(odd) => format!("is no URL: {odd:?} must be percent-encoded"),
        None if !text.contains("://") => "is no URL: it does not begin with https://".to_owned(),
        None => "is no URL: look at its host and port".to_owned(),
    }
}

/// The host without brackets, and the port if one is written. `Uri` ignores text between a bracket
/// and the port, and treats an invalid port as no port.
pub(super) fn host_and_port(uri: &Uri) -> Option<(String, Option<u16>)> {
    let host = uri.host().filter(|host| !host.is_empty())?;
    let bare = host.trim_matches(['[', ']']).to_owned();
    let port = match uri.authority()?.as_str().strip_prefix(host)? {
        "" => None,
        rest => {
            let digits = rest.strip_prefix(':')?;
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            Some(digits.parse().ok().filter(|port| plain && *port > 0)?)
        }
    };
    (!bare.is_empty()).then_some((bare, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r60_only_https_or_this_machine_without_credentials() {
        for good in [
            "https://login.example.com",
            "https://login.example.com:8443/a?b=c",
            "https://10.0.0.1/jwks",
            "https://[fd00::1]:8443/jwks",
            "http://localhost:8080/realms/a",
            "http://127.0.0.1/",
            "http://[::1]:9/",
        ] {
            assert!(good.parse::<HttpUrl>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "login.example.com",
            "/jwks",
            "http://login.example.com/",
            "http://localhost.example.com/",
            "ftp://login.example.com/",
            "https://user:secret@login.example.com/",
            "https://login.example.com/#keys",
            "https://login.example.com:/",
            "https://:443/",
            "https://",
            "https://a b/",
            "https://login.example.com:99999/",
            "https://login.example.com:+443/",
            "http://[::1].example.com/",
            "http://[::1].0.1:8080/",
            "https://[::1]:1:443/",
            "https://[]/",
        ] {
            assert!(bad.parse::<HttpUrl>().is_err(), "{bad}");
        }
        assert!(format!("https://a/{}", "x".repeat(2100)).parse::<HttpUrl>().is_err());
    }

    #[test]
    fn what_may_be_secret_in_it_is_not_shown() {
        let url = "https://a.example/k?key=secret&p".parse::<HttpUrl>().unwrap();
        let shown = "https://a.example/k?key=***&***";
        assert_eq!((url.to_string(), format!("{url:?}")), (shown.to_owned(), shown.to_owned()));
        assert_eq!(url.exact(), "https://a.example/k?key=secret&p");
        assert_eq!(url.path_and_query(), "/k?key=secret&p");
        for bad in ["https://u:secret@a/", "https://u:sec/ret@a:x", "ftp://secret@a", "secret@a"] {
            let error = bad.parse::<HttpUrl>().unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn plaintext_off_this_machine_must_be_permitted() {
        for url in ["http://keycloak:8080/realms/a", "http://10.0.0.1/k", "http://[fd00::1]/k"] {
            assert!(url.parse::<HttpUrl>().is_err(), "{url}");
            let url = HttpUrl::parse_plaintext(url).unwrap();
            assert!(url.is_exposed() && !url.is_secure());
            assert!(url.well_known().is_ok(), "{url}");
        }
        for url in ["http://localhost/k", "http://127.0.0.1:8080/k", "https://a/k"] {
            assert!(!url.parse::<HttpUrl>().unwrap().is_exposed(), "{url}");
        }
        for bad in ["ftp://a/k", "http://u:p@a/k", "http://", "a/k"] {
            assert!(HttpUrl::parse_plaintext(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_empty_path_is_a_slash_also_before_a_query() {
        for (text, path) in [
            ("https://a", "/"),
            ("https://a:1?b=c", "/?b=c"),
            ("https://a?b/c?d", "/?b/c?d"),
            ("https://a/?b", "/?b"),
            ("https://a/b?c", "/b?c"),
        ] {
            let url = text.parse::<HttpUrl>().unwrap();
            assert_eq!((url.path_and_query(), url.host()), (path, "a"), "{text}");
        }
        let well_known = "https://a?b".parse::<HttpUrl>().unwrap().well_known();
        assert!(well_known.is_err());
    }

    #[test]
    fn metadata_is_where_the_specifications_say() {
        let well_known = |issuer: &str| {
            let urls = issuer.parse::<HttpUrl>().unwrap().well_known().unwrap();
            urls.map(|url| url.to_string())
        };
        assert_eq!(
            well_known("https://a.example/realms/b/"),
            [
                "https://a.example/realms/b/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server/realms/b",
            ]
        );
        assert_eq!(
            well_known("https://a.example:8443"),
            [
                "https://a.example:8443/.well-known/openid-configuration",
                "https://a.example:8443/.well-known/oauth-authorization-server",
            ]
        );
        assert!("https://a/?b".parse::<HttpUrl>().unwrap().well_known().is_err());
    }
}
