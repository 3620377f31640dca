//! Removes secrets from text before a person sees it: user and password in a URL, the values of its
//! query, tokens, and private keys. Our own values have types that redact themselves, such as
//! `HttpUrl`; this module is for text from others, and for text that is not parsed yet.

use std::borrow::Cow;

/// The replacement for a secret.
pub const REDACTED: &str = "***";

/// Redacts the secrets in running text.
#[must_use]
pub fn redacted(text: &str) -> Cow<'_, str> {
    let suspicious = ["://", "@", "ey", "ew", BEGIN].iter().any(|sign| text.contains(sign));
    if !suspicious {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = end_of_word(rest);
        let (word, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        shown.push_str(&without_password(&redacted_value(word)));
        let gap = behind.find(|one| !is_gap(one)).unwrap_or(behind.len());
        let (gap, behind) = behind.split_at_checked(gap).unwrap_or((behind, ""));
        shown.push_str(gap);
        rest = behind;
    }
    if shown == text { Cow::Borrowed(text) } else { Cow::Owned(shown) }
}

/// Redacts the secrets in one value, such as that of a setting, whatever characters they hold.
#[must_use]
pub fn redacted_value(value: &str) -> Cow<'_, str> {
    if let Some((before, behind)) = value.split_once(BEGIN)
        && is_pem(behind)
    {
        return Cow::Owned(format!("{before}{REDACTED}"));
    }
    let mut parts = value.split("://");
    let first = parts.next().unwrap_or_default();
    let rest: Vec<_> = parts.collect();
    let mut shown = first.to_owned();
    for part in rest {
        shown.push_str("://");
        shown.push_str(&redacted_url_rest(part));
    }
    let shown = without_tokens(&shown);
    if shown == value { Cow::Borrowed(value) } else { Cow::Owned(shown) }
}

/// Redacts a value that should be a URL, as [`redacted_value`] does, also if its scheme is missing.
#[must_use]
pub fn redacted_url(value: &str) -> Cow<'_, str> {
    match value.rsplit_once('@') {
        Some((before, host)) if !before.contains("://") && !before.is_empty() => {
            Cow::Owned(format!("{REDACTED}@{}", redacted_url_rest(host)))
        }
        // The scheme is missing, or the URL is relative.
        _ if !value.contains("://") => {
            Cow::Owned(without_tokens(&redacted_url_rest(&redacted_value(value))))
        }
        _ => redacted_value(value),
    }
}

/// The beginning of a PEM section.
const BEGIN: &str = "-----BEGIN ";

/// Returns true if a PEM section begins here, and false for the pattern of one in our own messages.
fn is_pem(label: &str) -> bool {
    !label.starts_with("...")
}

/// Returns true for a character that may separate values within a text.
fn is_gap(one: char) -> bool {
    one.is_whitespace() || matches!(one, '"' | '\'' | '`' | '<' | '>')
}

/// Finds the end of the first word of `text`. A password that was not percent-encoded may hold
/// blanks and quotes: a URL whose port is not a number extends to the last `@` of its line.
fn end_of_word(text: &str) -> usize {
    if text.strip_prefix(BEGIN).is_some_and(is_pem) {
        return text.len();
    }
    let end = text.find(is_gap).unwrap_or(text.len());
    let word = text.get(..end).unwrap_or(text);
    let Some((_, rest)) = word.split_once("://").filter(|_| !word.contains('@')) else {
        return end;
    };
    let authority = rest.split(['/', '?', '#', ',']).next().unwrap_or_default();
    let port = authority.rsplit_once(':').filter(|(host, _)| !host.starts_with('['));
    if port.is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())) {
        return end;
    }
    let line = text.lines().next().unwrap_or_default();
    let Some(at) = line.rfind('@') else { return end };
    let behind = text.get(at..).unwrap_or_default();
    at.saturating_add(behind.find(is_gap).unwrap_or(behind.len()))
}

/// Redacts the part of a URL after `://`: user, password, values of the query, and fragment.
fn redacted_url_rest(rest: &str) -> String {
    let (user, rest) = match rest.rsplit_once('@') {
        // After the host, an `@` is a part of the path, unless a password holds the slash.
        Some((before, _)) if is_path(before) => ("", rest),
        Some((_, rest)) => ("***@", rest),
        None => ("", rest),
    };
    let (rest, fragment) = match rest.split_once('#') {
        Some((rest, text)) if !text.is_empty() => (rest, "#***"),
        _ => (rest, ""),
    };
    let rest = match rest.split_once('?') {
        Some((path, query)) if !query.is_empty() => format!("{path}?{}", redacted_query(query)),
        _ => rest.to_owned(),
    };
    format!("{user}{rest}{fragment}")
}

/// Returns true if the text before an `@` is a host and the beginning of a path.
fn is_path(before: &str) -> bool {
    let Some((authority, path)) = before.split_once('/') else { return false };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_[]".contains(&byte);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let address = host.starts_with('[') && host.ends_with(']');
    (address || host.bytes().all(plain)) && !path.contains('@')
}

/// Keeps the names of a query and redacts its values.
pub(crate) fn redacted_query(query: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, "")) => format!("{name}="),
        Some((name, _)) => format!("{name}={REDACTED}"),
        None => REDACTED.to_owned(),
    };
    query.split('&').map(pair).collect::<Vec<_>>().join("&")
}

/// Redacts the user and the password of `user:password@host` without a scheme.
fn without_password(word: &str) -> Cow<'_, str> {
    /// Schemes whose names hold an `@` and no password.
    const NAMES: [&str; 6] = ["acct", "mailto", "sip", "sips", "urn", "xmpp"];
    match word.rsplit_once('@') {
        Some((before, host)) if !before.contains("://") => match before.split_once(':') {
            Some((first, _)) if !NAMES.contains(&first) => Cow::Owned(format!("{REDACTED}@{host}")),
            _ => Cow::Borrowed(word),
        },
        _ => Cow::Borrowed(word),
    }
}

/// `{"` in base64url.
const OBJECT: &str = "eyJ";

/// Redacts tokens in compact form (RFC 7515, section 7.1).
fn without_tokens(text: &str) -> String {
    let part = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.');
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|one| !part(one)).unwrap_or(rest.len());
        let (run, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let start = run.find(OBJECT).unwrap_or_default();
        let (before, token) = run.split_at_checked(start).unwrap_or(("", run));
        shown.push_str(before);
        shown.push_str(if is_token(token) { REDACTED } else { token });
        let gap = behind.find(part).unwrap_or(behind.len());
        let (gap, behind) = behind.split_at_checked(gap).unwrap_or((behind, ""));
        shown.push_str(gap);
        rest = behind;
    }
    shown
}

/// Returns true if `text` is a token, or the beginning of one: a header is a JSON object, and its
/// first characters are `{"`, or a brace and white space.
fn is_token(text: &str) -> bool {
    let object = text.starts_with(OBJECT) && text.len() >= 20;
    let spaced = (text.starts_with("ey") || text.starts_with("ew")) && text.len() >= 40;
    object || (spaced && text.split('.').count() >= 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";

    #[test]
    fn users_passwords_queries_and_fragments_of_urls_are_not_shown() {
        for (text, shown) in [
            ("https://a.example/k", "https://a.example/k"),
            ("https://u:p@a.example/k", "https://***@a.example/k"),
            ("https://token@a.example/k", "https://***@a.example/k"),
            ("http://u:p@[::1]:3128", "http://***@[::1]:3128"),
            ("http://u:p/w@proxy:3128", "http://***@proxy:3128"),
            ("http://u:p@ss@proxy:3128", "http://***@proxy:3128"),
            ("u:p@proxy:3128", "***@proxy:3128"),
            ("https://a/k?key=s&v=2&flag&e=", "https://a/k?key=***&v=***&***&e="),
            ("https://a/k?s", "https://a/k?***"),
            ("https://a/k#access_token=s", "https://a/k#***"),
            ("https://a/@me/k", "https://a/@me/k"),
            ("https://a:8443/@me?x=y", "https://a:8443/@me?x=***"),
            ("jdoe@example.com", "jdoe@example.com"),
            ("mailto:jdoe@example.com", "mailto:jdoe@example.com"),
            ("[https://a/k, https://u:p@b/k]", "[https://a/k, https://***@b/k]"),
            ("what is https://a.example?", "what is https://a.example?"),
            ("proxy: 'http://u:p@h:1' # ops@x", "proxy: 'http://***@h:1' # ops@x"),
            ("proxy: http://u:my secret@h:1", "proxy: http://***@h:1"),
            ("proxy: http://u:my \"s@h:1", "proxy: http://***@h:1"),
            ("iss: https://a:80, aud: me@x", "iss: https://a:80, aud: me@x"),
            ("{\"url\":\"https://u:p@h/\"}", "{\"url\":\"https://***@h/\"}"),
        ] {
            assert_eq!(redacted(text), shown, "{text}");
        }
    }

    #[test]
    fn one_value_is_taken_as_a_whole() {
        for (value, shown) in [
            ("http://u:my 'secret'@h:1", "http://***@h:1"),
            ("urn:a:me@b", "urn:a:me@b"),
            ("-----BEGIN PRIVATE KEY-----\nMC4CAQ", "***"),
            ("a plain text", "a plain text"),
        ] {
            assert_eq!(redacted_value(value), shown, "{value}");
        }
        for (value, shown) in [
            ("u:my secret@h:1", "***@h:1"),
            ("u@h", "***@h"),
            ("https://u:p@h/?a=b", "https://***@h/?a=***"),
            ("h:1", "h:1"),
            ("login.example/k?key=secret", "login.example/k?key=***"),
            ("/k/?key=secret#x", "/k/?key=***#***"),
            ("//u:p@h/k", "***@h/k"),
        ] {
            assert_eq!(redacted_url(value), shown, "{value}");
        }
    }

    #[test]
    fn tokens_and_private_keys_are_not_shown() {
        for text in [
            TOKEN.to_owned(),
            format!("unexpected argument '{TOKEN}' found"),
            format!("{TOKEN}: No such file or directory"),
            format!("--token={TOKEN}"),
            format!("--{TOKEN}"),
            format!("Bearer%20{TOKEN}"),
            format!("Bearer {TOKEN}"),
            TOKEN.replace("eyJhbGciOiJFUzI1NiJ9", "ewogImFsZyI6ICJFUzI1NiIgfQ"),
            "x -----BEGIN PRIVATE KEY----- c2lnbmF0dXJl".to_owned(),
        ] {
            let shown = redacted(&text).into_owned();
            assert!(!shown.contains("c2lnbmF0dXJl") && shown.contains(REDACTED), "{shown}");
        }
        for plain in ["eyJ", "ey.we.ar", "an eyewear shop", "key_file"] {
            assert_eq!(redacted(plain), plain);
        }
    }
}
