//! Tokens within HTTP requests: the places to look for them, and the claims that are passed on as
//! headers. For proxies that ask for a decision on whole requests.

mod place;
mod request;
mod sender;
#[cfg(test)]
mod tests;

pub use place::{TokenPlace, WEBSOCKET_PROTOCOL};
pub use request::HttpRequest;
pub use sender::{BadOrigin, DPOP, FORWARDED_CERTIFICATE, Origin, SenderRules, evidence};

use jwtd_core::jose::json::Value;
use jwtd_core::policy::ClaimPath;

/// The rules for HTTP requests.
#[derive(Clone, Debug, Default)]
pub struct HttpRules {
    /// The places to look for tokens.
    pub tokens: Box<[TokenPlace]>,
    /// The headers that receive claims.
    pub headers: Box<[ClaimHeader]>,
    /// The rules for the evidence of bound tokens, if they are given.
    pub sender: Option<SenderRules>,
    /// Leaves the token in the request if true.
    pub forward_token: bool,
    /// Lets a CORS preflight request pass without a token if true.
    pub bypass_cors_preflight: bool,
    /// The `realm` parameter of `WWW-Authenticate` (RFC 9110, section 11.5).
    pub realm: Box<str>,
}

/// A header that receives the value of a claim.
#[derive(Clone, Debug)]
pub struct ClaimHeader {
    /// The claim.
    pub claim: ClaimPath,
    /// The name of the header, in lower case.
    pub header: Box<str>,
}

/// The error for a request with two different tokens: it is not clear which one counts (RFC 6750,
/// section 2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SeveralTokens;

/// The one token of a request, and every place where it was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FoundToken<'r> {
    /// The token.
    pub token: &'r [u8],
    /// The places, without duplicates.
    pub places: Vec<&'r TokenPlace>,
}

impl HttpRules {
    /// Returns true if the values of headers of this name must be text. A cookie header need not
    /// be: only the configured cookie matters, and the verifier checks its bytes.
    #[must_use]
    pub fn needs_text(&self, header: &str) -> bool {
        self.tokens.iter().any(|place| match place {
            TokenPlace::Header { name, .. } => **name == *header,
            TokenPlace::WebSocketProtocol(_) => header == WEBSOCKET_PROTOCOL,
            TokenPlace::Cookie(_) | TokenPlace::Query(_) => false,
        })
    }

    /// Finds the token of a request. A header of another scheme and an empty value count as no
    /// token. The same bytes in several places are one token.
    ///
    /// # Errors
    /// If there are several.
    pub fn find_token<'r>(
        &'r self,
        request: &HttpRequest<'r>,
    ) -> Result<Option<FoundToken<'r>>, SeveralTokens> {
        let mut found: Option<FoundToken<'r>> = None;
        for place in &self.tokens {
            for token in place.tokens(request)?.into_iter().filter(|token| !token.is_empty()) {
                let one = found.get_or_insert(FoundToken { token, places: Vec::new() });
                if one.token != token {
                    return Err(SeveralTokens);
                }
                if !one.places.contains(&place) {
                    one.places.push(place);
                }
            }
        }
        Ok(found)
    }

    /// The headers to add to the request.
    #[must_use]
    pub fn headers_of(&self, claims: &Value<'_>) -> Vec<(&str, String)> {
        let put = |one: &'_ ClaimHeader| Some(header_value(one.claim.find(claims)?));
        let all = self.headers.iter().map(|one| (&*one.header, put(one)));
        all.filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The request headers that could pass for one of ours. They must be removed, because only the
    /// daemon may state the claims of a token. Some gateways treat `-` and `_` as the same
    /// character (RFC 3875, section 4.1.18).
    #[must_use]
    pub fn impostors<'r>(&self, request: &HttpRequest<'r>) -> Vec<&'r str> {
        let same = |one: u8, other: u8| {
            let plain = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
            plain(one) == plain(other)
        };
        let ours = |name: &str| {
            self.headers.iter().any(|own| {
                own.header.len() == name.len()
                    && own.header.bytes().zip(name.bytes()).all(|(one, other)| same(one, other))
            })
        };
        request.headers.iter().map(|(name, _)| name.as_str()).filter(|name| ours(name)).collect()
    }
}

/// Formats a claim as a header value: a string as it is, anything else as JSON. Bytes that a header
/// cannot hold are percent-encoded, and so is `%`, so that the value can be decoded.
fn header_value(value: &Value<'_>) -> String {
    let text = match value {
        Value::String(text) => text.to_string(),
        other => other.to_json(),
    };
    let mut shown = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            shown.push(char::from(byte));
        } else {
            shown.push_str(&format!("%{byte:02X}"));
        }
    }
    // Spaces at either end would be stripped from a header value.
    let inner = shown.trim_matches(' ').to_owned();
    if inner.len() == shown.len() { shown } else { shown.replace(' ', "%20") }
}
