//! Tokens within HTTP requests: where they are looked for, and what of their claims the
//! request is given on its way. For proxies that ask about whole requests.

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
    /// What the refused are told that they are refused by (RFC 9110, section 11.5).
    pub realm: Box<str>,
}

/// A place where a token is looked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TokenPlace {
    /// A header, its name in lower case.
    Header {
        /// Its name.
        name: Box<str>,
        /// The word before the token, in any case; if there is none, the whole value is it.
        scheme: Option<Box<str>>,
    },
    /// A cookie (RFC 6265, section 4.2).
    Cookie(Box<str>),
    /// A parameter of the query (RFC 6750, section 2.3).
    Query(Box<str>),
}

/// A header that a claim is put into.
#[derive(Clone, Debug)]
pub struct ClaimHeader {
    /// The claim.
    pub claim: ClaimPath,
    /// The name of the header, in lower case.
    pub header: Box<str>,
}

/// A request, as far as it matters. Names of headers are in lower case.
#[derive(Clone, Copy, Debug)]
pub struct HttpRequest<'r> {
    /// The headers.
    pub headers: &'r [(String, String)],
    /// The path and the query.
    pub target: &'r str,
}

/// There is more than one token, so that it is not clear which one counts (RFC 6750,
/// section 2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SeveralTokens;

impl<'r> HttpRequest<'r> {
    /// The values of all headers of this name.
    fn header(&self, name: &str) -> impl Iterator<Item = &'r str> {
        let named = self.headers.iter().filter(move |(own, _)| own == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The path, without the query.
    #[must_use]
    pub fn path(&self) -> &'r str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// All cookies but this one, as the value of a header.
    #[must_use]
    pub fn cookies_without(&self, cookie: &str) -> String {
        let pairs = self.header("cookie").flat_map(|value| value.split(';')).map(str::trim);
        let other = |pair: &&str| {
            let name = pair.split('=').next().unwrap_or_default();
            !pair.is_empty() && name.trim() != cookie
        };
        pairs.filter(other).collect::<Vec<_>>().join("; ")
    }

    /// The query.
    #[must_use]
    pub fn query(&self) -> &'r str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }
}

impl TokenPlace {
    /// All that stands there.
    fn tokens<'r>(&self, request: &HttpRequest<'r>) -> Vec<&'r str> {
        match self {
            Self::Header { name, scheme: None } => request.header(name).map(str::trim).collect(),
            Self::Header { name, scheme: Some(scheme) } => {
                let token = |value: &'r str| {
                    let (word, rest) =
                        value.trim().split_once(' ').unwrap_or_else(|| (value.trim(), ""));
                    word.eq_ignore_ascii_case(scheme).then(|| rest.trim())
                };
                request.header(name).filter_map(token).collect()
            }
            Self::Cookie(cookie) => {
                let pairs = request.header("cookie").flat_map(|value| value.split(';'));
                let named = pairs.filter_map(|pair| pair.split_once('='));
                let named = named.filter(|(name, _)| name.trim() == &**cookie);
                named.map(|(_, value)| value.trim().trim_matches('"')).collect()
            }
            Self::Query(parameter) => {
                let pairs = request.query().split('&').filter_map(|pair| pair.split_once('='));
                let named = pairs.filter(|(name, _)| decodes_to(name, parameter));
                // An encoded name is another one to the proxy, which would leave it there.
                let twice = |(name, value)| [Some(value), (name != &**parameter).then_some(value)];
                named.flat_map(twice).flatten().collect()
            }
        }
    }
}

impl HttpRules {
    /// Whether the values of headers of this name are looked into.
    #[must_use]
    pub fn looks_into(&self, header: &str) -> bool {
        self.tokens.iter().any(|place| match place {
            TokenPlace::Header { name, .. } => **name == *header,
            TokenPlace::Cookie(_) => header == "cookie",
            TokenPlace::Query(_) => false,
        })
    }

    /// The token of a request, and where it stands. There is none where nothing looks like
    /// one: a header of another scheme, or an empty value.
    ///
    /// # Errors
    /// If there are several.
    pub fn find_token<'r>(
        &self,
        request: &HttpRequest<'r>,
    ) -> Result<Option<(&'r str, &TokenPlace)>, SeveralTokens> {
        let mut found = None;
        for place in &self.tokens {
            for token in place.tokens(request) {
                if token.is_empty() {
                    continue;
                }
                if found.is_some() {
                    return Err(SeveralTokens);
                }
                found = Some((token, place));
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

/// Whether a name in a query stands for `plain`, percent-encoded or not (RFC 3986, 2.1).
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

#[cfg(test)]
mod tests {
    use super::*;
    use jwtd_core::jose::{Limits, json};

    fn rules(tokens: &[TokenPlace]) -> HttpRules {
        HttpRules { tokens: tokens.into(), ..HttpRules::default() }
    }

    fn bearer() -> TokenPlace {
        TokenPlace::Header { name: "authorization".into(), scheme: Some("Bearer".into()) }
    }

    /// The token, none, or `several`.
    fn found(rules: &HttpRules, target: &str, headers: &[(&str, &str)]) -> String {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        match rules.find_token(&HttpRequest { headers: &headers, target }) {
            Ok(Some((token, _))) => token.to_owned(),
            Ok(None) => "none".to_owned(),
            Err(SeveralTokens) => "several".to_owned(),
        }
    }

    #[test]
    fn a_token_is_found_where_it_is_looked_for() {
        let header = rules(&[bearer()]);
        for (value, token) in [
            ("Bearer a.b.c", "a.b.c"),
            ("bearer   a.b.c ", "a.b.c"),
            ("BEARER a.b.c", "a.b.c"),
            ("Bearer", "none"),
            ("Bearer ", "none"),
            ("Basic YTpi", "none"),
            ("Bearera.b.c", "none"),
            // What is merged from two headers is one that nobody can mean.
            ("Bearer a.b.c,Bearer d.e.f", "a.b.c,Bearer d.e.f"),
        ] {
            assert_eq!(found(&header, "/", &[("authorization", value)]), token, "{value}");
        }
        assert_eq!(found(&header, "/?access_token=a", &[("x", "Bearer a.b.c")]), "none");
        let plain = rules(&[TokenPlace::Header { name: "x-token".into(), scheme: None }]);
        assert_eq!(found(&plain, "/", &[("x-token", " a.b.c ")]), "a.b.c");
        let cookie = rules(&[TokenPlace::Cookie("session".into())]);
        for (value, token) in [
            ("session=a.b.c", "a.b.c"),
            ("x=1; session=\"a.b.c\"; y=2", "a.b.c"),
            ("xsession=a", "none"),
            ("session", "none"),
            ("session=a; session=b", "several"),
        ] {
            assert_eq!(found(&cookie, "/", &[("cookie", value)]), token, "{value}");
        }
        let query = rules(&[TokenPlace::Query("access_token".into())]);
        for (target, token) in [
            ("/a?access_token=a.b.c", "a.b.c"),
            ("/a?x=1&access_token=a.b.c&y", "a.b.c"),
            ("/access_token=a", "none"),
            ("/a?access_token=", "none"),
            ("/a?access_token=a&access_token=a", "several"),
            ("/a?access%5Ftoken=a", "several"),
            ("/a?access_token=a&access%5ftoken=b", "several"),
            ("/a?access_token=a&access%5=b&%=c&access_toke=d", "a"),
        ] {
            assert_eq!(found(&query, target, &[]), token, "{target}");
        }
    }

    #[test]
    fn two_tokens_are_one_too_many() {
        let all = rules(&[bearer(), TokenPlace::Query("t".into())]);
        let headers = [("authorization", "Bearer a")];
        assert_eq!(found(&all, "/", &headers), "a");
        assert_eq!(found(&all, "/?t=b", &[]), "b");
        assert_eq!(found(&all, "/?t=a", &headers), "several");
        let twice = [("authorization", "Bearer a"), ("authorization", "Bearer b")];
        assert_eq!(found(&all, "/", &twice), "several");
    }

    #[test]
    fn claims_become_headers_that_can_be_read_back() {
        let text = r#"{"sub":"alice","n":7,"t":true,"a":["x,y","é"],"o":{"k":1},"odd":"a%b\r\nc é","pad":" a b ","gone":null}"#;
        let claims = json::parse(text.as_bytes(), &Limits::DEFAULT.json).unwrap();
        let header = |name: &str| ClaimHeader {
            claim: ClaimPath::parse(name).unwrap(),
            header: format!("x-{}", name.trim_start_matches('/').replace('/', "-")).into(),
        };
        let names = ["sub", "n", "t", "a", "/a/0", "o", "odd", "pad", "gone", "lost"];
        let rules = HttpRules { headers: names.map(header).into(), ..HttpRules::default() };
        let put: Vec<_> = rules.headers_of(&claims);
        let put: Vec<_> = put.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(
            put,
            [
                ("x-sub", "alice"),
                ("x-n", "7"),
                ("x-t", "true"),
                ("x-a", r#"["x,y","%C3%A9"]"#),
                ("x-a-0", "x,y"),
                ("x-o", r#"{"k":1}"#),
                ("x-odd", "a%25b%0D%0Ac %C3%A9"),
                ("x-pad", "%20a%20b%20"),
            ]
        );
    }

    #[test]
    fn headers_that_pass_for_ours_are_named() {
        let claim = || ClaimPath::parse("sub").unwrap();
        let headers = ["x-jwt-sub", "x-jwt-roles"]
            .map(|name| ClaimHeader { claim: claim(), header: name.into() });
        let rules = HttpRules { headers: headers.into(), ..HttpRules::default() };
        let sent = ["x-jwt-sub", "x_jwt_sub", "X-Jwt-Roles", "x-jwt-su", "x-jwt-subs", "host"];
        let sent: Vec<_> = sent.iter().map(|name| ((*name).to_owned(), String::new())).collect();
        let request = HttpRequest { headers: &sent, target: "/" };
        assert_eq!(rules.impostors(&request), ["x-jwt-sub", "x_jwt_sub", "X-Jwt-Roles"]);
        assert_eq!(
            (request.path(), HttpRequest { target: "/a?b?c", ..request }.query()),
            ("/", "b?c")
        );
    }
}
