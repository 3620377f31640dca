//! What is done with the HTTP requests that Envoy asks about.

use super::document::Node;
use super::fault::Faults;
use crate::ext_authz::{ClaimHeader, HttpRules, TokenPlace};
use jwtd_core::policy::ClaimPath;

/// The rules, if requests are judged at all. What is wrong goes to `faults`.
pub(super) fn ext_authz(root: &Node, faults: &mut Faults) -> Option<HttpRules> {
    let node = root.get("ext_authz")?;
    let mut tokens = Vec::new();
    for (index, one) in
        node.get("tokens").map(Node::elements).unwrap_or_default().iter().enumerate()
    {
        tokens.extend(place(one, &format!("ext_authz.tokens[{index}]"), faults));
    }
    if tokens.is_empty() {
        let (name, scheme) = ("authorization".into(), Some("Bearer".into()));
        tokens.push(TokenPlace::Header { name, scheme });
    }
    let mut headers: Vec<ClaimHeader> = Vec::new();
    let listed = node.get("claims_to_headers").map(Node::elements).unwrap_or_default();
    for (index, one) in listed.iter().enumerate() {
        let path = format!("ext_authz.claims_to_headers[{index}]");
        let (Some(claim), Some(header)) = (one.get("claim"), one.get("header")) else { continue };
        let name = header_name(header, &format!("{path}.header"), faults);
        if name.as_ref().is_some_and(|name| STEERING.contains(&&**name)) {
            let what = "this header steers the request itself";
            faults.add(header.place, &format!("{path}.header"), what, "use one such as x-jwt-sub");
        }
        let forwarded = node.get("forward_token").and_then(Node::text) == Some("true");
        let token = |place: &TokenPlace| match place {
            TokenPlace::Header { name: own, .. } => name.as_ref() == Some(own),
            TokenPlace::Cookie(_) | TokenPlace::Query(_) => false,
        };
        if !forwarded && tokens.iter().any(token) {
            let what = "this header holds the token, which is removed";
            faults.add(header.place, &format!("{path}.header"), what, "name another one");
        }
        if name.as_ref().is_some_and(|name| headers.iter().any(|own| own.header == *name)) {
            let what = "two claims would go into this header";
            faults.add(header.place, &format!("{path}.header"), what, "name another one");
        }
        match claim.text().map(ClaimPath::parse) {
            Some(Ok(claim)) => headers.extend(name.map(|header| ClaimHeader { claim, header })),
            Some(Err(bad)) => {
                faults.add(claim.place, &format!("{path}.claim"), bad.to_string(), "");
            }
            None => {}
        }
    }
    let realm = node.get("realm");
    let plain = |text: &str| {
        text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
    };
    if let Some(realm) = realm.filter(|realm| !realm.text().is_some_and(plain)) {
        let what = "a realm has ASCII letters only, and no quotes";
        faults.add(realm.place, "ext_authz.realm", what, "name the service in plain letters");
    }
    Some(HttpRules {
        tokens: tokens.into(),
        headers: headers.into(),
        forward_token: node.get("forward_token").and_then(Node::text) == Some("true"),
        realm: realm.and_then(Node::text).unwrap_or("jwtd").into(),
    })
}

/// Headers that steer the request itself; no claim may touch them.
const STEERING: [&str; 8] = [
    "connection",
    "content-length",
    "cookie",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn place(node: &Node, path: &str, faults: &mut Faults) -> Option<TokenPlace> {
    let given = ["header", "cookie", "query"].into_iter().filter(|key| node.get(key).is_some());
    if given.count() != 1 {
        let what = "a token stands in one place";
        faults.add(
            node.place,
            path,
            what,
            "give one of `header`, `cookie` and `query` in each entry",
        );
        return None;
    }
    let text = |key: &str| node.get(key).and_then(Node::text);
    if let Some(header) = node.get("header") {
        let name = header_name(header, &format!("{path}.header"), faults)?;
        return Some(TokenPlace::Header { name, scheme: text("scheme").map(Box::from) });
    }
    let cookie = text("cookie").map(|name| TokenPlace::Cookie(name.into()));
    cookie.or_else(|| text("query").map(|name| TokenPlace::Query(name.into())))
}

/// A name of a header (RFC 9110, section 5.1), in lower case.
fn header_name(node: &Node, path: &str, faults: &mut Faults) -> Option<Box<str>> {
    let name = node.text()?;
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.bytes().all(letter) {
        let what = format!("{name:?} cannot be the name of a header");
        faults.add(node.place, path, what, "use letters, digits and `-`");
        return None;
    }
    Some(name.to_ascii_lowercase().into())
}
