//! The kinds of values: in words, and as JSON Schema.

use super::{Absent, SettingKey};
use crate::config::units::parse_bytes;
use jwtd_core::jose::Algorithm;
use serde_json::json;
use std::fmt;

/// A kind of value.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A name of a signature algorithm.
    Algorithm,
    /// Anything; the reader of the setting checks it.
    Any,
    /// A size with optional bounds.
    Bytes(Option<Bounds>),
    /// A whole number with this minimum.
    Count(u32),
    /// A duration with optional bounds.
    Duration(Option<Bounds>),
    /// One of two kinds.
    Either(&'static Self, &'static Self),
    /// `true` or `false`.
    Flag,
    /// A list that is not empty.
    List(&'static Self),
    /// A mapping from names that the operator chooses, to values of this kind.
    Map(&'static Self),
    /// A file mode, in octal.
    Mode,
    /// A mapping from names that the operator chooses.
    Named(&'static [SettingKey]),
    /// A mapping with these keys.
    Table(&'static [SettingKey]),
    /// A string, number or boolean.
    Scalar,
    /// A text that is never shown.
    Secret,
    /// A text that is not empty.
    Text,
    /// A URL. Parts that may be secret are not shown.
    Url,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// The least and the greatest value, in the form in which they would be written.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The least value.
    pub low: &'static str,
    /// The greatest value.
    pub high: &'static str,
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {} to {}", self.low, self.high)
    }
}

impl Kind {
    /// Adds bounds, if the kind has them.
    pub(super) const fn within(self, low: &'static str, high: &'static str) -> Self {
        match self {
            Self::Bytes(_) => Self::Bytes(Some(Bounds { low, high })),
            Self::Duration(_) => Self::Duration(Some(Bounds { low, high })),
            other => other,
        }
    }

    /// Describes the accepted values.
    pub(in crate::config) fn expected(&self) -> String {
        match self {
            Self::Algorithm => "an algorithm such as RS256".to_owned(),
            Self::Any => "a value".to_owned(),
            Self::Bytes(None) => "a size such as 16KiB".to_owned(),
            Self::Bytes(Some(bounds)) => format!("a size {bounds}"),
            Self::Count(low) => format!("a whole number from {low} up"),
            Self::Duration(None) => "a duration such as 60s".to_owned(),
            Self::Duration(Some(bounds)) => format!("a duration {bounds}"),
            Self::Either(first, second) => {
                format!("{} or {}", first.expected(), second.expected())
            }
            Self::Flag => "true or false".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Mode => "a file mode in octal such as \"0660\"".to_owned(),
            Self::Map(_) | Self::Named(_) => "a mapping from names of your choice".to_owned(),
            Self::Scalar => "a string, number, true or false".to_owned(),
            Self::Table(_) => "a mapping".to_owned(),
            Self::Secret | Self::Text => "a text".to_owned(),
            Self::Url => "a URL".to_owned(),
            Self::Word(words) => words.join(" or "),
        }
    }

    /// Returns true if a text of this kind is a URL.
    pub(in crate::config) fn is_url(&self) -> bool {
        match self {
            Self::Url => true,
            Self::Either(first, second) => first.is_url() || second.is_url(),
            _ => false,
        }
    }

    /// Returns true if a number or boolean stands for one of the words: `1.3` is a number, and
    /// readers of YAML 1.1, such as Helm, turn `off` into `false`.
    pub(in crate::config) fn accepts_literal(&self, text: &str) -> bool {
        let Self::Word(words) = self else { return false };
        words.contains(&text) || (text == "false" && words.contains(&"off"))
    }

    /// Converts the kind to JSON Schema (draft 2020-12).
    pub(super) fn schema(&self, nulls: Nulls) -> serde_json::Value {
        match self {
            Self::Algorithm => {
                let names = Algorithm::ALL.iter().map(|one| one.name()).chain(["Ed25519"]);
                json!({"enum": names.collect::<Vec<_>>()})
            }
            Self::Any => json!({"type": ["object", "string"]}),
            Self::Bytes(bounds) => {
                let mut schema = json!({
                    "type": ["string", "integer"],
                    "pattern": BYTES_PATTERN,
                    "minimum": 0,
                    "maximum": u64::MAX,
                    "examples": ["16KiB", "64MiB"],
                });
                // JSON Schema bounds apply to numbers only; the daemon checks texts with a unit.
                let bounds =
                    bounds.map(|bounds| [("minimum", bounds.low), ("maximum", bounds.high)]);
                for (name, bound) in bounds.into_iter().flatten() {
                    insert(&mut schema, name, parse_bytes(bound).unwrap_or_default().into());
                }
                schema
            }
            Self::Count(low) => json!({"type": "integer", "minimum": low, "maximum": u32::MAX}),
            Self::Duration(bounds) => {
                let mut schema = json!({
                    "type": "string",
                    "pattern": DURATION_PATTERN,
                    "examples": ["500ms", "60s", "5m", "24h"],
                });
                // Zero needs no unit.
                if bounds.is_none_or(|bounds| bounds.low.starts_with('0')) {
                    insert(&mut schema, "type", json!(["string", "integer"]));
                    insert(&mut schema, "minimum", 0.into());
                    insert(&mut schema, "maximum", 0.into());
                }
                schema
            }
            Self::Either(first, second) => {
                json!({"anyOf": [first.schema(nulls), second.schema(nulls)]})
            }
            Self::Flag => json!({"type": "boolean"}),
            Self::List(element) => {
                json!({"type": "array", "items": element.schema(nulls), "minItems": 1})
            }
            Self::Mode => json!({"type": "string", "pattern": "^0?[0-7]{1,3}$"}),
            Self::Map(value) => named(&value.schema(nulls)),
            Self::Named(keys) => named(&Self::Table(keys).schema(nulls)),
            Self::Table(keys) => {
                let required = keys.iter().filter(|key| key.is_required()).map(|key| key.name);
                json!({
                    "type": "object",
                    "properties": keys
                        .iter()
                        .map(|key| property(key, nulls))
                        .collect::<serde_json::Map<_, _>>(),
                    "required": required.collect::<Vec<_>>(),
                    "additionalProperties": false,
                })
            }
            Self::Scalar => json!({"type": ["string", "number", "boolean"]}),
            Self::Secret | Self::Text | Self::Url => json!({"type": "string", "minLength": 1}),
            Self::Word(words) => {
                let literals = words.iter().filter_map(|word| match *word {
                    "off" => Some(false.into()),
                    word => serde_json::from_str::<serde_json::Value>(word).ok(),
                });
                let words = words.iter().map(|word| (*word).into());
                json!({"enum": words.chain(literals).collect::<Vec<serde_json::Value>>()})
            }
        }
    }

    /// The bounds that JSON Schema cannot express.
    fn unsaid(&self) -> Option<&Bounds> {
        match self {
            Self::Bytes(bounds) | Self::Duration(bounds) => bounds.as_ref(),
            Self::Either(_, second) => second.unsaid(),
            _ => None,
        }
    }

    /// Converts a value to JSON.
    fn json(&self, text: &str) -> serde_json::Value {
        match self {
            Self::Count(_) => text.parse::<u32>().map_or_else(|_| text.into(), Into::into),
            Self::Flag => (text == "true").into(),
            _ => text.into(),
        }
    }
}

/// A mapping from names that the operator chooses.
fn named(value: &serde_json::Value) -> serde_json::Value {
    json!({
        "type": "object",
        "additionalProperties": value,
        "propertyNames": {"pattern": "^[A-Za-z0-9._-]{1,64}$"},
        "minProperties": 1,
    })
}

/// The meaning of a setting without a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Nulls {
    /// Absent, unless the setting is required or its presence switches something on.
    Absent,
    /// A fault: within profiles, a setting that looks like a demand must be one.
    Faults,
}

/// The pattern for a size in bytes.
const BYTES_PATTERN: &str = "^[0-9]+ *(B|[kK]B|MB|GB|[KMG]iB)?$";

/// The pattern for a duration: numbers with the units of the parser, or 0.
const DURATION_PATTERN: &str = "^(0|([0-9]+(\\.[0-9]+)? *(nanos|nsec|ns|usec|us|\u{b5}s|millis|msec|ms|\
     seconds|second|secs|sec|s|minutes|minute|mins|min|m|hours|hour|hrs|hr|h|days|day|d|\
     weeks|week|wks|wk|w|months|month|M|years|year|yrs|yr|y) *)+)$";

/// Converts a setting to a member of `properties`.
fn property(key: &SettingKey, nulls: Nulls) -> (String, serde_json::Value) {
    let inner = if key.name == "profiles" { Nulls::Faults } else { nulls };
    let mut schema = key.kind.schema(inner);
    if nulls == Nulls::Absent && !key.is_required() && !key.is_switch() {
        allow_null(&mut schema);
    }
    let bounds = key.kind.unsaid().map(|bounds| format!(" A value {bounds}."));
    let mut words = key.words();
    words.insert_str(key.doc.len(), &bounds.unwrap_or_default());
    insert(&mut schema, "description", words.into());
    if let Absent::Value(text) = key.absent {
        let tree = || key.default((0, 0)).map(|node| node.to_json());
        let value = if text.starts_with(['[', '{']) { tree() } else { Some(key.kind.json(text)) };
        insert(&mut schema, "default", value.into());
    }
    (key.name.to_owned(), schema)
}

fn allow_null(schema: &mut serde_json::Value) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(serde_json::Value::Array(kinds)) = object.get_mut("anyOf") {
        kinds.push(json!({"type": "null"}));
    } else if let Some(serde_json::Value::Array(words)) = object.get_mut("enum") {
        words.push(serde_json::Value::Null);
    } else if let Some(kinds) = object.get_mut("type") {
        match kinds {
            serde_json::Value::Array(kinds) => kinds.push("null".into()),
            kind => *kind = json!([kind, "null"]),
        }
    }
}

fn insert(schema: &mut serde_json::Value, name: &str, value: serde_json::Value) {
    if let Some(object) = schema.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}
