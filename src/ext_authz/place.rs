//! The places of a request that may hold a token.

use super::SeveralTokens;
use super::request::{HttpRequest, is, split_once};

/// The header of a WebSocket handshake that browsers let a page write (RFC 6455, section 11.3.4).
pub const WEBSOCKET_PROTOCOL: &str = "sec-websocket-protocol";

/// A place to look for a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TokenPlace {
    /// A header, its name in lower case.
    Header {
        /// The name.
        name: Box<str>,
        /// The scheme before the token, in any case; without one, the whole value is the token.
        scheme: Option<Box<str>>,
    },
    /// A cookie (RFC 6265, section 4.2).
    Cookie(Box<str>),
    /// A parameter of the query (RFC 6750, section 2.3).
    Query(Box<str>),
    /// The entry of `Sec-WebSocket-Protocol` after the one with this name; if the name ends with a
    /// dot, the part of the entry after the name.
    WebSocketProtocol(Box<str>),
}

impl TokenPlace {
    /// Finds all tokens at this place.
    ///
    /// # Errors
    /// If a query parameter could not be removed, because the proxy knows it by another name.
    pub(super) fn tokens<'r>(
        &self,
        request: &HttpRequest<'r>,
    ) -> Result<Vec<&'r [u8]>, SeveralTokens> {
        Ok(match self {
            Self::Header { name, scheme } => {
                let values = request.header(name);
                values.flat_map(|value| in_header(value, scheme.as_deref())).collect()
            }
            Self::Cookie(cookie) => {
                let pairs = request.header("cookie").flat_map(|value| value.split(is(b';')));
                let named = pairs.filter_map(|pair| value_of(pair, cookie));
                named.map(unquoted).collect()
            }
            Self::Query(parameter) => {
                let pairs = request.query().split('&').filter_map(|pair| pair.split_once('='));
                let named =
                    pairs.filter(|(name, value)| !value.is_empty() && decodes_to(name, parameter));
                let plain = |(name, value): (&str, &'r str)| {
                    if name == &**parameter { Ok(value.as_bytes()) } else { Err(SeveralTokens) }
                };
                named.map(plain).collect::<Result<_, _>>()?
            }
            Self::WebSocketProtocol(name) => {
                let entries = request.list(WEBSOCKET_PROTOCOL);
                let mut before = None;
                let token = |entry: &'r [u8]| protocol_token(before.replace(entry), entry, name);
                entries.into_iter().filter_map(token).collect()
            }
        })
    }
}

impl<'r> HttpRequest<'r> {
    /// The entries of `Sec-WebSocket-Protocol` without those that hold a token, as a header value.
    /// The name before a token stays, because a browser requires that one of its protocols is
    /// chosen.
    #[must_use]
    pub fn protocols_without_tokens(&self, names: &[&str]) -> Vec<u8> {
        let mut before = None;
        let stays = |entry: &&'r [u8]| {
            let before = before.replace(*entry);
            !names.iter().any(|name| protocol_token(before, entry, name).is_some())
        };
        let entries = self.list(WEBSOCKET_PROTOCOL).into_iter().filter(stays);
        entries.collect::<Vec<_>>().join(&b", "[..])
    }
}

/// The token in an entry of `Sec-WebSocket-Protocol`, given the entry before it.
fn protocol_token<'r>(before: Option<&[u8]>, entry: &'r [u8], name: &str) -> Option<&'r [u8]> {
    if name.ends_with('.') {
        return entry.strip_prefix(name.as_bytes());
    }
    (before == Some(name.as_bytes())).then_some(entry)
}

/// The tokens in one value of a header. A proxy may have joined several headers by commas (RFC
/// 9110, section 5.3), and no token contains one.
fn in_header<'r>(value: &'r [u8], scheme: Option<&str>) -> Vec<&'r [u8]> {
    let token = |value: &'r [u8]| {
        let value = value.trim_ascii();
        let Some(scheme) = scheme else { return Some(value) };
        let (word, rest) = split_once(value, b' ').unwrap_or((value, b""));
        word.eq_ignore_ascii_case(scheme.as_bytes()).then(|| rest.trim_ascii())
    };
    let joined: Option<Vec<_>> = value.split(is(b',')).map(token).collect();
    // Other schemes use commas themselves.
    joined.unwrap_or_else(|| token(value).into_iter().collect())
}

/// The value of a pair in a cookie header, if the cookie has this name.
fn value_of<'r>(pair: &'r [u8], cookie: &str) -> Option<&'r [u8]> {
    let (name, value) = split_once(pair, b'=')?;
    (name.trim_ascii() == cookie.as_bytes()).then_some(value)
}

/// Strips the quotes around a value that RFC 6265, section 4.1.1, allows.
fn unquoted(value: &[u8]) -> &[u8] {
    let mut value = value.trim_ascii();
    while let [b'"', rest @ ..] | [rest @ .., b'"'] = value {
        value = rest;
    }
    value
}

/// Returns true if a name in a query equals `plain`, percent-encoded or not (RFC 3986, 2.1).
fn decodes_to(name: &str, plain: &str) -> bool {
    let (mut name, mut plain) = (name.bytes(), plain.bytes());
    loop {
        let next = match name.next() {
            Some(b'%') => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(name.next()), digit(name.next()));
                let Some((high, low)) = high.zip(low) else { return false };
                u8::try_from(high.saturating_mul(16).saturating_add(low)).ok()
            }
            next => next,
        };
        let expected = plain.next();
        if next != expected {
            return false;
        }
        if expected.is_none() {
            return true;
        }
    }
}
