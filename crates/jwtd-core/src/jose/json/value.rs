//! A JSON value.

use super::number::ExactNumber;
use std::borrow::Cow;
use std::io::Write as _;

/// A JSON value that borrows its strings from the text where it can.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'t> {
    /// `[…]`
    Array(Vec<Self>),
    /// `true` or `false`
    Boolean(bool),
    /// The text of a number that has a fraction or an exponent, or lies beyond 64 bits, or is `-0`.
    Decimal(Cow<'t, str>),
    /// A negative integer.
    Negative(i64),
    /// `null`
    Null,
    /// `{…}`, with its members in the order of the text.
    Object(Vec<(Cow<'t, str>, Self)>),
    /// A non-negative integer.
    Positive(u64),
    /// `"…"`
    String(Cow<'t, str>),
}

impl<'t> Value<'t> {
    /// Returns true for the values that issuers write for an unset member: null, or an empty string
    /// or array. Where none of them can mean anything, the member counts as absent.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        match self {
            Self::Null => true,
            Self::String(text) => text.is_empty(),
            Self::Array(elements) => elements.is_empty(),
            Self::Boolean(_)
            | Self::Decimal(_)
            | Self::Negative(_)
            | Self::Object(_)
            | Self::Positive(_) => false,
        }
    }

    /// Writes the value as JSON: numbers as written, members in their order. The result is never
    /// longer than the text that the value was read from.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = Vec::new();
        self.write_json(&mut text);
        String::from_utf8(text).unwrap_or_default()
    }

    /// Appends the output of [`to_json`](Self::to_json) to `text`.
    pub fn write_json(&self, text: &mut Vec<u8>) {
        match self {
            Self::Array(elements) => {
                text.push(b'[');
                for (place, element) in elements.iter().enumerate() {
                    if place > 0 {
                        text.push(b',');
                    }
                    element.write_json(text);
                }
                text.push(b']');
            }
            Self::Object(members) => {
                write_object(members.iter().map(|(name, value)| (&**name, value)), text);
            }
            Self::Boolean(true) => text.extend_from_slice(b"true"),
            Self::Boolean(false) => text.extend_from_slice(b"false"),
            Self::Null => text.extend_from_slice(b"null"),
            Self::Decimal(number) => text.extend_from_slice(number.as_bytes()),
            // Writing to memory cannot fail.
            Self::Negative(number) => write!(text, "{number}").unwrap_or_default(),
            Self::Positive(number) => write!(text, "{number}").unwrap_or_default(),
            Self::String(string) => write_string(string, text),
        }
    }

    /// The number, if this is one.
    #[must_use]
    pub fn as_number(&self) -> Option<ExactNumber> {
        match self {
            Self::Decimal(number) => ExactNumber::parse(number),
            Self::Negative(number) => ExactNumber::parse(&number.to_string()),
            Self::Positive(number) => ExactNumber::parse(&number.to_string()),
            Self::Array(_) | Self::Boolean(_) | Self::Null | Self::Object(_) | Self::String(_) => {
                None
            }
        }
    }

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

    /// The members in the order of the text, if this is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&[(Cow<'t, str>, Self)]> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// The member of this name, if this is an object that has it.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find_map(|(own, value)| (own == name).then_some(value))
    }

    /// Copies borrowed strings, so that the value owns them, and uses no more memory than needed.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Array(elements) => {
                // Not collected: that would keep the spare capacity that parsing reserved.
                let mut owned = Vec::with_capacity(elements.len());
                owned.extend(elements.into_iter().map(Self::into_owned));
                Value::Array(owned)
            }
            Self::Boolean(value) => Value::Boolean(value),
            Self::Decimal(number) => Value::Decimal(Cow::Owned(number.into_owned())),
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

    /// The approximate heap memory in bytes, if the value owns its strings.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        // Most strings are short, and no allocator hands out less than this.
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
            Self::Decimal(string) | Self::String(string) => text(string),
            Self::Boolean(_) | Self::Negative(_) | Self::Null | Self::Positive(_) => 0,
        }
    }

    /// The members, if this is an object.
    #[must_use]
    pub fn into_object(self) -> Option<Vec<(Cow<'t, str>, Self)>> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// The strings, if this is an array of strings only.
    #[must_use]
    pub fn as_strings(&self) -> Option<Vec<&str>> {
        if let Self::Array(elements) = self {
            elements.iter().map(Value::as_str).collect()
        } else {
            None
        }
    }
}

/// Writes an object with these members.
pub(crate) fn write_object<'v, 't: 'v>(
    members: impl Iterator<Item = (&'v str, &'v Value<'t>)>,
    text: &mut Vec<u8>,
) {
    text.push(b'{');
    for (place, (name, value)) in members.enumerate() {
        if place > 0 {
            text.push(b',');
        }
        write_string(name, text);
        text.push(b':');
        value.write_json(text);
    }
    text.push(b'}');
}

fn write_string(string: &str, text: &mut Vec<u8>) {
    // Neither serializing a string nor writing to memory can fail.
    serde_json::to_writer(text, string).unwrap_or_default();
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
        // The string "bb", the number text "1.5", and the one-letter names and strings.
        assert_eq!(owned.heap_bytes(), 6 * element + 3 * member + 6 * 16);
        assert_eq!(Value::Null.heap_bytes(), 0);
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        for text in [
            r#"{"a":["b\u0001é\"\\",1,-1,1.50,true,false,null],"":{"d":{}},"e":[]}"#,
            "[1e3,1E+3,-0,1.0,18446744073709551617,-9223372036854775809,0.10,5e-324]",
            "18446744073709551615",
            "\"\"",
        ] {
            assert_eq!(read(text).unwrap().to_json(), text);
            assert_eq!(read(text).unwrap().into_owned().to_json(), text);
        }
        assert_eq!(read(r#" [ "\u0041" , 1 ] "#).unwrap().to_json(), r#"["A",1]"#);
    }

    #[test]
    fn null_and_what_is_empty_are_unset() {
        for (text, unset) in [
            ("null", true),
            ("\"\"", true),
            ("[]", true),
            ("{}", false),
            ("0", false),
            ("-0", false),
            ("false", false),
            ("\" \"", false),
            ("[null]", false),
            ("[\"\"]", false),
        ] {
            assert_eq!(read(text).unwrap().is_unset(), unset, "{text}");
        }
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
