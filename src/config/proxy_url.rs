//! The proxy for fetching keys.

use super::http_url::{host_and_port, no_url};
use http::Uri;
use http::uri::{PathAndQuery, Scheme};
use std::str::FromStr;

/// A proxy for `CONNECT` (RFC 9110, section 9.3.6): a host and a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProxyUrl {
    /// The host: a name, or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl FromStr for ProxyUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        if rest.contains('@') {
            return Err("holds a user or a password".to_owned());
        }
        let uri: Uri = text.parse().map_err(|_| no_url(text))?;
        if uri.scheme() != Some(&Scheme::HTTP) {
            return Err("does not begin with http://".to_owned());
        }
        if !matches!(uri.path_and_query().map(PathAndQuery::as_str), None | Some("/")) {
            return Err("has a path".to_owned());
        }
        match host_and_port(&uri) {
            Some((host, Some(port))) => Ok(Self { host, port }),
            _ => Err("has no host, or no port from 1 to 65535".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_host_and_a_port() {
        let proxy = "http://[::1]:3128".parse::<ProxyUrl>();
        assert_eq!(proxy, Ok(ProxyUrl { host: "::1".to_owned(), port: 3128 }));
        for bad in ["http://p", "http://p:0", "http://p:+1", "http://[::1]p:1", "http://p:1/x"] {
            assert!(bad.parse::<ProxyUrl>().is_err(), "{bad}");
        }
    }
}
