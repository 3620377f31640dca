//! `envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication`.

mod requirement;

use super::Found;
use super::fields::{Fields, Notes};
use super::provider::{Http, Keys, Provider, Subjects};
use crate::config::document::{Node, Value};

/// Reads all filters, wherever they occur in the document.
pub(super) fn read(node: &Node, notes: &Notes, found: &mut Found) {
    read_at(node, "", notes, found);
}

fn read_at(node: &Node, path: &str, notes: &Notes, found: &mut Found) {
    let kind = node.get("@type").and_then(Node::text).unwrap_or_default();
    if kind.ends_with("jwt_authn.v3.PerRouteConfig") {
        requirement::per_route(&Fields::new(node, path, notes), found);
        return;
    }
    if is_filter(node, kind) {
        filter(&Fields::new(node, named(path, "jwt_authn"), notes), found);
        return;
    }
    match &node.value {
        Value::List(elements) => {
            for (index, node) in elements.iter().enumerate() {
                read_at(node, &format!("{path}[{index}]"), notes, found);
            }
        }
        Value::Map(members) => {
            for (name, node) in members {
                read_at(node, &named(path, &name.text), notes, found);
            }
        }
        Value::Null | Value::Literal(_) | Value::Text(_) => {}
    }
}

/// A path that ends with `name`; its last two segments are enough to find the place.
fn named(path: &str, name: &str) -> String {
    let from = path.char_indices().rev().filter(|(_, one)| *one == '.').nth(1);
    let path = from.and_then(|(at, _)| path.get(at.saturating_add(1)..)).unwrap_or(path);
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Returns true for a `jwt_authn` filter. Other filters have providers too, but no key sets.
fn is_filter(node: &Node, kind: &str) -> bool {
    let sources = ["remote_jwks", "remoteJwks", "local_jwks", "localJwks"];
    let jwks = |provider: &Node| sources.iter().any(|source| provider.get(source).is_some());
    kind.ends_with("jwt_authn.v3.JwtAuthentication")
        || node.get("providers").is_some_and(|all| all.members().iter().any(|(_, one)| jwks(one)))
}

fn filter(filter: &Fields<'_>, found: &mut Found) {
    let mut keys = Vec::new();
    for (name, node) in filter.named("providers") {
        let fields = Fields::new(node, format!("providers.{name}"), filter.notes());
        // Different filters may use one name for different providers.
        let key = format!("{}#{name}", found.filters);
        if let Some(provider) = provider(name, key.clone(), &fields) {
            found.providers.push(provider);
        }
        keys.push((name.to_owned(), key));
    }
    found.bypass_cors_preflight |= filter.flag("bypass_cors_preflight");
    requirement::read(filter, &keys, found);
    found.filters = found.filters.saturating_add(1);
}

fn provider(name: &str, key: String, fields: &Fields<'_>) -> Option<Provider> {
    let notes = fields.notes();
    let audiences = fields.texts("audiences");
    let (keys, refresh) = keys(name, fields);
    let mut http = Http { forward: fields.flag("forward"), ..Http::default() };
    for header in fields.list("from_headers") {
        http.add_header(&header, "value_prefix");
    }
    let places = [("from_params", "query"), ("from_cookies", "cookie")];
    for (key, place) in places {
        for name in fields.texts(key).unwrap_or_default() {
            http.tokens.push(format!("{{ {place}: {} }}", super::provider::quoted(&name)));
        }
    }
    for header in fields.list("claim_to_headers") {
        http.add_claim(&header, "claim_name", "header_name");
    }
    // jwtd always does both.
    fields.get("require_expiration");
    let clock_skew = fields.number("clock_skew_seconds");
    let max_lifetime = fields.seconds("max_lifetime");
    if max_lifetime.is_some() {
        let what = "Envoy counts what is left of a token's life, jwtd from `iat` to `exp`: older \
                    long-lived tokens are refused too, and those without `iat`";
        fields.note("max_lifetime", what);
    }
    let (subjects, cache_bytes) = (subjects(fields), cache(fields));
    let clamped = |value: Option<u64>, least, most, what: &str| {
        let fits = value.map(|value| value.clamp(least, most));
        if fits != value {
            notes.add(format!("{name}: {what} is kept within {least} s and {most} s"));
        }
        fits
    };
    let Some(issuer) = fields.text("issuer") else {
        notes.add(format!(
            "{name} is left out: it has no `issuer`, and jwtd finds keys by the `iss` of a token"
        ));
        return None;
    };
    let Some(audiences) = audiences else {
        notes.add(format!("{name} is left out: its `audiences` are no list of texts"));
        return None;
    };
    Some(Provider {
        key,
        name: name.to_owned(),
        issuer,
        audiences,
        keys: keys?,
        clock_skew: clamped(clock_skew, 0, 300, "the clock skew"),
        refresh: clamped(refresh, 10, 86_400, "`refresh`"),
        max_lifetime,
        subjects,
        cache_bytes,
        http: http.or_usual(),
    })
}

/// The source of the keys, and the refresh interval.
fn keys(name: &str, fields: &Fields<'_>) -> (Option<Keys>, Option<u64>) {
    if let Some(remote) = fields.fields("remote_jwks") {
        let uri = remote.fields("http_uri").and_then(|uri| uri.text("uri"));
        return (Some(uri.map_or(Keys::Discovery, Keys::Uri)), remote.seconds("cache_duration"));
    }
    let local = fields.fields("local_jwks");
    let found =
        local.and_then(|local| match (local.text("filename"), local.text("inline_string")) {
            (Some(path), _) => Some(Keys::File(path)),
            (None, jwks) => jwks.map(Keys::Inline),
        });
    if found.is_none() {
        let what = "is left out: write its `local_jwks` to a file and give `filename`";
        fields.notes().add(format!("{name} {what}"));
    }
    (found, None)
}

/// `envoy.type.matcher.v3.StringMatcher`.
fn subjects(fields: &Fields<'_>) -> Option<Subjects> {
    let matcher = fields.fields("subjects")?;
    let found = matcher
        .text("exact")
        .map(Subjects::Exact)
        .or_else(|| matcher.text("prefix").map(Subjects::Prefix))
        .or_else(|| matcher.text("suffix").map(Subjects::Suffix))
        .or_else(|| matcher.text("contains").map(Subjects::Contains));
    let any_case = matcher.flag("ignore_case");
    match found {
        Some(subjects) if !any_case => Some(subjects),
        _ => {
            let what = "jwtd has no such comparison: nobody passes until `subjects` says it in \
                        another way";
            fields.note("subjects", what);
            matcher.get("safe_regex");
            Some(Subjects::Unknown(fields.get("subjects")?.to_json().to_string()))
        }
    }
}

/// The bytes of tokens to cache. Envoy caches tokens of at most 4 KiB.
fn cache(fields: &Fields<'_>) -> u64 {
    let Some(cache) = fields.fields("jwt_cache_config") else { return 0 };
    let tokens = cache.number("jwt_cache_size").unwrap_or(100);
    tokens.saturating_mul(cache.number("jwt_max_token_size").unwrap_or(4096))
}
