//! `RequestAuthentication` of `security.istio.io`, which Istio turns into Envoy's `jwt_authn`.

use super::Found;
use super::fields::{Fields, Notes};
use super::provider::{Http, Keys, Provider};
use crate::config::document::Node;

/// The default root namespace of Istio: its resources apply to all namespaces.
const ROOT_NAMESPACE: &str = "istio-system";

pub(super) fn read(document: &Node, notes: &Notes, found: &mut Found) {
    let text = |name: &str| document.get(name).and_then(Node::text);
    // `kubectl get -o yaml` prints a list.
    if let Some(items) = document.get("items") {
        items.elements().iter().for_each(|item| read(item, notes, found));
        return;
    }
    let name = document.get("metadata").and_then(|metadata| metadata.get("name")?.text());
    let name = name.unwrap_or("istio");
    match text("kind") {
        Some("RequestAuthentication") => {}
        Some("AuthorizationPolicy") => {
            notes.add(format!(
                "AuthorizationPolicy {name} is not read: what it demands of claims goes to \
                 `profiles.NAME.access`, what it demands of requests to rules there or stays in \
                 the mesh"
            ));
            return;
        }
        Some(kind) => {
            notes.add(format!("{kind} {name} is not read"));
            return;
        }
        None => return,
    }
    let metadata = document.get("metadata");
    let namespace = metadata.and_then(|metadata| metadata.get("namespace")?.text());
    let namespace = namespace.unwrap_or("(not written)");
    if namespace != ROOT_NAMESPACE {
        found.namespaces.insert(namespace.to_owned());
    }
    let Some(spec) = document.get("spec") else { return };
    let spec = Fields::new(spec, name, notes);
    notes.add(
        "requests without a token pass in Istio unless an AuthorizationPolicy asks for one; jwtd \
         refuses them: have it asked only about routes that need a token"
            .to_owned(),
    );
    for (index, rule) in spec.list("jwt_rules").into_iter().enumerate() {
        let key = format!("{name}#{index}");
        found.providers.extend(provider(name, key, &rule));
    }
}

fn provider(name: &str, key: String, rule: &Fields<'_>) -> Option<Provider> {
    let keys = match (rule.text("jwks"), rule.text("jwks_uri")) {
        (Some(jwks), _) => Keys::Inline(jwks),
        (None, Some(url)) => Keys::Uri(url),
        (None, None) => Keys::Discovery,
    };
    let audiences = rule.texts("audiences");
    let mut http = Http { forward: rule.flag("forward_original_token"), ..Http::default() };
    for header in rule.list("from_headers") {
        http.add_header(&header, "prefix");
    }
    for (key, place) in [("from_params", "query"), ("from_cookies", "cookie")] {
        for name in rule.texts(key).unwrap_or_default() {
            http.tokens.push(format!("{{ {place}: {} }}", super::provider::quoted(&name)));
        }
    }
    for header in rule.list("output_claim_to_headers") {
        http.add_claim(&header, "claim", "header");
    }
    let Some(issuer) = rule.text("issuer") else {
        rule.notes().add(format!("{name}: a rule without `issuer` is left out"));
        return None;
    };
    let Some(audiences) = audiences else {
        rule.notes().add(format!("{name} is left out: its `audiences` are no list of texts"));
        return None;
    };
    Some(Provider {
        key,
        name: name.to_owned(),
        issuer,
        audiences,
        keys,
        clock_skew: None,
        refresh: None,
        max_lifetime: None,
        subjects: None,
        cache_bytes: 0,
        http: http.or_usual(),
    })
}
