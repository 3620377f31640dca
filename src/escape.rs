//! Escapes untrusted text before a person sees it. Every writer of text applies the escapes once:
//! the terminal of commands, the log, the audit log and the admin port.

use std::borrow::Cow;

/// Escapes, as JSON does, every character that is not visible as itself: control characters (C1
/// too, which terminals obey), marks that change the direction of text, line separators, and
/// invisible characters. Quotes and backslashes stay, so that a JSON text of one line keeps its
/// value.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    if text.chars().all(prints) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    text.chars().for_each(|one| push(&mut shown, one));
    Cow::Owned(shown)
}

/// Escapes each line of a text of several lines.
#[must_use]
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    if text.chars().all(|one| one == '\n' || prints(one)) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<_> = text.split('\n').map(escaped).collect();
    Cow::Owned(lines.join("\n"))
}

/// Appends a character, escaped if necessary.
pub(crate) fn push(shown: &mut String, one: char) {
    if prints(one) {
        shown.push(one);
    } else {
        for unit in one.encode_utf16(&mut [0; 2]) {
            shown.push_str(&format!("\\u{unit:04x}"));
        }
    }
}

/// Returns true if a character is visible as itself.
fn prints(one: char) -> bool {
    match one {
        ' '..='~' => true,
        // Letters without a shape: the Hangul fillers.
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => false,
        // Characters that `Debug` escapes: controls, formats, separators, combining marks,
        // unassigned ones.
        _ => one.escape_debug().nth(1).is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        let hostile =
            "\u{1b}[2Jred\u{7}\u{9b}31m\u{202e}\u{2066}\u{200b}\u{feff}\u{7f}\r\n\u{e0041}é";
        let shown = escaped(hostile);
        assert_eq!(
            shown,
            "\\u001b[2Jred\\u0007\\u009b31m\\u202e\\u2066\\u200b\\ufeff\\u007f\\u000d\\u000a\
             \\udb40\\udc41é"
        );
        let quoted: String = serde_json::from_str(&format!("\"{shown}\"")).unwrap();
        assert_eq!(quoted, hostile);
        assert_eq!(escaped_lines("a\u{9b}\r\n\u{85}b\n"), "a\\u009b\\u000d\n\\u0085b\n");
        for plain in ["", "it's \"\\plain\" ~", "Grüße, 漢字, Привет"] {
            assert!(matches!(escaped(plain), Cow::Borrowed(text) if text == plain), "{plain}");
        }
    }

    #[test]
    fn every_control_mark_and_separator_is_escaped() {
        let ranges = [
            (0, 0x1f),
            (0x7f, 0x9f),
            (0xad, 0xad),
            (0x61c, 0x61c),
            (0x180e, 0x180e),
            (0x2000, 0x200f),
            (0x2028, 0x202f),
            (0x205f, 0x206f),
            (0x3164, 0x3164),
            (0xe000, 0xe000),
            (0xfe00, 0xfe0f),
            (0xfeff, 0xfeff),
            (0xfff9, 0xfffb),
            (0xe0000, 0xe01ef),
        ];
        for (first, last) in ranges {
            for one in (first..=last).filter_map(char::from_u32) {
                assert!(!prints(one), "{:x}", u32::from(one));
            }
        }
    }
}
