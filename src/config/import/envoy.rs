//! `envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication`.

use super::{Keys, Provider, audiences, member, note_others, text};
use crate::config::document::{Node, Value};

/// The providers of all filters, wherever they stand in the document.
pub(super) fn providers(node: &Node, notes: &mut Vec<String>) -> Vec<Provider> {
    let mut found = Vec::new();
    if let Some(providers) = node.get("providers") {
        let named = providers.members().iter();
        found.extend(named.filter_map(|(name, node)| provider(&name.text, node, notes)));
    }
    let inner: Box<dyn Iterator<Item = &Node>> = match &node.value {
        Value::List(elements) => Box::new(elements.iter()),
        Value::Map(members) => Box::new(members.iter().map(|(_, node)| node)),
        Value::Null | Value::Literal(_) | Value::Text(_) => Box::new(std::iter::empty()),
    };
    for node in inner {
        found.extend(providers(node, notes));
    }
    found
}

fn provider(name: &str, node: &Node, notes: &mut Vec<String>) -> Option<Provider> {
    let (remote, local) = (member(node, "remote_jwks"), member(node, "local_jwks"));
    if remote.is_none() && local.is_none() {
        // Other filters have providers too.
        return None;
    }
    let Some(issuer) = text(node, "issuer") else {
        notes.push(format!(
            "{name} is left out: it has no `issuer`, and jwtd finds keys by the `iss` of a token"
        ));
        return None;
    };
    let known = [
        "issuer",
        "audiences",
        "remote_jwks",
        "local_jwks",
        "clock_skew_seconds",
        "require_expiration",
    ];
    note_others(name, node, &known, notes);

    let mut refresh = None;
    let keys = match (remote, local) {
        (Some(remote), _) => {
            note_others(name, remote, &["http_uri", "cache_duration"], notes);
            refresh = member(remote, "cache_duration").and_then(seconds);
            let uri = member(remote, "http_uri").and_then(|uri| text(uri, "uri"));
            uri.map_or(Keys::Discovery, Keys::Uri)
        }
        (None, local) => {
            let local = local?;
            match (text(local, "filename"), text(local, "inline_string")) {
                (Some(path), _) => Keys::File(path),
                (None, Some(jwks)) => Keys::Inline(jwks),
                (None, None) => {
                    notes.push(format!(
                        "{name} is left out: write its `local_jwks` to a file and give `filename`"
                    ));
                    return None;
                }
            }
        }
    };
    let skew = text(node, "clock_skew_seconds").and_then(|text| text.parse::<u64>().ok());
    let clamped = |value: Option<u64>, least, most, what: &str, notes: &mut Vec<String>| {
        let fits = value.map(|value| value.clamp(least, most));
        if fits != value {
            notes.push(format!("{name}: {what} is kept within {least} s and {most} s"));
        }
        fits
    };
    Some(Provider {
        name: name.to_owned(),
        issuer,
        audiences: audiences(name, node, notes)?,
        keys,
        clock_skew: clamped(skew, 0, 300, "the clock skew", notes),
        refresh: clamped(refresh, 10, 86_400, "`refresh`", notes),
    })
}

/// A duration of protocol buffers: `300s`, or a mapping with `seconds`.
fn seconds(node: &Node) -> Option<u64> {
    match node.text() {
        Some(text) => text.strip_suffix('s')?.parse::<f64>().ok().map(|seconds| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it saturates, and is clamped afterwards"
            )]
            let whole = seconds.ceil() as u64;
            whole
        }),
        None => node.get("seconds")?.text()?.parse().ok(),
    }
}
