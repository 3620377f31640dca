//! Certificate thumbprints in keys and tokens (RFC 7515, sections 4.1.7 and 4.1.8; RFC 7517,
//! sections 4.8 and 4.9).

use super::base64url;
use super::json::Value;

/// The known thumbprints of a certificate.
///
/// In a token they select one of the issuer's keys and never supply a key. A token whose
/// thumbprints match no key is treated like a token without thumbprints.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct CertificateThumbprints {
    /// `x5t`: the SHA-1 thumbprint. A collision selects another key of the same issuer, and the
    /// signature must still verify under that key.
    pub sha1: Option<[u8; 20]>,
    /// `x5t#S256`: the SHA-256 thumbprint.
    pub sha256: Option<[u8; 32]>,
}

impl CertificateThumbprints {
    /// Reads the thumbprints among the members that `find` returns. A malformed thumbprint counts
    /// as absent, because it selects no key.
    pub(super) fn read<'v, 't: 'v>(find: impl Fn(&str) -> Option<&'v Value<'t>>) -> Self {
        let text = |name| find(name).and_then(Value::as_str).map(str::as_bytes);
        Self { sha1: text("x5t").and_then(bytes), sha256: text("x5t#S256").and_then(bytes) }
    }

    /// Returns true if no thumbprint is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sha1.is_none() && self.sha256.is_none()
    }

    /// Returns true if both identify the same certificate, by the strongest hash that both have.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self.sha256.zip(other.sha256), self.sha1.zip(other.sha1)) {
            (Some((one, other)), _) => one == other,
            (None, Some((one, other))) => one == other,
            (None, None) => false,
        }
    }
}

/// Decodes a hash from base64url, or from hex, which some issuers write.
fn bytes<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let read = if text.len() == N.saturating_mul(2) { hex(text) } else { decode::<N>(text) };
    read?.try_into().ok()
}

fn decode<const N: usize>(text: &[u8]) -> Option<Vec<u8>> {
    // Anything longer is not a hash, and is not decoded.
    let short = text.len() <= N.saturating_mul(2);
    short.then(|| base64url::decode_any(text).ok()).flatten()
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, _) = text.as_chunks::<2>();
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Limits, json};

    fn read(text: &str) -> CertificateThumbprints {
        let value = json::parse(text.as_bytes(), &Limits::DEFAULT.json).unwrap();
        CertificateThumbprints::read(|name| value.member(name))
    }

    #[test]
    fn a_thumbprint_is_read_in_each_spelling_and_nothing_else_is_one() {
        let sha1 = Some(
            *b"\xfb\xff\xbf\xfb\xff\xbf\xfb\xff\xbf\xfb\xff\xbf\xfb\xff\xbf\xfb\xff\xbf\xfb\xff",
        );
        for text in [
            "-_-_-_-_-_-_-_-_-_-_-_-_-_8",
            "-_-_-_-_-_-_-_-_-_-_-_-_-_8=",
            "+/+/+/+/+/+/+/+/+/+/+/+/+/8=",
            "FBFFBFFBFFBFFBFFBFFBFFBFFBFFBFFBFFBFFBFF",
            "fbffbffbffbffbffbffbffbffbffbffbffbffbff",
        ] {
            let read = read(&format!(r#"{{"x5t":"{text}"}}"#));
            assert_eq!(read, CertificateThumbprints { sha1, sha256: None }, "{text}");
        }
        for text in [
            r#"{"x5t":"AAAA"}"#,
            r#"{"x5t":""}"#,
            r#"{"x5t":null}"#,
            r#"{"x5t":7}"#,
            r#"{"x5t":["AAAA"]}"#,
            r#"{"x5t#S256":"-_-_-_-_-_-_-_-_-_-_-_-_-_8"}"#,
            r#"{"x5t":"zbffbffbffbffbffbffbffbffbffbffbffbffbff"}"#,
        ] {
            assert!(read(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn the_stronger_hash_that_both_have_decides() {
        let of = |sha1: Option<u8>, sha256: Option<u8>| CertificateThumbprints {
            sha1: sha1.map(|byte| [byte; 20]),
            sha256: sha256.map(|byte| [byte; 32]),
        };
        for (one, other, same) in [
            (of(Some(1), None), of(Some(1), None), true),
            (of(Some(1), None), of(Some(2), None), false),
            (of(Some(1), Some(1)), of(Some(1), Some(2)), false),
            (of(Some(1), Some(1)), of(Some(2), Some(1)), true),
            (of(Some(1), Some(1)), of(Some(1), None), true),
            (of(None, Some(1)), of(Some(1), None), false),
            (of(None, None), of(None, None), false),
        ] {
            assert_eq!(one.is_same(&other), same, "{one:?} {other:?}");
        }
    }
}
