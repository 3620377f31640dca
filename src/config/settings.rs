//! Overrides from outside the file, and the list of effective settings.

use super::document::{Name, Node, Value};
use super::fault::Faults;
use super::schema::{Absent, Kind, ROOT, SettingKey};
use crate::redaction::{REDACTED, redacted_url, redacted_value};
use jwtd_core::policy::Scalar;

/// A setting that overrides the file.
#[derive(Clone, Debug)]
pub struct Override {
    /// The name of the top-level setting.
    pub key: &'static str,
    /// The value.
    pub value: Value,
    /// The origin: a flag or an environment variable.
    pub origin: String,
}

/// An effective setting.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Setting {
    /// The path of the setting, such as `issuers.corp.audiences`.
    pub path: String,
    /// The value, in the form in which it would be written.
    pub value: String,
    /// The origin: a file with its line, a flag, an environment variable, or `default`.
    pub origin: String,
}

/// A value without a position in the file.
pub(super) fn anywhere(value: Value) -> Node {
    Node { place: (0, 0), value }
}

impl Value {
    /// A mapping without a position in the file.
    #[must_use]
    pub fn map<'n>(members: impl IntoIterator<Item = (&'n str, Self)>) -> Self {
        let member = |(name, value): (&str, Self)| {
            (Name { place: (0, 0), text: name.to_owned() }, anywhere(value))
        };
        Self::Map(members.into_iter().map(member).collect())
    }

    /// A list without a position in the file.
    #[must_use]
    pub fn list(elements: impl IntoIterator<Item = Self>) -> Self {
        Self::List(elements.into_iter().map(anywhere).collect())
    }

    /// A text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// Applies `overrides` to the settings of the file.
pub(super) fn apply(root: &mut Node, overrides: &[Override], faults: &mut Faults) {
    // An empty file parses as null.
    if root.value == Value::Null {
        root.value = Value::Map(Vec::new());
    }
    let Value::Map(members) = &mut root.value else {
        return;
    };
    for Override { key, value, origin } in overrides {
        faults.note_origin(key, origin);
        members.retain(|(name, _)| name.text != *key);
        let name = Name { place: (0, 0), text: (*key).to_owned() };
        members.push((name, anywhere(value.clone())));
    }
}

/// Lists all effective settings of a tree without faults, in the order of the schema.
pub(super) fn list(root: &Node, file: &str, faults: &Faults) -> Vec<Setting> {
    let mut list = List { settings: Vec::new(), file, faults };
    list.add(root, &ROOT, "");
    list.settings
}

struct List<'f> {
    settings: Vec<Setting>,
    file: &'f str,
    faults: &'f Faults,
}

impl List<'_> {
    fn add(&mut self, node: &Node, kind: &Kind, path: &str) {
        match (kind, &node.value) {
            (Kind::Table(keys), Value::Map(_)) => self.table(node, keys, path),
            (Kind::Named(keys), Value::Map(members)) => {
                for (name, value) in members {
                    self.table(value, keys, &format!("{path}.{}", name.text));
                }
            }
            (Kind::Map(element), Value::Map(members)) => {
                for (name, value) in members {
                    self.add(value, element, &format!("{path}.{}", name.text));
                }
            }
            (Kind::List(element), Value::List(elements)) if matches!(element, Kind::Table(_)) => {
                for (index, value) in elements.iter().enumerate() {
                    self.add(value, element, &format!("{path}[{index}]"));
                }
            }
            (Kind::Any, _) => self.push(path, "(a JWK Set)".to_owned(), node),
            _ => self.push(path, write(&shown(node, kind)), node),
        }
    }

    fn table(&mut self, node: &Node, keys: &[SettingKey], path: &str) {
        let start = if path.is_empty() { String::new() } else { format!("{path}.") };
        for key in keys.iter().filter(|key| key.counts_in(node)) {
            let path = format!("{start}{}", key.name);
            match (node.get(key.name), key.kind, key.absent) {
                (Some(value), kind, _) => self.add(value, &kind, &path),
                // The defaults of an unset table come from the table's keys.
                (None, Kind::Table(keys), _) => self.table(&anywhere(Value::Null), keys, &path),
                (None, _, Absent::Value(value) | Absent::Words(value)) => {
                    let (value, origin) = (value.to_owned(), "default".to_owned());
                    self.settings.push(Setting { path, value, origin });
                }
                (None, _, Absent::Fault | Absent::Nothing) => {}
            }
        }
    }

    fn push(&mut self, path: &str, value: String, node: &Node) {
        let origin = match node.place {
            (0, _) => self.faults.origin(path).unwrap_or_default().to_owned(),
            (line, _) => format!("{}:{line}", self.file),
        };
        self.settings.push(Setting { path: path.to_owned(), value, origin });
    }
}

/// Redacts the possible secrets in a value.
fn shown(node: &Node, kind: &Kind) -> Node {
    let text = |text: &str| match kind {
        Kind::Secret | Kind::Either(_, Kind::Secret) => REDACTED.to_owned(),
        kind if kind.is_url() => redacted_url(text).into_owned(),
        _ => redacted_value(text).into_owned(),
    };
    let value = match &node.value {
        Value::Text(written) => Value::Text(text(written)),
        Value::Literal(written) => Value::Literal(text(written)),
        Value::List(elements) => {
            let kind = elements_of(kind);
            Value::List(elements.iter().map(|one| shown(one, kind)).collect())
        }
        Value::Map(members) => {
            let member = |(name, value): &(Name, Node)| {
                (name.clone(), shown(value, member_of(kind, &name.text)))
            };
            Value::Map(members.iter().map(member).collect())
        }
        Value::Null => Value::Null,
    };
    Node { place: node.place, value }
}

/// Formats a value without mappings as YAML in one line.
fn write(node: &Node) -> String {
    match &node.value {
        // Without quotes, it would be a number or a boolean.
        Value::Text(text)
            if Scalar::number(text).is_some() || matches!(&**text, "true" | "false") =>
        {
            format!("\"{text}\"")
        }
        Value::Literal(text) | Value::Text(text) => text.clone(),
        Value::List(elements) => {
            format!("[{}]", elements.iter().map(write).collect::<Vec<_>>().join(", "))
        }
        Value::Map(_) | Value::Null => node.to_json().to_string(),
    }
}

/// The kind of the elements of a list.
fn elements_of(kind: &Kind) -> &Kind {
    match kind {
        Kind::List(element) => element,
        Kind::Either(_, second) => elements_of(second),
        other => other,
    }
}

/// The kind of a member of a mapping in a list.
fn member_of(kind: &Kind, name: &str) -> &'static Kind {
    match kind {
        Kind::Either(Kind::Table(keys), _) | Kind::Table(keys) => {
            keys.iter().find(|key| key.name == name).map_or(&Kind::Any, |key| &key.kind)
        }
        _ => &Kind::Any,
    }
}
