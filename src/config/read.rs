//! Reads typed values from a tree that includes all defaults, by the keys of the table.

use super::document::{Name, Node, Value};
use super::schema::{Absent, Field, Kind, SettingKey};
use super::units::{parse_bytes, parse_duration};
use std::time::Duration;

/// A type that is read from the text of a setting. The text has been checked against the table.
pub(super) trait FromText: Sized {
    fn from_text(text: &str) -> Option<Self>;
}

impl FromText for bool {
    fn from_text(text: &str) -> Option<Self> {
        Some(text == "true")
    }
}

impl FromText for Duration {
    fn from_text(text: &str) -> Option<Self> {
        parse_duration(text).ok()
    }
}

/// A duration, or the word `off`.
impl FromText for Option<Duration> {
    fn from_text(text: &str) -> Option<Self> {
        if text == "off" { Some(None) } else { Duration::from_text(text).map(Some) }
    }
}

/// Sizes and counts; a count is a size without a unit.
macro_rules! numbers {
    ($($number:ty),+) => {$(
        impl FromText for $number {
            fn from_text(text: &str) -> Option<Self> {
                parse_bytes(text).ok()?.try_into().ok()
            }
        }
    )+};
}

numbers!(u32, u64, usize);

impl Node {
    /// The node of a setting, if it has a value.
    pub(super) fn at<T: ?Sized>(&self, field: &Field<T>) -> Option<&Self> {
        self.get(field.name())
    }

    /// The text of a setting, if it has one.
    pub(super) fn word(&self, field: &Field<str>) -> Option<&str> {
        self.at(field)?.text()
    }

    /// The value of a setting, if it has one.
    pub(super) fn find<T: FromText>(&self, field: &Field<T>) -> Option<T> {
        T::from_text(self.at(field)?.text()?)
    }

    /// The value of a setting that has a default. The default also replaces a wrong value, which is
    /// reported already and must not cause further faults.
    pub(super) fn read<T: FromText + Default>(&self, field: &Field<T>) -> T {
        let default = || match field.key.absent {
            Absent::Value(text) => T::from_text(text),
            Absent::Fault | Absent::Nothing | Absent::Words(_) => None,
        };
        self.find(field).or_else(default).unwrap_or_default()
    }

    /// The texts of a setting.
    pub(super) fn words(&self, field: &Field<Self>) -> Vec<&str> {
        self.at(field).map(Self::texts).unwrap_or_default()
    }

    /// The elements of a setting.
    pub(super) fn list(&self, field: &Field<Self>) -> &[Self] {
        self.at(field).map(Self::elements).unwrap_or_default()
    }
}

/// Returns the tree `node` of the kind `kind`, with the default of each unset setting. Defaults get
/// the position of their table.
pub(super) fn complete(node: &Node, kind: &Kind) -> Node {
    let value = match (kind, &node.value) {
        (Kind::Table(keys), Value::Map(members)) => {
            let defaults = keys.iter().filter_map(|key| default(key, node));
            let written = members.iter().map(|(name, value)| {
                let key = keys.iter().find(|key| key.name == name.text);
                let value = key.map_or_else(|| value.clone(), |key| complete(value, &key.kind));
                (name.clone(), value)
            });
            Value::Map(defaults.chain(written).collect())
        }
        (Kind::Named(keys), Value::Map(members)) => {
            let each =
                |(name, value): &(Name, Node)| (name.clone(), complete(value, &Kind::Table(keys)));
            Value::Map(members.iter().map(each).collect())
        }
        (Kind::List(element), Value::List(elements)) => {
            Value::List(elements.iter().map(|one| complete(one, element)).collect())
        }
        // Helm and other tools turn `off` into `false`.
        (Kind::Word(_) | Kind::Either(Kind::Word(_), _), Value::Literal(text))
            if text == "false" && accepts_off(kind) =>
        {
            Value::Text("off".to_owned())
        }
        _ => node.value.clone(),
    };
    Node { place: node.place, value }
}

fn accepts_off(kind: &Kind) -> bool {
    match kind {
        Kind::Either(first, _) => first.accepts_literal("false"),
        kind => kind.accepts_literal("false"),
    }
}

fn default(key: &SettingKey, table: &Node) -> Option<(Name, Node)> {
    if table.get(key.name).is_some() || !key.counts_in(table) {
        return None;
    }
    let value = complete(&key.default(table.place)?, &key.kind);
    Some((Name { place: table.place, text: key.name.to_owned() }, value))
}

/// A table with defaults only.
pub(super) fn defaults(keys: &'static [SettingKey]) -> Node {
    let nothing = Node { place: (0, 0), value: Value::Map(Vec::new()) };
    complete(&nothing, &Kind::Table(keys))
}
