//! Finds possible secrets in a configuration file, so that no message quotes them.

use super::document::{Node, Value};
use super::fault::Faults;
use super::schema::{Kind, SettingKey};
use crate::redaction::{REDACTED, redacted_url, redacted_value};

/// Registers the possible secrets in the tree `node` of the kind `kind` with `faults`, which
/// redacts them.
pub(super) fn hide(node: &Node, kind: &Kind, faults: &mut Faults) {
    match (kind, &node.value) {
        (Kind::Table(keys) | Kind::Either(Kind::Table(keys), _), Value::Map(_)) => {
            // A misplaced value next to a secret may be one too.
            let secret = matches!(kind, Kind::Either(_, Kind::Secret));
            hide_table(node, keys, if secret { &Kind::Secret } else { &Kind::Any }, faults);
        }
        (Kind::Named(keys), Value::Map(members)) => {
            members.iter().for_each(|(_, value)| hide_table(value, keys, &Kind::Any, faults));
        }
        (Kind::Map(element), Value::Map(members)) => {
            members.iter().for_each(|(_, value)| hide(value, element, faults));
        }
        (Kind::Map(element), Value::List(_) | Value::Text(_) | Value::Literal(_)) => {
            hide(node, element, faults);
        }
        (Kind::Either(_, second), Value::List(_) | Value::Text(_) | Value::Literal(_))
            if matches!(second, Kind::Secret) =>
        {
            hide(node, second, faults);
        }
        (Kind::Either(_, second), Value::List(_)) => hide(node, second, faults),
        (Kind::List(element), Value::List(elements)) => {
            elements.iter().for_each(|one| hide(one, element, faults));
        }
        // The value has the wrong kind.
        (_, Value::List(elements)) => elements.iter().for_each(|one| hide(one, kind, faults)),
        (_, Value::Map(members)) => {
            for (name, value) in members {
                let secret = matches!(kind, Kind::Secret);
                let private = secret || PRIVATE.contains(&name.text.as_str());
                hide(value, if private { &Kind::Secret } else { &Kind::Any }, faults);
            }
        }
        (_, Value::Text(text) | Value::Literal(text)) => hide_text(text, kind, faults),
        (_, Value::Null) => {}
    }
}

/// The private members of JWKs (RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1).
const PRIVATE: [&str; 11] = ["d", "p", "q", "dp", "dq", "qi", "oth", "r", "t", "k", "priv"];

/// Parts of names of unknown keys that suggest a secret value.
const SECRET_NAMES: [&str; 7] =
    ["password", "passwd", "secret", "token", "credential", "api_key", "authorization"];

/// Hides secrets in a table. The value of an unknown key counts as one of the kind `unknown`.
fn hide_table(node: &Node, keys: &[SettingKey], unknown: &Kind, faults: &mut Faults) {
    for (name, value) in node.members() {
        let named = name.text.to_ascii_lowercase();
        let kind = match keys.iter().find(|key| key.name == name.text) {
            Some(key) => &key.kind,
            None if SECRET_NAMES.iter().any(|one| named.contains(one)) => &Kind::Secret,
            None => unknown,
        };
        hide(value, kind, faults);
    }
}

fn hide_text(text: &str, kind: &Kind, faults: &mut Faults) {
    let shown = match kind {
        Kind::Secret => REDACTED.into(),
        kind if kind.is_url() => redacted_url(text),
        Kind::Any if text.trim_start().starts_with('{') => return hide_json(text, faults),
        _ => redacted_value(text),
    };
    if shown != text {
        faults.hide(text, &shown);
    }
}

/// Hides secrets in a text that holds a JWK Set.
fn hide_json(text: &str, faults: &mut Faults) {
    if let Ok(value) = serde_json::from_str(text) {
        hide_members(&value, faults);
    }
}

fn hide_members(value: &serde_json::Value, faults: &mut Faults) {
    for (name, value) in value.as_object().into_iter().flatten() {
        match value.as_str() {
            Some(text) if PRIVATE.contains(&name.as_str()) => faults.hide(text, REDACTED),
            Some(_) => {}
            None => hide_members(value, faults),
        }
    }
    value.as_array().into_iter().flatten().for_each(|one| hide_members(one, faults));
}
