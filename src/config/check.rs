//! Checks a configuration against the schema.

use super::document::{Node, Value};
use super::fault::Faults;
use super::schema::{Absent, Bounds, Kind, SettingKey};
use super::units::{parse_bytes, parse_count, parse_duration};
use jwtd_core::jose::Algorithm;
use std::time::Duration;

/// Checks `node` against `kind`, and adds faults to `faults`.
pub(super) fn check(node: &Node, kind: &Kind, faults: &mut Faults) {
    check_at(node, kind, "", "", faults);
}

/// Checks `node` against `kind`; `fix` says how to correct a wrong value.
fn check_at(node: &Node, kind: &Kind, path: &str, fix: &str, faults: &mut Faults) {
    let mut wrong = |what: String| faults.add(node.place, path, what, fix);
    match (kind, &node.value) {
        (Kind::Any, Value::Text(_) | Value::Map(_)) => {}
        (Kind::Either(_, second), Value::List(_)) => check_at(node, second, path, fix, faults),
        (Kind::Either(Kind::Table(keys), second), value) => match value {
            Value::Map(_) => check_table(node, keys, path, faults),
            _ => check_at(node, second, path, fix, faults),
        },
        (Kind::Either(first, second), _) => {
            // The first kind of a pair is a single word, flag or value; the second is wider or is
            // the list.
            let narrow = matches!(first, Kind::Word(_) | Kind::Flag);
            if narrow && check_scalar(first, &node.value).is_ok() {
                return;
            }
            if !narrow {
                check_at(node, first, path, fix, faults);
            } else if let (Kind::Duration(_), Some(_)) = (second, node.text()) {
                // A reader who wrote another word must learn which word is allowed.
                if let Err((what, _)) = check_scalar(second, &node.value) {
                    wrong(format!("{what}, or {}", first.expected()));
                }
            } else {
                check_at(node, second, path, fix, faults);
            }
        }
        (Kind::List(element), Value::List(elements)) => {
            if elements.is_empty() {
                wrong("the list is empty".to_owned());
            }
            for (index, value) in elements.iter().enumerate() {
                check_at(value, element, &format!("{path}[{index}]"), "", faults);
            }
        }
        (Kind::Table(keys), Value::Map(_)) => check_table(node, keys, path, faults),
        (Kind::Map(element), Value::Map(_)) => check_named(node, element, path, faults),
        (Kind::Named(keys), Value::Map(_)) => {
            check_named(node, &Kind::Table(keys), path, faults);
        }
        (Kind::Table(keys), Value::Text(_) | Value::Literal(_)) => {
            let named = keys.iter().find(|key| key.is_required());
            let fix = named.map(|key| format!("write `{{ {}: ... }}`", key.name));
            let what = format!("expected {}", kind.expected());
            faults.add(node.place, path, what, fix.unwrap_or_default());
        }
        (_, Value::Text(_) | Value::Literal(_)) => {
            if let Err((what, quoted)) = check_scalar(kind, &node.value) {
                let fix = if quoted.is_empty() { fix } else { &quoted };
                faults.add(node.place, path, what, fix);
            }
        }
        (_, Value::Null | Value::List(_) | Value::Map(_)) => {
            wrong(format!("expected {}", kind.expected()));
        }
    }
}

fn check_named(node: &Node, kind: &Kind, path: &str, faults: &mut Faults) {
    if node.members().is_empty() {
        faults.add(node.place, path, "at least one is needed", "");
    }
    for (name, value) in node.members() {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.text.is_empty() || name.text.len() > 64 || !name.text.bytes().all(fine) {
            let what = format!("{:?} cannot be a name", name.text);
            let fix = "use up to 64 letters, digits, `-`, `_` and `.`";
            faults.add(name.place, path, what, fix);
        }
        check_at(value, kind, &join(path, &name.text), "", faults);
    }
}

fn check_table(node: &Node, keys: &[SettingKey], path: &str, faults: &mut Faults) {
    for (name, value) in node.members() {
        match keys.iter().find(|key| key.name == name.text) {
            Some(key) if value.value == Value::Null && !key.is_required() => {}
            Some(key) => {
                check_at(value, &key.kind, &join(path, key.name), &fix(key), faults);
            }
            None => {
                let names = keys.iter().map(|key| key.name);
                let nearest = nearest(&name.text, names.clone());
                let fix = nearest.map_or_else(
                    || format!("known here: {}", names.collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                faults.add(name.place, path, format!("unknown key `{}`", name.text), fix);
            }
        }
    }
    for key in keys.iter().filter(|key| !key.counts_in(node)) {
        if let Some(value) = node.get(key.name) {
            let what = format!("`{}` goes only with `{}`", key.name, key.beside.join("` or `"));
            faults.add(value.place, path, what, format!("remove `{}`", key.name));
        }
    }
    for key in keys.iter().filter(|key| key.is_required()) {
        if !node.members().iter().any(|(name, _)| name.text == key.name) {
            faults.add(node.place, path, format!("`{}` is missing", key.name), key.doc);
        }
    }
}

/// Says how to correct a wrong value of a setting.
fn fix(key: &SettingKey) -> String {
    match (key.absent, key.kind) {
        // The message of the fault gives the bounds in bytes.
        (Absent::Value(default), Kind::Bytes(Some(Bounds { low, high }))) => {
            format!("give {low} to {high}; the default is {default}")
        }
        (Absent::Value(default), _) => format!("the default is {default}"),
        (Absent::Fault | Absent::Nothing | Absent::Words(_), _) => String::new(),
    }
}

/// Checks a scalar: first its type (string, number or boolean), then its text. The JSON Schema is
/// as strict, because YAML readers turn `1e3`, `0660` or `off` into something that was not written.
/// Returns the fault, and how to quote the value.
fn check_scalar(kind: &Kind, value: &Value) -> Result<(), (String, String)> {
    let (text, is_text) = match value {
        Value::Text(text) => (text, true),
        Value::Literal(text) => (text, false),
        Value::Null | Value::List(_) | Value::Map(_) => {
            return Err((format!("expected {}", kind.expected()), String::new()));
        }
    };
    let is_truth = matches!(&**text, "true" | "false");
    let found = if is_truth { "a truth value" } else { "a number" };
    let quotes = || format!("write it in quotes: \"{text}\"");
    match kind {
        Kind::Word(words) if !is_text => {
            if kind.accepts_literal(text) {
                return Ok(());
            }
            let what = format!("expected {}, and {text} is {found}", kind.expected());
            return Err((what, if words.contains(&&**text) { quotes() } else { String::new() }));
        }
        Kind::Secret if !is_text => {
            let what = format!("expected {}, and this is {found}", kind.expected());
            return Err((what, "write it in quotes".to_owned()));
        }
        Kind::Algorithm | Kind::Text | Kind::Url if !is_text => {
            return Err((format!("expected {}, and {text} is {found}", kind.expected()), quotes()));
        }
        Kind::Mode if !is_text => {
            let what =
                format!("{text} is a number, which some parsers read as octal and some do not");
            return Err((what, "write the mode in quotes, such as \"0660\"".to_owned()));
        }
        Kind::Flag | Kind::Count(_) if is_text && check_text(kind, text).is_ok() => {
            let what = format!("expected {}, and \"{text}\" is a text", kind.expected());
            return Err((what, format!("write it without quotes: {text}")));
        }
        _ => {}
    }
    check_text(kind, text).map_err(|what| (what, String::new()))
}

fn check_text(kind: &Kind, text: &str) -> Result<(), String> {
    match kind {
        Kind::Algorithm => Algorithm::from_name(text).map(|_| ()).ok_or_else(|| {
            let names: Vec<_> = Algorithm::ALL.iter().map(|one| one.name()).collect();
            format!("`{text}` is not an algorithm; known are {}", names.join(", "))
        }),
        Kind::Bytes(bounds) => match beyond(text, *bounds, parse_bytes)? {
            Some((_, low, high)) => Err(format!("must be from {low} to {high} bytes")),
            None => Ok(()),
        },
        Kind::Count(low) => match parse_count(text) {
            Some(count) if count >= *low && !text.starts_with('+') => Ok(()),
            _ => Err(format!("`{text}` is not a whole number from {low} up")),
        },
        Kind::Duration(bounds) => match beyond(text, *bounds, parse_duration)? {
            Some((Bounds { high, .. }, Duration::ZERO, _)) => {
                Err(format!("must be at most {high}"))
            }
            Some((bounds, ..)) => Err(format!("must be {bounds}")),
            None => Ok(()),
        },
        Kind::Flag if matches!(text, "true" | "false") => Ok(()),
        Kind::Mode => match u32::from_str_radix(text, 8) {
            Ok(0..=0o777) if text.len() <= 4 && !text.starts_with('+') => Ok(()),
            _ => Err(format!("`{text}` is not a file mode; write it in octal, such as \"0660\"")),
        },
        Kind::Scalar => Ok(()),
        Kind::Secret | Kind::Text | Kind::Url if !text.is_empty() => Ok(()),
        Kind::Word(words) if words.contains(&text) => Ok(()),
        _ => Err(format!("expected {}", kind.expected())),
    }
}

/// Returns the bounds, and the limit to use, if `text` is outside the bounds.
fn beyond<T: PartialOrd>(
    text: &str,
    bounds: Option<Bounds>,
    parse: fn(&str) -> Result<T, String>,
) -> Result<Option<(Bounds, T, T)>, String> {
    let value = parse(text)?;
    let Some(bounds) = bounds else { return Ok(None) };
    let (low, high) = (parse(bounds.low)?, parse(bounds.high)?);
    Ok((value < low || value > high).then_some((bounds, low, high)))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The known name most similar to a misspelled one.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    known
        .map(|one| (strsim::damerau_levenshtein(name, one), one))
        .min()
        .filter(|(distance, one)| *distance <= 3.min(one.len() / 2))
        .map(|(_, one)| one)
}
