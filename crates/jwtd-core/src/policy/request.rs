//! The request attributes that rules read. Host, path and scheme are normalized, so that a
//! different spelling cannot bypass a rule.

use super::policy_input::Attributes;
use std::borrow::Cow;
use std::sync::Arc;

/// Builds the attributes that rules read from the given ones. `host`, `path` and `scheme` are
/// normalized; `raw_host` and `raw_path` are as received.
///
/// A path with a `.` or `..` segment is ambiguous and yields only `raw_path`: the proxy and the
/// service behind it may resolve it differently. A rule that reads `path` then refuses.
pub fn attributes<'g>(given: impl Iterator<Item = (&'g str, &'g str)> + Clone) -> Attributes {
    let every = given.clone();
    let of = |name: &str| every.clone().find(|(own, _)| *own == name).map(|(_, value)| value);
    let scheme = of("scheme").unwrap_or_default();
    let mut all = Attributes::with_capacity(given.size_hint().0.saturating_add(2));
    for (name, value) in given {
        let normal = match name {
            "host" => Some(host(value, scheme)),
            "path" => path(value),
            "scheme" => Some(lower(value)),
            _ => Some(Cow::Borrowed(value)),
        };
        let raw: Arc<str> = value.into();
        let raw_name = match name {
            "host" => "raw_host",
            "path" => "raw_path",
            _ => "",
        };
        if let Some(normal) = normal {
            let shared = matches!(normal, Cow::Borrowed(same) if same.len() == value.len());
            let normal = if shared { Arc::clone(&raw) } else { normal.into() };
            all.push((name.into(), normal));
        }
        // A raw attribute that the caller itself sends is not added again.
        if !raw_name.is_empty() && of(raw_name).is_none() {
            all.push((raw_name.into(), raw));
        }
    }
    all
}

/// Normalizes a host: lower case, without the trailing dot of the root and without the default port
/// of the scheme (RFC 3986, sections 3.2.2, 3.2.3 and 6.2.3).
fn host<'h>(text: &'h str, scheme: &str) -> Cow<'h, str> {
    let (name, port) = match text.rsplit_once(':') {
        // IPv6 addresses have colons inside brackets.
        Some((name, port))
            if !port.contains(']') && port.bytes().all(|one| one.is_ascii_digit()) =>
        {
            (name, port)
        }
        _ => (text, ""),
    };
    let default = if scheme.eq_ignore_ascii_case("https") {
        Some(443)
    } else if scheme.eq_ignore_ascii_case("http") {
        Some(80)
    } else {
        None
    };
    let name = lower(name.strip_suffix('.').unwrap_or(name));
    match port.parse::<u16>() {
        Ok(number) if Some(number) != default => Cow::Owned(format!("{name}:{number}")),
        Err(_) if !port.is_empty() => Cow::Owned(format!("{name}:{port}")),
        _ => name,
    }
}

/// Normalizes a path: letters, digits and `-._~` are decoded, and other escapes use upper-case
/// digits (RFC 3986, section 6.2.2). Returns `None` if it has a `.` or `..` segment in any
/// encoding.
fn path(text: &str) -> Option<Cow<'_, str>> {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let (own, rest) = text.split_at_checked(end)?;
    let mut normal = Vec::with_capacity(own.len());
    // The path as lenient servers read it: `%2F` and `\` are separators, and parameters are not
    // part of a name.
    let mut plain = Vec::with_capacity(own.len());
    let mut bytes = own.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let code = (byte == b'%').then(|| digit(ahead.next()).zip(digit(ahead.next())));
        let code = code.flatten().and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        match code {
            Some(code) => {
                bytes = ahead;
                plain.push(code);
                if code.is_ascii_alphanumeric() || b"-._~".contains(&code) {
                    normal.push(code);
                } else {
                    normal.extend_from_slice(format!("%{code:02X}").as_bytes());
                }
            }
            None => {
                plain.push(byte);
                normal.push(byte);
            }
        }
    }
    let dots = |segment: &[u8]| {
        let name = segment.split(|one| *one == b';').next();
        matches!(name, Some(b"." | b".."))
    };
    if plain.split(|one| matches!(*one, b'/' | b'\\')).any(dots) {
        return None;
    }
    if normal == own.as_bytes() {
        return Some(Cow::Borrowed(text));
    }
    let normal = String::from_utf8(normal).ok()?;
    Some(Cow::Owned(normal + rest))
}

fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|one| one.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(given: &[(&str, &str)], name: &str) -> Option<String> {
        let all = attributes(given.iter().copied());
        all.iter().find(|(own, _)| **own == *name).map(|(_, value)| value.to_string())
    }

    #[test]
    fn a_host_has_one_form() {
        for (scheme, host, normal) in [
            ("https", "api.example", "api.example"),
            ("https", "API.Example", "api.example"),
            ("https", "api.example:443", "api.example"),
            ("https", "api.example.:443", "api.example"),
            ("HTTPS", "api.example.:0443", "api.example"),
            ("https", "api.example:", "api.example"),
            ("https", "api.example.", "api.example"),
            ("http", "api.example:80", "api.example"),
            ("http", "api.example:443", "api.example:443"),
            ("https", "api.example:80", "api.example:80"),
            ("https", "api.example:08443", "api.example:8443"),
            ("https", "api.example:99999", "api.example:99999"),
            ("", "api.example:443", "api.example:443"),
            ("https", "[2001:DB8::1]:443", "[2001:db8::1]"),
            ("https", "[2001:DB8::1]", "[2001:db8::1]"),
            ("https", "[::1]:8443", "[::1]:8443"),
            ("https", "user@api.example", "user@api.example"),
            ("https", "", ""),
        ] {
            let given = [("host", host), ("scheme", scheme)];
            assert_eq!(seen(&given, "host").as_deref(), Some(normal), "{host}");
            assert_eq!(seen(&given, "raw_host").as_deref(), Some(host));
        }
        let own = [("host", "A"), ("raw_host", "b")];
        assert_eq!(attributes(own.into_iter()).len(), 2, "the caller has said it");
        assert_eq!(seen(&own, "raw_host").as_deref(), Some("b"));
        assert_eq!(seen(&[("scheme", "HTTPS")], "scheme").as_deref(), Some("https"));
        assert_eq!(seen(&[("method", "Get")], "method").as_deref(), Some("Get"));
    }

    #[test]
    fn a_path_has_one_form_or_none() {
        for (path, normal) in [
            ("/users/alice", Some("/users/alice")),
            ("/users/%61lice/%7E%2d", Some("/users/alice/~-")),
            ("/a%2fb/%c3%a9", Some("/a%2Fb/%C3%A9")),
            ("/a//b/", Some("/a//b/")),
            ("/a/...", Some("/a/...")),
            ("/a.b/..c/%", Some("/a.b/..c/%")),
            ("/é?x=../y", Some("/é?x=../y")),
            ("*", Some("*")),
            ("", Some("")),
            ("/users/alice/../bob", None),
            ("/users/alice/..", None),
            ("/./a", None),
            ("/a/%2e%2E/b", None),
            ("/a/.%2e/b", None),
            ("/a/..%2Fb", None),
            ("/a/..\\b", None),
            ("/a%5C..%5Cb", None),
            ("/a/..;x=1/b", None),
        ] {
            assert_eq!(seen(&[("path", path)], "path").as_deref(), normal, "{path}");
            assert_eq!(seen(&[("path", path)], "raw_path").as_deref(), Some(path));
        }
    }
}
