//! An HTTP request as a proxy describes it, and its headers without the token.

use bytes::Bytes;

/// The relevant parts of a request. Header names are in lower case; values are the received bytes.
#[derive(Clone, Copy, Debug)]
pub struct HttpRequest<'r> {
    /// The method.
    pub method: &'r str,
    /// The headers.
    pub headers: &'r [(String, Bytes)],
    /// The path and the query.
    pub target: &'r str,
}

impl<'r> HttpRequest<'r> {
    /// The values of all headers of this name.
    pub(super) fn header(&self, name: &str) -> impl Iterator<Item = &'r [u8]> {
        let named = self.headers.iter().filter(move |(own, _)| own == name);
        named.map(|(_, value)| &**value)
    }

    /// The entries of a header that is a list (RFC 9110, section 5.6.1).
    pub(super) fn list(&self, name: &str) -> Vec<&'r [u8]> {
        let entries = self.header(name).flat_map(|value| value.split(is(b',')));
        entries.map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty()).collect()
    }

    /// The path, without the query.
    #[must_use]
    pub fn path(&self) -> &'r str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query.
    #[must_use]
    pub fn query(&self) -> &'r str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// Returns true for a CORS preflight: a browser asks if a page may send another request (Fetch,
    /// section 4.8). It sends no credentials with it.
    #[must_use]
    pub fn is_cors_preflight(&self) -> bool {
        let given = |name: &str| self.header(name).any(|value| !value.trim_ascii().is_empty());
        self.method == "OPTIONS" && given("origin") && given("access-control-request-method")
    }

    /// All cookies except those with these names, byte for byte, as a header value.
    #[must_use]
    pub fn cookies_without(&self, names: &[&str]) -> Vec<u8> {
        let stays = |pair: &&[u8]| {
            let (name, _) = split_once(pair, b'=').unwrap_or((pair, b""));
            !names.iter().any(|own| name.trim_ascii() == own.as_bytes())
        };
        let without = |value: &'r [u8]| {
            let pairs: Vec<_> = value.split(is(b';')).filter(stays).collect();
            pairs.join(&b';').trim_ascii().to_vec()
        };
        let headers: Vec<_> =
            self.header("cookie").map(without).filter(|rest| !rest.is_empty()).collect();
        headers.join(&b"; "[..])
    }
}

pub(super) fn split_once(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = bytes.iter().position(|byte| *byte == at)?;
    let (first, rest) = bytes.split_at(place);
    Some((first, rest.get(1..)?))
}

pub(super) fn is(wanted: u8) -> impl Fn(&u8) -> bool + Clone {
    move |byte| *byte == wanted
}
