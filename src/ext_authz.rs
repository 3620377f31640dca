//! Tokens within HTTP requests: where they are looked for, and what of their claims the
//! request is given on its way. For proxies that ask about whole requests.

mod place;
mod request;
#[cfg(test)]
mod tests;

pub use place::{TokenPlace, WEBSOCKET_PROTOCOL};
pub use request::HttpRequest;

use jwtd_core::jose::json::Value;
use jwtd_core::policy::ClaimPath;

/// What is done with HTTP requests.
#[derive(Clone, Debug, Default)]
pub struct HttpRules {
    /// Where tokens are looked for.
    pub tokens: Box<[TokenPlace]>,
    /// The headers that claims are put into.
    pub headers: Box<[ClaimHeader]>,
    /// Whether the token stays in the request.
    pub forward_token: bool,
    /// Whether a CORS preflight request passes without a token.
    pub bypass_cors_preflight: bool,
    /// The `realm` parameter of `WWW-Authenticate` (RFC 9110, section 11.5).
    pub realm: Box<str>,
}

/// A header that a claim is put into.
#[derive(Clone, Debug)]
pub struct ClaimHeader {
    /// The claim.
    pub claim: ClaimPath,
    /// The name of the header, in lower case.
    pub header: Box<str>,
}

/// A request holds two different tokens, so that it is not clear which one counts (RFC 6750,
/// section 2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SeveralTokens;

/// The one token of a request, and every place where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FoundToken<'r> {
    /// The token.
    pub token: &'r [u8],
    /// The places, each of them once.
    pub places: Vec<&'r TokenPlace>,
}

impl HttpRules {
    /// Whether the values of headers of this name must be text. Of cookies only the one that is
    /// looked for matters, and the verifier judges its bytes.
    #[must_use]
    pub fn needs_text(&self, header: &str) -> bool {
        self.tokens.iter().any(|place| match place {
            TokenPlace::Header { name, .. } => **name == *header,
            TokenPlace::WebSocketProtocol(_) => header == WEBSOCKET_PROTOCOL,
            TokenPlace::Cookie(_) | TokenPlace::Query(_) => false,
        })
    }

    /// The token of a request, and where it stands. There is none where nothing looks like
    /// one: a header of another scheme, or an empty value. The same bytes in several places are
    /// one token.
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

    /// The headers that the request is given.
    #[must_use]
    pub fn headers_of(&self, claims: &Value<'_>) -> Vec<(&str, String)> {
        let put = |one: &'_ ClaimHeader| Some(header_value(one.claim.find(claims)?));
        let all = self.headers.iter().map(|one| (&*one.header, put(one)));
        all.filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The headers of a request that pass for one of ours, and must not go on: nobody but
    /// us says what a token claims. Behind some gateways (RFC 3875, section 4.1.18) `-`
    /// and `_` are the same.
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

/// A claim as the value of a header: a text as it is, anything else as JSON. What a header
/// cannot hold is percent-encoded, and `%` too, so that it can be read back.
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
    // At both ends a space would be lost.
    let inner = shown.trim_matches(' ').to_owned();
    if inner.len() == shown.len() { shown } else { shown.replace(' ', "%20") }
}
