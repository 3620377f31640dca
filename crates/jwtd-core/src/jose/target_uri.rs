//! The target URI of an HTTP request, normalized, so that what a DPoP proof names (`htu`) can be
//! compared with what was requested (RFC 9449, section 4.3, item 9; RFC 3986, section 6.2).

use std::fmt::Write as _;

/// An `http` or `https` URI without query and fragment, in one spelling.
///
/// The scheme and the host are in lower case, the default port is dropped, an empty path is `/`, and
/// percent-encoded unreserved characters are decoded (RFC 3986, sections 6.2.2 and 6.2.3). Everything
/// else counts: `%2F` is not `/`, a final slash is part of the path, and dot segments stay, because
/// servers differ in what they make of them.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct TargetUri(Box<str>);

/// Why a text is not the target URI of an HTTP request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadTargetUri {
    /// It has a character that no URI has, such as a space or one that is not ASCII.
    #[error("it has a character that must be percent-encoded")]
    Character,
    /// It has a percent sign without two hexadecimal digits.
    #[error("it has a percent sign without two hexadecimal digits")]
    Escape,
    /// It has no host, or one that cannot be read.
    #[error("it has no host, or one that cannot be read")]
    Host,
    /// The port is not a number up to 65535.
    #[error("its port is not a number up to 65535")]
    Port,
    /// It does not begin with `http://` or `https://`.
    #[error("it does not begin with http:// or https://")]
    Scheme,
    /// It is longer than [`TargetUri::MAX_BYTES`].
    #[error("it is longer than 8192 bytes")]
    TooLong,
    /// It has a user name or a password.
    #[error("it has a user name or a password")]
    UserInformation,
}

impl TargetUri {
    /// The longest text that is read, in bytes.
    pub const MAX_BYTES: usize = 8192;

    /// Reads a URI; its query and its fragment are dropped.
    ///
    /// # Errors
    /// Returns the first fault found.
    pub fn parse(text: &str) -> Result<Self, BadTargetUri> {
        if text.len() > Self::MAX_BYTES {
            return Err(BadTargetUri::TooLong);
        }
        if !text.bytes().all(is_uri_byte) {
            return Err(BadTargetUri::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(BadTargetUri::Scheme)?;
        let (scheme, default_port) = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => ("https", 443),
            _ if scheme.eq_ignore_ascii_case("http") => ("http", 80),
            _ => return Err(BadTargetUri::Scheme),
        };
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, path),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(BadTargetUri::UserInformation);
        }
        let (host, port) = split_port(authority)?;
        let mut normal = format!("{scheme}://");
        normalize(&host.to_ascii_lowercase(), &mut normal)?;
        // Decoding may have brought upper case back.
        normal.make_ascii_lowercase();
        if let Some(port) = port.filter(|port| *port != default_port) {
            write!(normal, ":{port}").unwrap_or_default();
        }
        normal.push('/');
        normalize(path, &mut normal)?;
        Ok(Self(normal.into()))
    }

    /// The normalized text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Splits an authority into its host and its port.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), BadTargetUri> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(_) => {
            let end = authority.find(']').ok_or(BadTargetUri::Host)?;
            let (host, rest) =
                authority.split_at_checked(end.saturating_add(1)).unwrap_or_default();
            let is_address =
                |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b'[' | b']');
            if !host.bytes().all(is_address) {
                return Err(BadTargetUri::Host);
            }
            match (rest, rest.strip_prefix(':')) {
                ("", _) => (host, ""),
                (_, Some(port)) => (host, port),
                (_, None) => return Err(BadTargetUri::Host),
            }
        }
        None => authority.split_once(':').unwrap_or((authority, "")),
    };
    let is_bracketed = host.starts_with('[');
    if host.is_empty() || (!is_bracketed && host.contains(['[', ']', ':'])) {
        return Err(BadTargetUri::Host);
    }
    if port.is_empty() {
        return Ok((host, None));
    }
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    let number = port.parse().ok().filter(|_| is_number);
    Ok((host, Some(number.ok_or(BadTargetUri::Port)?)))
}

/// Appends `text` with percent-encoded unreserved characters decoded, and the other escapes in upper
/// case.
fn normalize(text: &str, normal: &mut String) -> Result<(), BadTargetUri> {
    let mut pieces = text.split('%');
    normal.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).ok_or(BadTargetUri::Escape)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(BadTargetUri::Escape);
        }
        let byte = u8::from_str_radix(digits, 16).map_err(|_| BadTargetUri::Escape)?;
        if is_unreserved(byte) {
            normal.push(char::from(byte));
        } else {
            normal.push('%');
            normal.push_str(&digits.to_ascii_uppercase());
        }
        normal.push_str(rest);
    }
    Ok(())
}

/// Unreserved characters (RFC 3986, section 2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Unreserved and reserved characters, and the percent sign (RFC 3986, section 2).
fn is_uri_byte(byte: u8) -> bool {
    is_unreserved(byte) || b":/?#[]@!$&'()*+,;=%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<String, BadTargetUri> {
        TargetUri::parse(text).map(|target| target.as_str().to_owned())
    }

    #[test]
    fn spellings_of_one_target_are_equal() {
        let one = "https://api.example.com/orders/~7-a";
        for text in [
            "https://api.example.com/orders/~7-a",
            "HTTPS://API.Example.COM/orders/~7-a",
            "https://api.example.com:443/orders/~7-a",
            "https://api.example.com:/orders/~7-a",
            "https://api.example.com:0443/orders/~7-a",
            "https://api.example.com/orders/%7E7%2da",
            "https://api.example.com/orders/%7e7-%61",
            "https://%61pi.example.com/orders/~7-a",
            "https://%41pi.example.com/orders/~7-a",
            "https://api.example.com/orders/~7-a?page=2",
            "https://api.example.com/orders/~7-a#top",
            "https://api.example.com/orders/~7-a?q=a/b#c?d",
        ] {
            assert_eq!(read(text).as_deref(), Ok(one), "{text}");
        }
        assert_eq!(read("http://h"), read("http://h:80/?x"));
        assert_eq!(read("https://h?x").as_deref(), Ok("https://h/"));
        assert_eq!(
            read("https://[2001:DB8::1]:8443/").as_deref(),
            Ok("https://[2001:db8::1]:8443/")
        );
        assert_eq!(read("https://h/a%2fb"), read("https://h/a%2Fb"));
    }

    #[test]
    fn what_differs_stays_different() {
        let all = [
            "https://h/a/b",
            "https://h/a%2Fb",
            "https://h/a/b/",
            "https://h/A/b",
            "https://h/a//b",
            "https://h//a/b",
            "https://h/a/./b",
            "https://h/a/c/../b",
            "https://h:8443/a/b",
            "https://h.example/a/b",
            "https://h./a/b",
            "http://h/a/b",
            "http://h:443/a/b",
            "https://h:80/a/b",
            "https://h/a/b;v=1",
            "https://h/a%3Fb",
            "https://h/",
        ];
        let read: std::collections::HashSet<_> =
            all.iter().map(|text| read(text).unwrap()).collect();
        assert_eq!(read.len(), all.len());
    }

    #[test]
    fn what_is_no_target_is_refused() {
        use BadTargetUri::{Character, Escape, Host, Port, Scheme, TooLong, UserInformation};
        for (text, fault) in [
            ("", Scheme),
            ("/orders", Scheme),
            ("api.example.com/orders", Scheme),
            ("ftp://h/", Scheme),
            ("https:/h/", Scheme),
            ("https:h", Scheme),
            ("https://", Host),
            ("https:///orders", Host),
            ("https://:443/", Host),
            ("https://?x", Host),
            ("https://[::1/", Host),
            ("https://[::1]x/", Host),
            ("https://[::g]/", Host),
            ("https://a]b/", Host),
            ("https://a:b:c/", Port),
            ("https://::1/", Host),
            ("https://h:65536/", Port),
            ("https://h:+1/", Port),
            ("https://h:-1/", Port),
            ("https://h:8x/", Port),
            ("https://user@h/", UserInformation),
            ("https://user:secret@h/", UserInformation),
            ("https://h/a b", Character),
            ("https://h/a\u{e4}", Character),
            ("https://h\u{0}/", Character),
            ("https://h/a\\b", Character),
            ("https://h/%", Escape),
            ("https://h/%4", Escape),
            ("https://h/%zz", Escape),
            ("https://h/%+1", Escape),
            ("https://%zz/", Escape),
        ] {
            assert_eq!(read(text), Err(fault), "{text}");
        }
        let longest = format!("https://h/{}", "a".repeat(TargetUri::MAX_BYTES - 10));
        assert!(read(&longest).is_ok());
        assert_eq!(read(&format!("{longest}a")), Err(TooLong));
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(text in "https?://[a-zA-Z%0-9.\\[\\]:]{1,12}/[ -~]{0,24}") {
            if let Ok(once) = read(&text) {
                prop_assert_eq!(read(&once), Ok(once));
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _any = read(&text);
        }
    }
}
