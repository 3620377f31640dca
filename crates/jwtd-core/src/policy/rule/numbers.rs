//! Numbers in the text of a rule that the library would round.

use super::values::EXACT;
use crate::jose::json::exact_double;

/// Returns the first number with a fraction or an exponent that a double cannot hold, or that is so
/// large that an integer compared with it would be rounded. The parser itself refuses integers
/// beyond 64 bits.
pub(super) fn inexact(rule: &str) -> Option<&str> {
    let mut rest = rule;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => string_length(rest, false),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '0'..='9' => {
                let length = number_length(rest);
                let number = rest.get(..length).unwrap_or_default();
                if is_inexact(number) {
                    return Some(number);
                }
                length
            }
            '.' if rest.get(1..).is_some_and(begins_with_digit) => {
                let length = number_length(rest);
                let number = rest.get(..length).unwrap_or_default();
                if is_inexact(&format!("0{number}")) {
                    return Some(number);
                }
                length
            }
            _ if is_part_of_name(first) => {
                let length = rest.find(|one| !is_part_of_name(one)).unwrap_or(rest.len());
                let name = rest.get(..length).unwrap_or_default();
                let behind = rest.get(length..).unwrap_or_default();
                let is_prefix = name.len() <= 2 && name.chars().all(|one| "rRbB".contains(one));
                if is_prefix && behind.starts_with(['"', '\'']) {
                    length.saturating_add(string_length(behind, name.contains(['r', 'R'])))
                } else {
                    length
                }
            }
            other => other.len_utf8(),
        };
        rest = rest.get(length.max(1)..).unwrap_or_default();
    }
    None
}

fn is_inexact(number: &str) -> bool {
    let is_double = number.contains(['.', 'e', 'E']) && !number.starts_with("0x");
    is_double && exact_double(number).is_none_or(|double| double >= EXACT)
}

fn is_part_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn begins_with_digit(text: &str) -> bool {
    text.starts_with(|one: char| one.is_ascii_digit())
}

/// The length of the number at the beginning of the text, in bytes.
fn number_length(text: &str) -> usize {
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        let count = rest.find(|one: char| !one.is_ascii_digit()).unwrap_or(rest.len());
        from.saturating_add(count)
    };
    if text.starts_with("0x") {
        return text.find(|one: char| !one.is_ascii_alphanumeric()).unwrap_or(text.len());
    }
    let mut end = digits(0);
    let behind = |end: usize| text.get(end..).unwrap_or_default();
    if behind(end).strip_prefix('.').is_some_and(begins_with_digit) {
        end = digits(end.saturating_add(1));
    }
    if let Some(exponent) = behind(end).strip_prefix(['e', 'E']) {
        let signed = exponent.starts_with(['+', '-']);
        if begins_with_digit(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)) {
            end = digits(end.saturating_add(1).saturating_add(usize::from(signed)));
        }
    }
    end
}

/// The length of the string literal at the beginning of the text, including its quotes, in bytes.
fn string_length(text: &str, raw: bool) -> usize {
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| text.starts_with(quote));
    let quote = quote.unwrap_or("\"");
    let mut place = quote.len();
    loop {
        let rest = text.get(place..).unwrap_or_default();
        match rest.chars().next() {
            None => return text.len(),
            _ if rest.starts_with(quote) => return place.saturating_add(quote.len()),
            Some('\\') if !raw => {
                let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
                place = place.saturating_add(1).saturating_add(escaped);
            }
            Some(other) => place = place.saturating_add(other.len_utf8()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_would_be_rounded_is_found_and_no_other() {
        for (rule, found) in [
            ("claims.id == 18446744073709551616.0", Some("18446744073709551616.0")),
            ("claims.id == 9007199254740993.0", Some("9007199254740993.0")),
            ("claims.id < 9007199254740992e0", Some("9007199254740992e0")),
            ("claims.a[0] > 0.1000000000000000055", Some("0.1000000000000000055")),
            ("claims.a==-.1000000000000000055", Some(".1000000000000000055")),
            ("claims.id == 1e16 || true", Some("1e16")),
            ("claims.share == 0.5 && claims.a < .5 && 1e3 > 1.5e-7", None),
            ("claims.id == 18446744073709551615u && claims.x == 0xfe16", None),
            ("claims.id == '1e99' && claims.b == \"1e99\" // 1e99", None),
            ("claims.id == r'\\' && claims.b == '''1e99 ' ''' && x == '\\'1e99'", None),
            ("claims.a1e99.b2 == 'é'", None),
            ("'1e99", None),
            ("claims.list[1].x == 1.", None),
        ] {
            assert_eq!(inexact(rule), found, "{rule}");
        }
    }
}
