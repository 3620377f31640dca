//! A fast path for JSON as tokens usually contain it: no escapes, no fractions, few members. It
//! reads in one pass without a serde visitor. Anything else, including every error, falls back to
//! `serde_json`, which also reports what is wrong; so this parser accepts nothing that the strict
//! one refuses.

use super::value::Value;
use crate::jose::limits::JsonLimits;
use std::borrow::Cow;

/// Reads `text` if it is plain and valid.
pub(super) fn read<'t>(text: &'t str, limits: &JsonLimits) -> Option<Value<'t>> {
    let levels = DEPTH.min(limits.depth);
    let mut cursor = Cursor { text, place: 0, limits, outer: levels.checked_sub(1) };
    cursor.skip_space();
    let value = cursor.value(levels)?;
    cursor.skip_space();
    (cursor.place == text.len()).then_some(value)
}

/// The deepest nesting of a plain value; each level uses stack.
const DEPTH: usize = 8;

/// The most members of a plain object: each name is compared with all names before it.
const MEMBERS: usize = 24;

struct Cursor<'t, 'l> {
    text: &'t str,
    place: usize,
    limits: &'l JsonLimits,
    /// The levels that remain in the outermost object.
    outer: Option<usize>,
}

impl<'t> Cursor<'t, '_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.place).copied()
    }

    fn step(&mut self) {
        self.place = self.place.saturating_add(1);
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.step();
        }
    }

    /// Consumes `byte` and the white space after it, if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.step();
            self.skip_space();
        }
        found
    }

    /// Reads the value that begins here, with `levels` of nesting left.
    fn value(&mut self, levels: usize) -> Option<Value<'t>> {
        match self.peek()? {
            b'"' => Some(Value::String(Cow::Borrowed(self.string()?))),
            b'{' => self.object(levels.checked_sub(1)?),
            b'[' => self.array(levels.checked_sub(1)?),
            b'0'..=b'9' => self.integer(),
            b't' => self.word("true", Value::Boolean(true)),
            b'f' => self.word("false", Value::Boolean(false)),
            b'n' => self.word("null", Value::Null),
            _ => None,
        }
    }

    fn word(&mut self, word: &str, value: Value<'t>) -> Option<Value<'t>> {
        let end = self.place.saturating_add(word.len());
        let found = self.text.as_bytes().get(self.place..end)? == word.as_bytes();
        self.place = end;
        found.then_some(value)
    }

    fn integer(&mut self) -> Option<Value<'t>> {
        /// A number of digits that always fits 64 bits.
        const DIGITS: usize = 18;

        let (start, mut number) = (self.place, 0_u64);
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0')));
            self.step();
        }
        let digits = self.place.saturating_sub(start);
        let begins_with_zero = self.text.as_bytes().get(start) == Some(&b'0');
        let plain = digits <= DIGITS && (digits == 1 || !begins_with_zero);
        let whole = !matches!(self.peek(), Some(b'.' | b'e' | b'E'));
        (plain && whole).then_some(Value::Positive(number))
    }

    /// Reads the string that begins here, if it has no escape.
    fn string(&mut self) -> Option<&'t str> {
        self.step();
        let rest = self.text.as_bytes().get(self.place..)?;
        let length = plain_length(rest);
        let end = self.place.saturating_add(length);
        // Both ends are next to quotes, which are never part of a multi-byte character.
        let text = self.text.get(self.place..end)?;
        self.place = end;
        if self.peek() != Some(b'"') || length > self.limits.string_bytes {
            return None;
        }
        self.step();
        Some(text)
    }

    fn array(&mut self, levels: usize) -> Option<Value<'t>> {
        self.take(b'[');
        let mut elements = Vec::new();
        if self.take_end(b']') {
            return Some(Value::Array(elements));
        }
        loop {
            if elements.len() >= self.limits.members {
                return None;
            }
            elements.push(self.value(levels)?);
            self.skip_space();
            if self.take_end(b']') {
                return Some(Value::Array(elements));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    fn object(&mut self, levels: usize) -> Option<Value<'t>> {
        /// Headers and payloads have about this many members. An inner object may be one of
        /// thousands, so nothing is reserved for it.
        const USUAL: usize = 12;

        self.take(b'{');
        if self.take_end(b'}') {
            return Some(Value::Object(Vec::new()));
        }
        let most = MEMBERS.min(self.limits.members);
        let room = if self.outer == Some(levels) { USUAL } else { 0 };
        let mut members: Vec<(Cow<'t, str>, Value<'t>)> = Vec::with_capacity(room);
        loop {
            if self.peek() != Some(b'"') || members.len() >= most {
                return None;
            }
            let name = self.string()?;
            if members.iter().any(|(earlier, _)| *earlier == name) {
                return None;
            }
            self.skip_space();
            if !self.take(b':') {
                return None;
            }
            members.push((Cow::Borrowed(name), self.value(levels)?));
            self.skip_space();
            if self.take_end(b'}') {
                return Some(Value::Object(members));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    /// Consumes the end of an array or object, if it is next. The caller that reads the enclosing
    /// value checks what follows.
    fn take_end(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.step();
        }
        found
    }
}

/// The number of bytes before the first quote, backslash or control character.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;

    // Tests eight bytes at a time. Only the lowest marked byte is certain: borrows may mark bytes
    // above it wrongly.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES.wrapping_mul(limit)) & !word;
    let equal = |word: u64, byte: u8| below(word ^ ONES.wrapping_mul(byte.into()), 1);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut length: usize = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let marks = (below(word, 0x20) | equal(word, b'"') | equal(word, b'\\')) & HIGH;
        if marks != 0 {
            let place = marks.trailing_zeros() / 8;
            return length.saturating_add(usize::try_from(place).unwrap_or_default());
        }
        length = length.saturating_add(8);
    }
    let special = |byte: &u8| matches!(byte, 0..0x20 | b'"' | b'\\');
    length.saturating_add(rest.iter().position(special).unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Limits;
    use crate::jose::json::library;
    use proptest::prelude::*;

    fn plain(text: &str) -> Option<Value<'_>> {
        read(text, &Limits::DEFAULT.json)
    }

    #[test]
    fn the_payload_of_a_token_is_plain() {
        let text = r#" { "iss":"https://a.example/ä", "exp" : 1800000000,"aud":["a","b"],
            "x":{"y":[true,false,null,0,[],{}]},"":"" } "#;
        assert_eq!(plain(text), Some(library(text.as_bytes(), &Limits::DEFAULT.json).unwrap()));
        assert!(plain(text).is_some());
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_library() {
        let deep = "[".repeat(9) + &"]".repeat(9);
        let members: Vec<_> = (0..25).map(|n| format!("\"{n}\":1")).collect();
        let many = format!("{{{}}}", members.join(","));
        for text in [
            r#""\n""#,
            "-1",
            "1.5",
            "1e3",
            "1E3",
            "01",
            "00",
            "1234567890123456789",
            "tru",
            "",
            " ",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "{\"a\" 1}",
            "[1 2]",
            "1 1",
            "[]]",
            "\"a",
            "\"a\tb\"",
            r#"{"a":1,"a":1}"#,
            "nul1",
            &deep,
            &many,
        ] {
            assert_eq!(plain(text), None, "{text}");
        }
    }

    #[test]
    fn limits_are_those_of_the_library() {
        let limits = JsonLimits { depth: 2, members: 3, string_bytes: 4 };
        for (text, within) in [
            ("[[1]]", true),
            ("[[[1]]]", false),
            ("[1,2,3]", true),
            ("[1,2,3,4]", false),
            (r#"{"a":1,"b":2,"c":3}"#, true),
            (r#"{"a":1,"b":2,"c":3,"d":4}"#, false),
            (r#"{"abcd":"abcd"}"#, true),
            (r#"{"abcde":1}"#, false),
            (r#"["abcde"]"#, false),
        ] {
            assert_eq!(read(text, &limits).is_some(), within, "{text}");
            assert_eq!(library(text.as_bytes(), &limits).is_ok(), within, "{text}");
        }
    }

    #[test]
    fn each_byte_ends_a_string_where_it_should_at_each_place() {
        for place in 0..20 {
            for byte in 0..=255_u8 {
                let mut bytes = [b'a'; 20];
                bytes[place] = byte;
                let ends = byte < 0x20 || byte == b'"' || byte == b'\\';
                assert_eq!(plain_length(&bytes), if ends { place } else { 20 }, "{byte} {place}");
            }
        }
    }

    proptest! {
        // Miri is a thousand times slower, and does not allow proptest to write a folder of
        // failures.
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 20 } else { 20_000 },
            failure_persistence: None,
            ..ProptestConfig::default()
        })]
        #[test]
        fn what_is_read_here_the_library_reads_as_the_same(
            text in r#"([\[\]{},:" \n01.eäx]|\\|"[a-c]{0,9}"|"a":|true|null|-|[0-9]{1,20}){0,24}"#
        ) {
            if let Some(value) = plain(&text) {
                prop_assert_eq!(library(text.as_bytes(), &Limits::DEFAULT.json), Ok(value));
            }
        }

        #[test]
        fn what_the_library_writes_of_plain_values_is_read(
            members in proptest::collection::btree_map("[a-zé ]{0,12}", 0..1_000_000_u64, 0..20)
        ) {
            let text = serde_json::to_string(&members).unwrap();
            let value = plain(&text);
            prop_assert!(value.is_some());
            prop_assert_eq!(library(text.as_bytes(), &Limits::DEFAULT.json).ok(), value);
        }
    }
}
