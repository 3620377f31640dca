//! JSON as `serde_json` reads it, with simple checks for everything that jwtd must refuse beyond
//! that.

use jwtd_core::jose::limits::JsonLimits;
use serde_json::Value;

/// The value of a text that is strict JSON within `limits`; `None` otherwise.
#[must_use]
pub fn strict(text: &[u8], limits: &JsonLimits) -> Option<Value> {
    let value: Value = serde_json::from_slice(text).ok()?;
    (!names_twice(text, &value) && fits(&value, limits.depth, limits)).then_some(value)
}

/// Returns true if an object has a duplicate member. `serde_json` keeps one of them, so the value
/// has fewer members than the text has colons outside of strings.
#[must_use]
pub fn names_twice(text: &[u8], value: &Value) -> bool {
    colons(text) != members(value)
}

fn colons(text: &[u8]) -> usize {
    let (mut count, mut inside, mut escaped) = (0, false, false);
    for byte in text {
        match (inside, escaped, byte) {
            (true, true, _) => escaped = false,
            (true, false, b'\\') => escaped = true,
            (_, false, b'"') => inside = !inside,
            (false, _, b':') => count += 1,
            _ => {}
        }
    }
    count
}

fn members(value: &Value) -> usize {
    match value {
        Value::Array(elements) => elements.iter().map(members).sum(),
        Value::Object(all) => all.len() + all.values().map(members).sum::<usize>(),
        _ => 0,
    }
}

fn fits(value: &Value, depth: usize, limits: &JsonLimits) -> bool {
    let inside = |value| depth > 0 && fits(value, depth - 1, limits);
    let short = |text: &str| text.len() <= limits.string_bytes;
    match value {
        Value::Array(elements) => {
            depth > 0 && elements.len() <= limits.members && elements.iter().all(inside)
        }
        Value::Object(all) => {
            let mut all_members = all.iter();
            depth > 0
                && all.len() <= limits.members
                && all_members.all(|(name, value)| short(name) && inside(value))
        }
        Value::String(text) => short(text),
        _ => true,
    }
}

/// Returns true for the values that issuers write for unset members: null, or an empty string or
/// array.
#[must_use]
pub fn is_unset(value: &Value) -> bool {
    value.is_null() || value == "" || value.as_array().is_some_and(Vec::is_empty)
}

/// Drops the members with these names that are unset.
pub fn drop_unset(value: &mut Value, names: &[&str]) {
    if let Some(members) = value.as_object_mut() {
        members.retain(|name, value| !names.contains(&name.as_str()) || !is_unset(value));
    }
}

/// Returns true if there is a value at any depth.
#[must_use]
pub fn holds_value(value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(holds_value),
        Value::Object(members) => members.values().any(holds_value),
        other => !is_unset(other),
    }
}

/// The strings of an array that has only strings.
#[must_use]
pub fn strings(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}
