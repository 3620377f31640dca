//! The rules for HTTP requests on which Envoy asks for a decision.

use super::document::Node;
use super::fault::Faults;
use super::schema::{
    claim_header, ext_authz as key, file, place as token_place, sender as sender_key,
};
use super::switches::check_switches;
use crate::ext_authz::{ClaimHeader, HttpRules, Origin, SenderRules, TokenPlace};
use jwtd_core::policy::ClaimPath;

/// Reads the rules, if `ext_authz` is on.
pub(super) fn ext_authz(root: &Node, faults: &mut Faults) -> Option<HttpRules> {
    let node = root.at(file::ext_authz)?;
    check_switches(node, key::KEYS, "ext_authz.", faults);
    let mut tokens = Vec::new();
    for (index, one) in node.list(key::tokens).iter().enumerate() {
        tokens.extend(place(one, &format!("ext_authz.tokens[{index}]"), faults));
    }
    let forward_token = node.read(key::forward_token);
    let mut headers: Vec<ClaimHeader> = Vec::new();
    for (index, one) in node.list(key::claims_to_headers).iter().enumerate() {
        let path = format!("ext_authz.claims_to_headers[{index}]");
        let (claim, header) = (one.at(claim_header::claim), one.at(claim_header::header));
        let (Some(claim), Some(header)) = (claim, header) else { continue };
        let name = header_name(header, &format!("{path}.header"), faults);
        if name.as_ref().is_some_and(|name| STEERING.contains(&&**name)) {
            let what = "this header steers the request itself";
            faults.add(header.place, &format!("{path}.header"), what, "use one such as x-jwt-sub");
        }
        let token = |place: &TokenPlace| match place {
            TokenPlace::Header { name: own, .. } => name.as_ref() == Some(own),
            TokenPlace::Cookie(_) | TokenPlace::Query(_) | TokenPlace::WebSocketProtocol(_) => {
                false
            }
        };
        if !forward_token && tokens.iter().any(token) {
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
    let realm = node.at(key::realm);
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
        sender: sender(node, faults),
        forward_token,
        bypass_cors_preflight: node.read(key::bypass_cors_preflight),
        realm: realm.and_then(Node::text).unwrap_or_default().into(),
    })
}

/// Reads the rules for the evidence of bound tokens.
fn sender(node: &Node, faults: &mut Faults) -> Option<SenderRules> {
    let node = node.at(key::binding)?;
    let mut origins = Vec::new();
    for origin in node.at(sender_key::origins).map_or(&[][..], Node::items) {
        match Origin::parse(origin.text().unwrap_or_default()) {
            Ok(origin) => origins.push(origin),
            Err(bad) => {
                let what = format!("this is no origin: {bad}");
                let fix = "write the outside scheme and host, such as https://api.example.com";
                faults.add(origin.place, "ext_authz.binding.origins", what, fix);
            }
        }
    }
    let forwarded_certificate = node.read(sender_key::forwarded_certificate);
    Some(SenderRules { origins: origins.into(), forwarded_certificate })
}

/// Headers that control framing and routing of the request; no claim may set them.
const STEERING: [&str; 9] = [
    "connection",
    "content-length",
    "cookie",
    "host",
    "sec-websocket-protocol",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn place(node: &Node, path: &str, faults: &mut Faults) -> Option<TokenPlace> {
    let (cookie, query) = (node.word(token_place::cookie), node.word(token_place::query));
    let protocol = node.at(token_place::websocket_protocol);
    match (node.at(token_place::header), cookie, query, protocol) {
        (Some(header), None, None, None) => {
            let name = header_name(header, &format!("{path}.header"), faults)?;
            let scheme = node.word(token_place::scheme).map(Box::from);
            Some(TokenPlace::Header { name, scheme })
        }
        (None, Some(name), None, None) => Some(TokenPlace::Cookie(name.into())),
        (None, None, Some(name), None) => Some(TokenPlace::Query(name.into())),
        (None, None, None, Some(protocol)) => {
            let name = protocol.text()?;
            if !is_token(name) {
                let what = format!("{name:?} cannot be a WebSocket protocol");
                let path = format!("{path}.websocket_protocol");
                faults.add(protocol.place, &path, what, "use letters, digits, `.`, `-` and `_`");
                return None;
            }
            Some(TokenPlace::WebSocketProtocol(name.into()))
        }
        _ => {
            let what = "a token stands in one place";
            let fix = "give one of `header`, `cookie`, `query` and `websocket_protocol` in each \
                        entry";
            faults.add(node.place, path, what, fix);
            None
        }
    }
}

/// Returns true for a token of RFC 9110, section 5.6.2: the name of a header or of a protocol.
fn is_token(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Reads the name of a header (RFC 9110, section 5.1), in lower case.
fn header_name(node: &Node, path: &str, faults: &mut Faults) -> Option<Box<str>> {
    let name = node.text()?;
    if !is_token(name) {
        let what = format!("{name:?} cannot be the name of a header");
        faults.add(node.place, path, what, "use letters, digits and `-`");
        return None;
    }
    Some(name.to_ascii_lowercase().into())
}
