//! Strict JSON (RFC 8259): one value with nothing after it, no duplicate member at any depth, and
//! limits on depth and size. RFC 7515 section 4 and RFC 7519 section 4 let a parser keep the last
//! of two equal members. Two parsers that choose differently disagree on what was signed, so
//! duplicates are refused.

mod number;
mod place;
mod plain;
mod value;

pub use number::{ExactNumber, exact_double};
pub use value::Value;
pub(crate) use value::write_object;

use super::limits::JsonLimits;
use number::NumberTexts;
use place::Place;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;

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

/// Why a text is not acceptable JSON, and in which member.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct JsonRefusal {
    pub(super) fault: JsonFault,
    /// The path of the oversized member, shortened; `None` if the whole text is at fault, or if the
    /// fault is not one of size.
    pub(super) member: Option<Box<str>>,
}

/// Reads `text`, which must be a single JSON value in UTF-8 without a byte order mark.
///
/// # Errors
/// Returns the first fault of `text`.
pub fn parse<'t>(text: &'t [u8], limits: &JsonLimits) -> Result<Value<'t>, JsonFault> {
    parse_naming(text, limits).map_err(|refusal| refusal.fault)
}

/// Like [`parse`], but names the member at fault.
///
/// # Errors
/// Returns the first fault of `text`.
pub(super) fn parse_naming<'t>(
    text: &'t [u8],
    limits: &JsonLimits,
) -> Result<Value<'t>, JsonRefusal> {
    let plain = str::from_utf8(text).ok().and_then(|text| plain::read(text, limits));
    plain.map_or_else(|| library(text, limits), Ok)
}

/// Reads `text` with `serde_json`.
fn library<'t>(text: &'t [u8], limits: &JsonLimits) -> Result<Value<'t>, JsonRefusal> {
    let (fault, place) = (Cell::new(None), RefCell::new(Place::default()));
    let numbers = RefCell::new(NumberTexts::new(text));
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    Strict { limits, depth: 0, numbers: &numbers, fault: &fault, place: &place }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| {
            let syntax = JsonFault::Syntax { line: error.line(), column: error.column() };
            let fault = fault.get().unwrap_or(syntax);
            let is_size = match fault {
                JsonFault::TooDeep | JsonFault::TooLong | JsonFault::TooMany => true,
                JsonFault::Duplicate | JsonFault::Syntax { .. } => false,
            };
            let member = if is_size { place.take().text() } else { None };
            JsonRefusal { fault, member }
        })
}

#[derive(Clone, Copy)]
struct Strict<'a, 't> {
    limits: &'a JsonLimits,
    /// The number of objects and arrays around this value.
    depth: usize,
    /// The numbers as they were written: `serde_json` hands them over as doubles.
    numbers: &'a RefCell<NumberTexts<'t>>,
    /// The cause of a failure, because errors of serde carry only text.
    fault: &'a Cell<Option<JsonFault>>,
    /// The members around the fault.
    place: &'a RefCell<Place>,
}

impl<'a, 't> Strict<'a, 't> {
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

    /// Returns the text of the number that was just read.
    fn number(&self) -> Option<&'t str> {
        self.numbers.borrow_mut().next()
    }

    fn bounded<'s, E: serde::de::Error>(&self, text: Cow<'s, str>) -> Result<Cow<'s, str>, E> {
        if text.len() > self.limits.string_bytes {
            return self.fail(JsonFault::TooLong);
        }
        Ok(text)
    }
}

impl<'t> DeserializeSeed<'t> for Strict<'_, 't> {
    type Value = Value<'t>;

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<Value<'t>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'t> Visitor<'t> for Strict<'_, 't> {
    type Value = Value<'t>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'t>, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'t>, E> {
        self.number();
        Ok(u64::try_from(value).map_or(Value::Negative(value), Value::Positive))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'t>, E> {
        self.number();
        Ok(Value::Positive(value))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Value<'t>, E> {
        // serde has just read a number, so there is one.
        let text = self.number().ok_or_else(|| E::custom("no number"))?;
        Ok(Value::Decimal(Cow::Borrowed(text)))
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
        // Top-level objects of headers and payloads have about this many members. An inner object
        // may be one of hundreds, so nothing is reserved for it.
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
            let value = object.next_value_seed(inner);
            let value = value.inspect_err(|_| self.place.borrow_mut().enclose(&name))?;
            members.push((name, value));
        }
        Ok(Value::Object(members))
    }
}

/// Reads the name of a member.
struct Name<'a, 't>(Strict<'a, 't>);

impl<'t> DeserializeSeed<'t> for Name<'_, 't> {
    type Value = Cow<'t, str>;

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match deserializer.deserialize_str(self.0)? {
            Value::String(name) => Ok(name),
            Value::Array(_)
            | Value::Boolean(_)
            | Value::Decimal(_)
            | Value::Negative(_)
            | Value::Null
            | Value::Object(_)
            | Value::Positive(_) => Err(D::Error::custom("a name is a string")),
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
        assert!(read(&array(10_000)).is_ok());
        assert_eq!(read(&array(10_001)), Err(JsonFault::TooMany));
        let object = |count: usize| {
            let members: Vec<_> = (0..count).map(|n| format!(r#""{n}":1"#)).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(read(&object(10_000)).is_ok());
        assert_eq!(read(&object(10_001)), Err(JsonFault::TooMany));
        let string = |length: usize| format!("\"{}\"", "a".repeat(length));
        assert!(read(&string(16_384)).is_ok());
        assert_eq!(read(&string(16_385)), Err(JsonFault::TooLong));
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
    fn numbers_keep_their_kind() {
        assert_eq!(read("7"), Ok(Value::Positive(7)));
        assert_eq!(read("-7"), Ok(Value::Negative(-7)));
        for text in ["-0", "1.5e1", "-6E84", "1.0", "18446744073709551616", "-9223372036854775809"]
        {
            assert_eq!(read(text), Ok(Value::Decimal(text.into())), "as it was written");
        }
        assert_eq!(read("18446744073709551615"), Ok(Value::Positive(u64::MAX)));
    }
}
