//! Parses YAML or JSON text into a tree that remembers where each value was written. The only file
//! that names `serde_saphyr`.

use super::fault::Faults;
use jwtd_core::jose::json::ExactNumber;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use std::fmt;

/// A value and its position in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Line and column, counted from 1.
    pub place: (usize, usize),
    /// The value.
    pub value: Value,
}

/// A parsed value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the text; keys have positions too.
    Map(Vec<(Name, Node)>),
    /// `null`, `~` or an empty value.
    Null,
    /// A number or boolean, as text. A number with a fraction or beyond 64 bits keeps its written
    /// form.
    Literal(String),
    /// A string.
    Text(String),
}

/// A key of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// Line and column, counted from 1.
    pub place: (usize, usize),
    /// The key.
    pub text: String,
}

/// Parses a text, and adds faults to `faults`.
pub fn parse(text: &str, faults: &mut Faults) -> Option<Node> {
    let read = serde_saphyr::from_str_with_options::<Spanned<Value>>(text, options());
    let read = read.map_err(|error| report(&error, faults)).ok()?;
    Some(node(read).with_numbers_of(text))
}

/// Parses a text of several documents, separated by `---`, and adds faults to `faults`.
pub fn parse_all(text: &str, faults: &mut Faults) -> Option<Vec<Node>> {
    let read = serde_saphyr::from_multiple_with_options::<Spanned<Value>>(text, options());
    let documents = read.map_err(|error| report(&error, faults)).ok()?;
    Some(documents.into_iter().map(|one| node(one).with_numbers_of(text)).collect())
}

/// Options that keep scalars as written, as far as YAML permits: `off` is a word here, and `0660`
/// is a file mode.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    }
}

fn report(error: &serde_saphyr::Error, faults: &mut Faults) {
    let place =
        error.location().map_or((1, 1), |at| (coordinate(at.line()), coordinate(at.column())));
    let (what, fix) = words(error, faults.text_of(place.0));
    faults.add(place, "", what, fix);
}

/// Describes a parse error and its fix. The library's own messages mention its options and
/// functions.
fn words(error: &serde_saphyr::Error, line: &str) -> (String, &'static str) {
    use serde_saphyr::Error as Yaml;
    let (what, fix) = match error {
        Yaml::AliasError { error, .. } => return words(error, line),
        Yaml::DuplicateMappingKey { key, .. } => {
            let key = key.as_ref().map_or_else(String::new, |key| format!(" `{key}`"));
            return (format!("the key{key} occurs twice in one mapping"), "remove one of them");
        }
        Yaml::MultipleDocuments { .. } => {
            ("a second document begins here", "keep one of them, without `---` between")
        }
        Yaml::Eof { .. } => ("the text ends too early", "write the rest of it"),
        Yaml::UnknownAnchor { .. } => (
            "an alias names an anchor that does not exist",
            "write `&NAME` before the alias `*NAME`",
        ),
        Yaml::InvalidUtf8Input => ("it is not UTF-8", "save it as UTF-8"),
        Yaml::Budget { .. }
        | Yaml::AliasReplayCounterOverflow { .. }
        | Yaml::AliasReplayLimitExceeded { .. }
        | Yaml::AliasExpansionLimitExceeded { .. }
        | Yaml::AliasReplayStackDepthExceeded { .. }
        | Yaml::RecursiveReferencesRequireWeakTypes { .. } => (
            "it is too large, too deep, or repeats itself too often",
            "write less, or fewer aliases",
        ),
        _ => syntax(line),
    };
    (what.to_owned(), fix)
}

/// Guesses the fault in a line that is not valid YAML.
fn syntax(line: &str) -> (&'static str, &'static str) {
    let indent = line.len() - line.trim_start().len();
    let (value, quotes) =
        (line.split_once(": ").map(|(_, value)| value.trim()), "put it in quotes");
    if line.get(..indent).is_some_and(|indent| indent.contains('\t')) {
        ("a tab indents this line, and YAML has only spaces", "indent it with spaces")
    } else if value.is_some_and(|value| value.starts_with(['@', '`', '%'])) {
        ("a value cannot begin with this character", quotes)
    } else if value
        .is_some_and(|value| !value.starts_with(['"', '\'', '{', '[']) && value.contains(": "))
    {
        ("the value holds `: `, which begins another one", quotes)
    } else if line.to_ascii_lowercase().contains("\\ud") {
        (
            "an escape names half of a character (a lone surrogate)",
            "write both halves, such as \\uD83D\\uDE00, or the character itself",
        )
    } else if line.contains('\\') && line.contains('"') {
        ("a `\\` begins no valid escape", "write `\\\\`, or use single quotes")
    } else if line.matches('"').count() % 2 == 1 || line.matches('\'').count() % 2 == 1 {
        ("a quote is opened and not closed", "close it, on the same line")
    } else {
        (
            "this is neither YAML nor JSON",
            "look at the indentation, the brackets and the quotes of this line and of the one before",
        )
    }
}

fn coordinate(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or_default()
}

/// Marks a number that the library rounded, and the position of its text; no value begins with this
/// character.
const ROUNDED: char = '\u{0}';

fn node(spanned: Spanned<Value>) -> Node {
    let at = spanned.referenced;
    let value = match spanned.value {
        Value::Literal(number) if number.starts_with(ROUNDED) => {
            let written = spanned.defined.span();
            let (start, length) = (written.byte_offset(), written.byte_len());
            let (start, length) = (start.unwrap_or_default(), length.unwrap_or_default());
            Value::Literal(format!("{number}{ROUNDED}{start}{ROUNDED}{length}"))
        }
        value => value,
    };
    Node { place: (coordinate(at.line()), coordinate(at.column())), value }
}

/// Returns a rounded number as it is written in `source`.
fn as_written(literal: &str, source: &str) -> Option<String> {
    let mut parts = literal.strip_prefix(ROUNDED)?.split(ROUNDED);
    let rounded = parts.next()?;
    let (start, length): (usize, usize) =
        (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let written = source.get(start..start.saturating_add(length)).unwrap_or_default().trim();
    if ExactNumber::parse(written).is_some() {
        return Some(written.to_owned());
    }
    // YAML has more forms of numbers than JSON: `.5`, `+1.5`, `5.`
    let (sign, digits) = match written.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", written.strip_prefix('+').unwrap_or(written)),
    };
    let before = if digits.starts_with('.') { "0" } else { "" };
    let after = if digits.ends_with('.') { "0" } else { "" };
    let exact = ExactNumber::parse(&format!("{sign}{before}{digits}{after}"));
    let same = exact.is_some() && exact == ExactNumber::parse(rounded);
    // A text in neither form is refused by settings that need a number.
    Some(if same { rounded.to_owned() } else { written.to_owned() })
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Literal(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Literal(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Literal(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Literal(format!("{ROUNDED}{value}")))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element::<Spanned<Value>>()? {
            elements.push(node(element));
        }
        Ok(Value::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = mapping.next_entry::<Spanned<String>, Spanned<Value>>()? {
            let at = key.referenced;
            let place = (coordinate(at.line()), coordinate(at.column()));
            members.push((Name { place, text: key.value }, node(value)));
        }
        Ok(Value::Map(members))
    }
}

impl Node {
    /// Returns the tree with each number as it is written in `source`.
    fn with_numbers_of(self, source: &str) -> Self {
        let value = match self.value {
            Value::List(elements) => {
                Value::List(elements.into_iter().map(|one| one.with_numbers_of(source)).collect())
            }
            Value::Map(members) => {
                let member = |(name, value): (Name, Self)| (name, value.with_numbers_of(source));
                Value::Map(members.into_iter().map(member).collect())
            }
            Value::Literal(text) => Value::Literal(as_written(&text, source).unwrap_or(text)),
            same @ (Value::Null | Value::Text(_)) => same,
        };
        Self { place: self.place, value }
    }

    /// Returns the tree with every position set to `place`.
    pub(super) fn at_place(self, place: (usize, usize)) -> Self {
        let value = match self.value {
            Value::List(elements) => {
                Value::List(elements.into_iter().map(|one| one.at_place(place)).collect())
            }
            Value::Map(members) => {
                let member =
                    |(name, value): (Name, Self)| (Name { place, ..name }, value.at_place(place));
                Value::Map(members.into_iter().map(member).collect())
            }
            scalar => scalar,
        };
        Self { place, value }
    }

    /// Returns true if both trees have the same values, at whatever positions.
    #[must_use]
    pub fn is_same_text(&self, other: &Self) -> bool {
        self.to_json() == other.to_json()
    }

    /// The value of a key, if this is a mapping that has it and it is not null.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.members()
            .iter()
            .find(|(name, _)| name.text == key)
            .map(|(_, value)| value)
            .filter(|node| node.value != Value::Null)
    }

    /// The members, if this is a mapping.
    #[must_use]
    pub fn members(&self) -> &[(Name, Self)] {
        if let Value::Map(members) = &self.value { members } else { &[] }
    }

    /// The elements, if this is a list.
    #[must_use]
    pub fn elements(&self) -> &[Self] {
        if let Value::List(elements) = &self.value { elements } else { &[] }
    }

    /// The elements of a list, or this node as the only element.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        if let Value::List(elements) = &self.value { elements } else { std::slice::from_ref(self) }
    }

    /// The text of a string, number or boolean.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) | Value::Literal(text) = &self.value { Some(text) } else { None }
    }

    /// The texts of one text or of a list of texts.
    #[must_use]
    pub fn texts(&self) -> Vec<&str> {
        match &self.value {
            Value::Text(text) | Value::Literal(text) => vec![text],
            Value::List(elements) => elements.iter().filter_map(Self::text).collect(),
            Value::Map(_) | Value::Null => Vec::new(),
        }
    }

    /// Converts the tree to JSON with all scalars as strings, as a JWK Set needs.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::List(elements) => elements.iter().map(Self::to_json).collect(),
            Value::Map(members) => members
                .iter()
                .map(|(name, value)| (name.text.clone(), value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Value::Null => serde_json::Value::Null,
            Value::Text(text) | Value::Literal(text) => text.as_str().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn texts(text: &str) -> Vec<String> {
        let mut faults = Faults::new(Path::new("test"), text);
        let node = parse(text, &mut faults).unwrap();
        let list = node.get("list").unwrap();
        list.elements().iter().map(|one| one.text().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_number_is_read_as_it_was_written() {
        let written = [
            "18446744073709551617",
            "-9223372036854775809",
            "1e3",
            "1E+3",
            "1.10",
            "-0.0",
            "0.1000000000000000055511151231257827",
            "18446744073709551615",
            "7",
            "true",
        ];
        let lines: String = written.iter().map(|one| format!("  - {one} # é\n")).collect();
        assert_eq!(texts(&format!("é: ä\nlist:\n{lines}")), written);
        assert_eq!(texts(&format!("{{\"list\": [{}]}}", written.join(", "))), written);
        // An alias is replaced by its anchor; YAML's own forms of numbers become JSON numbers.
        assert_eq!(texts("a: &n 1.10\nlist: [*n, .5, +1.5, 5.]"), ["1.10", "0.5", "1.5", "5"]);
        let inexact = texts("list: [.1000000000000000055511151231257827]");
        assert_eq!(inexact, [".1000000000000000055511151231257827"]);
    }
}
