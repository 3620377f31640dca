//! A JSON value.

use serde::ser::{Serialize, Serializer};
use std::borrow::Cow;

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
    use crate::jose::json::{JsonFault, parse};

    fn read(text: &str) -> Result<Value<'_>, JsonFault> {
        parse(text.as_bytes(), &Limits::DEFAULT.json)
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
    fn a_member_is_found_by_its_whole_name_and_at_the_top_alone() {
        let value = read(r#"{"a":{"b":1},"":2,"c":null}"#).unwrap();
        assert_eq!(value.member("a").and_then(|a| a.member("b")), Some(&Value::Positive(1)));
        assert_eq!(value.member(""), Some(&Value::Positive(2)));
        assert_eq!(value.member("c"), Some(&Value::Null));
        assert_eq!((value.member("b"), value.member("A")), (None, None));
        assert_eq!(read(r#"["a"]"#).unwrap().member("a"), None);
    }
}
