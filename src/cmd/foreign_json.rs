//! JSON of others within our own, as it was written: a tree of the library rounds numbers.

use jwtd_core::jose::json;
use jwtd_core::jose::limits::JsonLimits;

/// What was bounded before: a daemon answered it, or somebody wants to look at it.
const LIMITS: JsonLimits = JsonLimits { depth: 120, members: usize::MAX, string_bytes: usize::MAX };

/// Whether a text can be put into a line.
pub(super) fn is_sound(text: &[u8]) -> bool {
    json::parse(text, &LIMITS).is_ok()
}

/// `line` as text, in which the members of these names, which are null in it, hold the texts of
/// JSON in their place. What is no JSON stays null.
pub(super) fn with_texts(line: &serde_json::Value, texts: &[(&str, &[u8])]) -> String {
    let whole = line.to_string();
    // Quotes in a text are escaped, so that what is found is a member. All are looked for before
    // any is put in: a text of others may hold the same.
    let mut found: Vec<_> = texts
        .iter()
        .filter_map(|(name, text)| {
            let member = format!("{name:?}:");
            let value = json::parse(text, &LIMITS).ok()?.to_json();
            let place = whole.find(&format!("{member}null"))?.saturating_add(member.len());
            Some((place, value))
        })
        .collect();
    found.sort_unstable();
    let mut shown = String::new();
    let mut from = 0;
    for (place, value) in found {
        shown.push_str(whole.get(from..place).unwrap_or_default());
        shown.push_str(&value);
        from = place.saturating_add("null".len());
    }
    shown.push_str(whole.get(from..).unwrap_or_default());
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_of_others_stay_as_they_were_written() {
        let line = json!({"a": null, "b": null, "c": "\"a\":null", "d": {"x": 1}});
        let texts: [(&str, &[u8]); 2] = [
            ("b", br#" {"n":18446744073709551617, "a":null,"s":"\u0041"} "#),
            ("a", br#"[1e3,1.0,{"b":null}]"#),
        ];
        assert_eq!(
            with_texts(&line, &texts),
            r#"{"a":[1e3,1.0,{"b":null}],"b":{"n":18446744073709551617,"a":null,"s":"A"},"c":"\"a\":null","d":{"x":1}}"#
        );
        assert_eq!(with_texts(&line, &[("a", b"x"), ("z", b"1")]), line.to_string());
    }
}
