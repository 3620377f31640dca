//! Formats untrusted token text for people.

use crate::escape;
use jwtd_core::jose::UnixTime;
use std::time::{Duration, UNIX_EPOCH};

/// Spreads a JSON text over several lines. It works on the text and not on a parsed value, so that
/// every member stays visible: duplicates, in their order, with each number as written.
pub(in crate::cmd) fn pretty(text: &str) -> String {
    /// The deepest indented level; deeper lines start where their parents do.
    const DEEPEST: usize = 32;

    let mut shown = String::new();
    let mut depth: usize = 0;
    let (mut quoted, mut escaped) = (false, false);
    let line = |shown: &mut String, depth: usize| {
        shown.push('\n');
        shown.push_str(&"  ".repeat(depth.min(DEEPEST)));
    };
    let mut rest = text.chars().peekable();
    while let Some(one) = rest.next() {
        if quoted {
            escape::push(&mut shown, one);
            quoted = escaped || one != '"';
            escaped = !escaped && one == '\\';
            continue;
        }
        match one {
            ' ' | '\t' | '\r' | '\n' => {}
            '{' | '[' => {
                shown.push(one);
                while rest.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                if let Some(close) = rest.next_if(|next| matches!(next, '}' | ']')) {
                    shown.push(close);
                } else {
                    depth += 1;
                    line(&mut shown, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut shown, depth);
                shown.push(one);
            }
            ',' => {
                shown.push(one);
                line(&mut shown, depth);
            }
            ':' => shown.push_str(": "),
            _ => {
                quoted = one == '"';
                escape::push(&mut shown, one);
            }
        }
    }
    shown
}

/// Describes a claim that is a time, in words and as RFC 3339.
pub(super) fn time(name: &str, at: i64, now: UnixTime) -> String {
    let past = at <= now.seconds();
    let span = span(at.abs_diff(now.seconds()));
    let words = match (name, past) {
        ("exp", true) => format!("expired {span} ago"),
        ("exp", false) => format!("expires in {span}"),
        ("nbf", true) => format!("valid for {span} now"),
        ("nbf", false) => format!("not valid yet; valid in {span}"),
        ("iat", true) => format!("issued {span} ago"),
        ("iat", false) => format!("issued in the future, in {span}"),
        (_, true) => format!("authenticated {span} ago"),
        (_, false) => format!("authenticated in the future, in {span}"),
    };
    /// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write.
    const LAST: u64 = 253_402_300_799;
    /// Values from here on are more likely milliseconds: milliseconds reach it in 1973, seconds in
    /// 5138.
    const MILLISECONDS: u64 = 100_000_000_000;
    match u64::try_from(at) {
        Ok(MILLISECONDS..) => {
            format!(
                "{words}; it looks like milliseconds, and must be seconds (RFC 7519, section 2)"
            )
        }
        Ok(seconds @ ..=LAST) => {
            let date = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds));
            format!("{words}, {date}")
        }
        _ => words,
    }
}

/// Formats a span in the largest unit of which it holds two or more.
fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(365 * 86_400, "years"), (86_400, "days"), (3_600, "hours"), (60, "minutes")];
    match UNITS.iter().find(|(length, _)| seconds >= 2 * length) {
        Some((length, unit)) => format!("{} {unit}", seconds / length),
        None if seconds == 1 => "1 second".to_owned(),
        None => format!("{seconds} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_is_seen_as_it_was_written() {
        let text = r#" {"b":1.50,"a":[1, {"x":"}\\\",["}],"b":2,"e":{ },"f":[ ]} "#;
        let shown = "{\n  \"b\": 1.50,\n  \"a\": [\n    1,\n    {\n      \"x\": \"}\\\\\\\",[\"\n    \
                     }\n  ],\n  \"b\": 2,\n  \"e\": {},\n  \"f\": []\n}";
        assert_eq!(pretty(text), shown);
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        let pretty = pretty("{\"a\u{9b}\":\"\u{202e}\"}");
        assert_eq!(pretty, "{\n  \"a\\u009b\": \"\\u202e\"\n}");
    }

    #[test]
    fn times_are_said_in_words() {
        let now = UnixTime::from_seconds(1_000_000_000);
        let said = |name, offset: i64| time(name, 1_000_000_000 + offset, now);
        assert_eq!(said("exp", -3 * 86_400), "expired 3 days ago, 2001-09-06T01:46:40Z");
        assert_eq!(said("exp", 3600), "expires in 60 minutes, 2001-09-09T02:46:40Z");
        assert_eq!(said("nbf", 1), "not valid yet; valid in 1 second, 2001-09-09T01:46:41Z");
        assert_eq!(said("iat", 0), "issued 0 seconds ago, 2001-09-09T01:46:40Z");
        for extreme in [i64::MIN, -1, 253_402_300_800, i64::MAX] {
            assert!(!time("auth_time", extreme, now).contains('Z'), "{extreme}");
        }
    }
}
