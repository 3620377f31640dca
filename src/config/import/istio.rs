//! `RequestAuthentication` of `security.istio.io`.

use super::{Keys, Provider, audiences, member, note_others, text};
use crate::config::document::Node;

pub(super) fn providers(document: &Node, notes: &mut Vec<String>) -> Vec<Provider> {
    // What `kubectl get -o yaml` prints is a list.
    if let Some(items) = document.get("items") {
        return items.elements().iter().flat_map(|item| providers(item, notes)).collect();
    }
    if text(document, "kind").as_deref() != Some("RequestAuthentication") {
        return Vec::new();
    }
    let name = document.get("metadata").and_then(|metadata| text(metadata, "name"));
    let name = name.unwrap_or_else(|| "istio".to_owned());
    let Some(spec) = document.get("spec") else {
        return Vec::new();
    };
    if spec.get("selector").is_some() || spec.get("targetRefs").is_some() {
        notes.push(format!("{name}: which workloads it is for is left to the callers of jwtd"));
    }
    let rules = member(spec, "jwt_rules").map_or(&[][..], Node::elements);
    let mut found = Vec::new();
    for rule in rules {
        let Some(issuer) = text(rule, "issuer") else {
            notes.push(format!("{name}: a rule without `issuer` is left out"));
            continue;
        };
        let known = ["issuer", "audiences", "jwks_uri", "jwks"];
        note_others(&name, rule, &known, notes);
        let keys = match (text(rule, "jwks"), text(rule, "jwks_uri")) {
            (Some(jwks), _) => Keys::Inline(jwks),
            (None, Some(url)) => Keys::Uri(url),
            (None, None) => Keys::Discovery,
        };
        let Some(audiences) = audiences(&name, rule, notes) else { continue };
        let (name, clock_skew, refresh) = (name.clone(), None, None);
        found.push(Provider { name, issuer, audiences, keys, clock_skew, refresh });
    }
    found
}
