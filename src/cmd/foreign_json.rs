//! Embeds foreign JSON text in our own output unchanged, because a parsed tree would round numbers.

use jwtd_core::jose::json;
use jwtd_core::jose::limits::JsonLimits;

/// The text was bounded before: a daemon sent it, or a user wants to see it.
const LIMITS: JsonLimits = JsonLimits { depth: 120, members: usize::MAX, string_bytes: usize::MAX };

/// Returns true if a text can be embedded in a line.
pub(super) fn is_sound(text: &[u8]) -> bool {
    json::parse(text, &LIMITS).is_ok()
}

/// Formats `line`, replacing the null members of these names by the given JSON texts. A text that
/// is not JSON leaves its member null.
pub(super) fn with_texts(line: &serde_json::Value, texts: &[(&str, &[u8])]) -> String {
    let whole = line.to_string();
    // Quotes in a string are escaped, so that every match is a member. All are located before any
    // is replaced, because the embedded texts may contain the same pattern.
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
