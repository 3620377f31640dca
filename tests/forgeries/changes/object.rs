//! Changes to the members of a JSON object, and to its spelling.

use crate::dice::Dice;
use crate::world::{Members, plain};

/// Generates values for members, some valid and most not.
pub(crate) type Values<'v> = &'v dyn Fn(&mut Dice, &str) -> String;

/// Changes the members, and describes how, in words that lists of exceptions can use.
pub(crate) fn change(
    dice: &mut Dice,
    members: &mut Members,
    names: &[&'static str],
    values: Values<'_>,
) -> Vec<&'static str> {
    let place = dice.below(members.len());
    let known = |name: &str| names.iter().copied().find(|known| *known == name);
    let how = match dice.below(12) {
        0..6 => {
            let name = *dice.pick(names);
            let value = values(dice, name);
            put(members, name, value);
            name
        }
        6 => {
            members.remove(place);
            "removed"
        }
        7 => {
            let other = dice.below(members.len());
            members.swap(place, other);
            "order"
        }
        8 => {
            let name = members[place].0.clone();
            twice(dice, members, place, values);
            return known(&name).into_iter().chain(["twice"]).collect();
        }
        9 => {
            let name = &mut members[place].0;
            *name = match dice.below(4) {
                0 => name.to_uppercase(),
                1 => format!("{name} "),
                2 => format!("{name}\u{200b}"),
                _ => format!("{name}\\u0000"),
            };
            "renamed"
        }
        10 => {
            let value = nest(dice);
            put(members, "x", value);
            "nested"
        }
        _ => {
            let value = large(dice);
            put(members, "x", value);
            "large"
        }
    };
    vec![how]
}

fn put(members: &mut Members, name: &str, value: String) {
    match members.iter_mut().find(|(one, _)| one == name) {
        Some(member) => member.1 = value,
        None => members.push((name.to_owned(), value)),
    }
}

/// Duplicates a member, at the top level or deeper, with the same or another value, and with its
/// name spelled the same or differently.
fn twice(dice: &mut Dice, members: &mut Members, place: usize, values: Values<'_>) {
    let (name, value) = members[place].clone();
    if dice.once_in(4) {
        put(members, "x", r#"{"y":[{"z":1,"z":2}]}"#.to_owned());
        return;
    }
    let other = if dice.once_in(3) { value } else { values(dice, &name) };
    let name = if dice.once_in(3) { escaped(&name, 0) } else { name };
    let to = dice.below(members.len() + 1);
    members.insert(to, (name, other));
}

/// A nesting depth around the limit, or far beyond it.
fn nest(dice: &mut Dice) -> String {
    let depth = 28 + dice.below(8) + if dice.once_in(4) { 100 } else { 0 };
    let (open, close) = if dice.once_in(2) { ("[", "]") } else { (r#"{"y":"#, "}") };
    format!("{}1{}", open.repeat(depth), close.repeat(depth))
}

/// Sizes around the limits on members and on string lengths.
fn large(dice: &mut Dice) -> String {
    let members = 250 + dice.below(12);
    match dice.below(3) {
        0 => format!("[{}]", vec!["0"; members].join(",")),
        1 => {
            let list: Vec<_> = (0..members).map(|number| format!(r#""m{number}":0"#)).collect();
            format!("{{{}}}", list.join(","))
        }
        _ => format!(r#""{}""#, "s".repeat(8188 + dice.below(8))),
    }
}

/// `text` with one character written as `\u....`.
fn escaped(text: &str, place: usize) -> String {
    let escape = |(index, one): (usize, char)| match u32::from(one) {
        code if index == place && code < 0x1_0000 => format!("\\u{code:04x}"),
        _ => one.to_string(),
    };
    text.chars().enumerate().map(escape).collect()
}

/// Writes the members, mostly unchanged; describes any change.
pub(crate) fn write(dice: &mut Dice, members: &Members) -> (Option<&'static str>, Vec<u8>) {
    let text = plain(members);
    match dice.below(30) {
        0 => (Some("spaces"), spaced(dice, &text).into_bytes()),
        1 => (Some("escapes"), respelled(dice, members).into_bytes()),
        2 => (Some("around"), around(dice, &text)),
        3 => (Some("bytes"), broken(dice, &text)),
        4 => (Some("no object"), no_object(dice, &text).into_bytes()),
        _ => (None, text.into_bytes()),
    }
}

/// Inserts white space where JSON allows it.
fn spaced(dice: &mut Dice, text: &str) -> String {
    let space = *dice.pick(&[" ", "\n", "\t", "\r\n", "  "]);
    let wide = text.replace("\":", &format!("\"{space}:{space}"));
    format!("{space}{}{space}", wide.replace(",\"", &format!("{space},{space}\"")))
}

/// Writes the name of a member with escapes.
fn respelled(dice: &mut Dice, members: &Members) -> String {
    let mut members = members.clone();
    let place = dice.below(members.len());
    let name = &mut members[place].0;
    let letter = dice.below(name.chars().count().max(1));
    *name = escaped(name, letter);
    plain(&members)
}

/// Adds bytes before and after the object.
fn around(dice: &mut Dice, text: &str) -> Vec<u8> {
    const AROUND: &[(&[u8], &[u8])] = &[
        (b"\xef\xbb\xbf", b""),
        (b"", b"\0"),
        (b"", b"{}"),
        (b"", b"}"),
        (b"", b","),
        (b"", b"//"),
        (b"\x0c", b""),
        (b"", b"\xa0"),
        (b")]}',\n", b""),
    ];
    let (before, after) = *dice.pick(AROUND);
    [before, text.as_bytes(), after].concat()
}

/// Makes the text invalid UTF-8 or invalid JSON.
fn broken(dice: &mut Dice, text: &str) -> Vec<u8> {
    let end = text.len() - 1;
    const EXTRA: &[&[u8]] = &[
        b",\"x\":\"\xff\"",
        b",\"x\":\"\xc0\x80\"",
        b",\"x\":\"\xed\xa0\x80\"",
        b",\"x\":\"\\ud800\"",
        b",\"x\":\"\\udc00\\ud800\"",
        b",\"x\":\"\n\"",
        b",\"x\":\"\0\"",
        b",\"x\":'y'",
        b",\"x\":NaN",
        b",\"x\":Infinity",
        b",\"x\":01",
        b",\"x\":1.",
        b",\"x\":0x1",
        b",\"x\":1e400",
        b",\"x\":\"\\x41\"",
        b",x:1",
        b",",
    ];
    let extra = *dice.pick(EXTRA);
    if dice.once_in(12) {
        return text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    }
    [&text.as_bytes()[..end], extra, b"}"].concat()
}

fn no_object(dice: &mut Dice, text: &str) -> String {
    match dice.below(4) {
        0 => format!("[{text}]"),
        1 => (*dice.pick(&["null", "true", "1", "\"\"", "[]", "{}", ""])).to_owned(),
        2 => text.chars().take(dice.below(text.len())).collect(),
        _ => format!(r#""{}""#, text.replace('"', "\\\"")),
    }
}
