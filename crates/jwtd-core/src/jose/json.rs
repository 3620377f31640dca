//! Strict JSON (RFC 8259): one value, no member twice at any depth, nothing
//! after it, and limits on depth and size. RFC 7515 section 4 and RFC 7519
//! section 4 let a parser keep the last of two equal members; two parsers that
//! differ in this disagree on what was signed, so they are refused.

mod plain;

use super::limits::JsonLimits;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

/// A JSON value that borrows its strings from the text where it can.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'t> {
    /// `[…]`
    Array(Vec<Self>),
    /// `true` or `false`
    Boolean(bool),
    /// A number with a fraction or an exponent, or one beyond 64 bits, or `-0`.
    Fraction(f64),
    /// An integer below zero.
    Negative(i64),
    /// `null`
    Null,
    /// `{…}`, its members in the order of the text.
    Object(Vec<(Cow<'t, str>, Self)>),
    /// An integer from zero up.
    Positive(u64),
    /// `"…"`
    String(Cow<'t, str>),
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Array(elements) => serializer.collect_seq(elements),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Fraction(number) => serializer.serialize_f64(*number),
            Self::Negative(number) => serializer.serialize_i64(*number),
            Self::Null => serializer.serialize_unit(),
            Self::Object(members) => {
                serializer.collect_map(members.iter().map(|(name, value)| (&**name, value)))
            }
            Self::Positive(number) => serializer.serialize_u64(*number),
            Self::String(text) => serializer.serialize_str(text),
        }
    }
}

/// Why a text is not acceptable JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonFault {
    /// A member appears twice in one object.
    #[error("a member appears twice in an object")]
    Duplicate,
    /// The text is not JSON, or more follows it.
    #[error("not JSON at line {line}, column {column}")]
    Syntax {
        /// Line, counted from 1.
        line: usize,
        /// Column in bytes, counted from 1.
        column: usize,
    },
    /// Nested deeper than [`JsonLimits::depth`].
    #[error("nested too deep")]
    TooDeep,
    /// A string longer than [`JsonLimits::string_bytes`].
    #[error("a string is too long")]
    TooLong,
    /// More members or elements than [`JsonLimits::members`].
    #[error("too many members or elements")]
    TooMany,
}

/// Reads `text`, which must be one JSON value in UTF-8 without a byte order
/// mark.
///
/// # Errors
/// The first fault of `text`.
pub fn parse<'t>(text: &'t [u8], limits: &JsonLimits) -> Result<Value<'t>, JsonFault> {
    let plain = str::from_utf8(text).ok().and_then(|text| plain::read(text, limits));
    plain.map_or_else(|| library(text, limits), Ok)
}

/// Reads `text` by the library.
fn library<'t>(text: &'t [u8], limits: &JsonLimits) -> Result<Value<'t>, JsonFault> {
    let fault = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    Strict { limits, depth: 0, fault: &fault }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| {
            let syntax = JsonFault::Syntax { line: error.line(), column: error.column() };
            fault.get().unwrap_or(syntax)
        })
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    limits: &'a JsonLimits,
    /// Objects and arrays around this value.
    depth: usize,
    /// serde's errors are texts; the cause is kept here.
    fault: &'a Cell<Option<JsonFault>>,
}

impl<'a> Strict<'a> {
    fn fail<T, E: serde::de::Error>(&self, fault: JsonFault) -> Result<T, E> {
        self.fault.set(Some(fault));
        Err(E::custom("refused"))
    }

    fn inside<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth >= self.limits.depth {
            return self.fail(JsonFault::TooDeep);
        }
        Ok(Strict { depth: self.depth.saturating_add(1), ..*self })
    }

    fn bounded<'t, E: serde::de::Error>(&self, text: Cow<'t, str>) -> Result<Cow<'t, str>, E> {
        if text.len() > self.limits.string_bytes {
            return self.fail(JsonFault::TooLong);
        }
        Ok(text)
    }
}

impl<'t> DeserializeSeed<'t> for Strict<'_> {
    type Value = Value<'t>;

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<Value<'t>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'t> Visitor<'t> for Strict<'_> {
    type Value = Value<'t>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'t>, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'t>, E> {
        Ok(u64::try_from(value).map_or(Value::Negative(value), Value::Positive))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'t>, E> {
        Ok(Value::Positive(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value<'t>, E> {
        Ok(Value::Fraction(value))
    }

    fn visit_unit<E>(self) -> Result<Value<'t>, E> {
        Ok(Value::Null)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'t str) -> Result<Value<'t>, E> {
        self.bounded(Cow::Borrowed(text)).map(Value::String)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value<'t>, E> {
        self.bounded(Cow::Owned(text.to_owned())).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut array: A) -> Result<Value<'t>, A::Error> {
        let element = self.inside()?;
        let mut elements = Vec::new();
        while let Some(value) = array.next_element_seed(element)? {
            if elements.len() >= self.limits.members {
                return self.fail(JsonFault::TooMany);
            }
            elements.push(value);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'t>>(self, mut object: A) -> Result<Value<'t>, A::Error> {
        /// Up to here, comparing with each earlier name is faster than hashing.
        const FEW: usize = 16;

        let inner = self.inside()?;
        // Headers and payloads have about so many; in an inner object that may be the
        // hundredth of its kind, nothing is reserved.
        let room = if self.depth == 0 { FEW } else { 0 };
        let mut members: Vec<(Cow<'t, str>, Value<'t>)> = Vec::with_capacity(room);
        let mut names = HashSet::new();
        while let Some(name) = object.next_key_seed(Name(inner))? {
            let twice = if members.len() < FEW {
                members.iter().any(|(earlier, _)| *earlier == name)
            } else {
                if names.is_empty() {
                    names.extend(members.iter().map(|(earlier, _)| earlier.clone()));
                }
                !names.insert(name.clone())
            };
            if twice {
                return self.fail(JsonFault::Duplicate);
            }
            if members.len() >= self.limits.members {
                return self.fail(JsonFault::TooMany);
            }
            members.push((name, object.next_value_seed(inner)?));
        }
        Ok(Value::Object(members))
    }
}

/// Reads the name of a member.
struct Name<'a>(Strict<'a>);

impl<'t> DeserializeSeed<'t> for Name<'_> {
    type Value = Cow<'t, str>;

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match deserializer.deserialize_str(self.0)? {
            Value::String(name) => Ok(name),
            Value::Array(_)
            | Value::Boolean(_)
            | Value::Fraction(_)
            | Value::Negative(_)
            | Value::Null
            | Value::Object(_)
            | Value::Positive(_) => Err(D::Error::custom("a name is a string")),
        }
    }
}

impl<'t> Value<'t> {
    /// The string, if this is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The elements, if this is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(elements) = self { Some(elements) } else { None }
    }

    /// The member of this name, if this is an object that has it.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find_map(|(own, value)| (own == name).then_some(value))
    }

    /// The same value with strings of its own, in no more memory than it needs.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Array(elements) => {
                // Not collected: that would keep the room that reading made.
                let mut owned = Vec::with_capacity(elements.len());
                owned.extend(elements.into_iter().map(Self::into_owned));
                Value::Array(owned)
            }
            Self::Boolean(value) => Value::Boolean(value),
            Self::Fraction(number) => Value::Fraction(number),
            Self::Negative(number) => Value::Negative(number),
            Self::Null => Value::Null,
            Self::Object(members) => {
                let mut owned = Vec::with_capacity(members.len());
                owned.extend(
                    members
                        .into_iter()
                        .map(|(name, value)| (Cow::Owned(name.into_owned()), value.into_owned())),
                );
                Value::Object(owned)
            }
            Self::Positive(number) => Value::Positive(number),
            Self::String(text) => Value::String(Cow::Owned(text.into_owned())),
        }
    }

    /// About how many bytes of heap the value takes, if its strings are its own.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        // Small texts are many, and no allocator hands out less than this.
        let text = |text: &str| text.len().next_multiple_of(16);
        match self {
            Self::Array(elements) => elements
                .iter()
                .map(|one| size_of::<Self>().saturating_add(one.heap_bytes()))
                .fold(0, usize::saturating_add),
            Self::Object(members) => members
                .iter()
                .flat_map(|(name, value)| {
                    [size_of::<(Cow<'_, str>, Self)>(), text(name), value.heap_bytes()]
                })
                .fold(0, usize::saturating_add),
            Self::String(string) => text(string),
            Self::Boolean(_)
            | Self::Fraction(_)
            | Self::Negative(_)
            | Self::Null
            | Self::Positive(_) => 0,
        }
    }

    /// The members, if this is an object.
    #[must_use]
    pub fn into_object(self) -> Option<Vec<(Cow<'t, str>, Self)>> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// The strings, if this is an array of nothing else.
    #[must_use]
    pub fn as_strings(&self) -> Option<Vec<&str>> {
        if let Self::Array(elements) = self {
            elements.iter().map(Value::as_str).collect()
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Limits;

    fn read(text: &str) -> Result<Value<'_>, JsonFault> {
        parse(text.as_bytes(), &Limits::DEFAULT.json)
    }

    #[test]
    fn r06_a_member_twice_is_refused_at_every_depth_and_spelling() {
        for text in
            [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"x":[{"y":{"a":1,"b":2,"a":3}}]}"#]
        {
            assert_eq!(read(text), Err(JsonFault::Duplicate), "{text}");
        }
        let mut many: Vec<String> = (0..200).map(|n| format!(r#""m{n}":{n}"#)).collect();
        assert!(read(&format!("{{{}}}", many.join(","))).is_ok());
        many.push(r#""m17":0"#.to_owned());
        assert_eq!(read(&format!("{{{}}}", many.join(","))), Err(JsonFault::Duplicate));
    }

    #[test]
    fn r07_depth_members_and_strings_are_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(32)).is_ok());
        assert_eq!(read(&nested(33)), Err(JsonFault::TooDeep));
        let array = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        assert!(read(&array(256)).is_ok());
        assert_eq!(read(&array(257)), Err(JsonFault::TooMany));
        let object = |count: usize| {
            let members: Vec<_> = (0..count).map(|n| format!(r#""{n}":1"#)).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(read(&object(256)).is_ok());
        assert_eq!(read(&object(257)), Err(JsonFault::TooMany));
        let string = |length: usize| format!("\"{}\"", "a".repeat(length));
        assert!(read(&string(8192)).is_ok());
        assert_eq!(read(&string(8193)), Err(JsonFault::TooLong));
    }

    #[test]
    fn r05_what_is_not_one_value_in_utf_8_is_refused() {
        for text in [&b"\xef\xbb\xbf{}"[..], b"{} {}", b"{}x", b"", b"{\"a\":\"\xff\"}", b"[1e400]"]
        {
            assert!(matches!(parse(text, &Limits::DEFAULT.json), Err(JsonFault::Syntax { .. })));
        }
        assert!(read(r#""\ud800""#).is_err(), "a lone surrogate");
    }

    #[test]
    fn a_value_with_its_own_strings_is_the_same_and_its_heap_is_counted() {
        let text = r#"{"a":["b\u0062",1,-1,1.5,true,null],"c":{"d":"e"}}"#;
        let value = read(text).unwrap();
        let owned = value.clone().into_owned();
        assert_eq!(owned, value);
        let element = size_of::<Value<'_>>();
        let member = size_of::<(Cow<'_, str>, Value<'_>)>();
        // "bb", and the names and texts of one letter.
        assert_eq!(owned.heap_bytes(), 6 * element + 3 * member + 5 * 16);
        assert_eq!(Value::Null.heap_bytes(), 0);
    }

    #[test]
    fn numbers_keep_their_kind() {
        assert_eq!(read("7"), Ok(Value::Positive(7)));
        assert_eq!(read("-7"), Ok(Value::Negative(-7)));
        assert_eq!(read("-0"), Ok(Value::Fraction(-0.0)));
        assert_eq!(read("1.5e1"), Ok(Value::Fraction(15.0)));
        assert_eq!(read("-6E84"), Ok(Value::Fraction(-6e84)), "to the last bit");
        assert_eq!(read("18446744073709551615"), Ok(Value::Positive(u64::MAX)));
    }
}
