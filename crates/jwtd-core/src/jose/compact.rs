//! The compact serialization of a JWS (RFC 7515, section 7.1): three base64url
//! parts with two dots between them. The JSON serializations are refused.

use super::base64url;
use super::limits::Limits;
use super::malformed::{Malformed, Part};

/// A token split at its dots; no part is decoded yet.
#[derive(Clone, Copy, Debug)]
pub struct CompactJws<'t> {
    header: &'t [u8],
    payload: &'t [u8],
    signature: &'t [u8],
    signing_input: &'t [u8],
}

impl<'t> CompactJws<'t> {
    /// Splits `token` into its three parts.
    ///
    /// # Errors
    /// If the token is empty, too long, or has not exactly three parts.
    pub fn split(token: &'t [u8], limits: &Limits) -> Result<Self, Malformed> {
        if token.is_empty() {
            return Err(Malformed::Empty);
        }
        if token.len() > limits.token_bytes {
            let (length, limit) = (token.len(), limits.token_bytes);
            return Err(Malformed::TooLong { part: None, length, limit });
        }
        // Checked before the dots, because a JSON text with dots in it would look like something
        // else (R09).
        if token.first() == Some(&b'{') {
            return Err(Malformed::JsonSerialization);
        }
        // Counting stops at five dots, which are enough to rule out both JWS and JWE: a token of
        // nothing but dots costs no more than any other (R02).
        let mut dots = memchr::memchr_iter(b'.', token).take(5);
        let (first, second) = match (dots.next(), dots.next(), dots.count()) {
            (Some(first), Some(second), 0) => (first, second),
            (Some(_), Some(_), 2) => return Err(Malformed::Encrypted),
            (Some(_), Some(_), more) => {
                return Err(Malformed::Parts { found: more.saturating_add(3) });
            }
            (one, _, _) => {
                return Err(Malformed::Parts { found: if one.is_some() { 2 } else { 1 } });
            }
        };
        // The signing input is a slice of the original token, never re-assembled, so that the bytes
        // verified are the bytes sent.
        let (signing_input, signature) = token.split_at(second);
        let (header, payload) = signing_input.split_at(first);
        let after_dot = |part: &'t [u8]| part.split_first().map_or(&[][..], |(_, rest)| rest);
        Ok(Self {
            header,
            payload: after_dot(payload),
            signature: after_dot(signature),
            signing_input,
        })
    }

    /// The signing input: header, dot and payload as sent.
    #[must_use]
    pub fn signing_input(&self) -> &'t [u8] {
        self.signing_input
    }

    /// The header as sent, encoded.
    #[must_use]
    pub fn encoded_header(&self) -> &'t [u8] {
        self.header
    }

    /// The decoded header.
    ///
    /// # Errors
    /// If it is too long or not canonical base64url.
    pub fn header(&self, limits: &Limits) -> Result<Vec<u8>, Malformed> {
        decode(Part::Header, self.header, limits.header_bytes)
    }

    /// The decoded payload. Its length is bounded by that of the token.
    ///
    /// # Errors
    /// If it is not canonical base64url.
    pub fn payload(&self) -> Result<Vec<u8>, Malformed> {
        decode(Part::Payload, self.payload, usize::MAX)
    }

    /// The decoded signature.
    ///
    /// # Errors
    /// If it is empty, too long or not canonical base64url.
    pub fn signature(&self, limits: &Limits) -> Result<Vec<u8>, Malformed> {
        if self.signature.is_empty() {
            return Err(Malformed::SignatureMissing);
        }
        decode(Part::Signature, self.signature, limits.signature_bytes)
    }
}

pub(super) fn decode(part: Part, text: &[u8], limit: usize) -> Result<Vec<u8>, Malformed> {
    let length = base64url::decoded_length(text.len());
    if length > limit {
        return Err(Malformed::TooLong { part: Some(part), length, limit });
    }
    base64url::decode(text).map_err(|fault| Malformed::Base64 { part, fault })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits::DEFAULT;

    #[test]
    fn r02_only_three_parts_are_a_signed_token() {
        let found = |token: &str| match CompactJws::split(token.as_bytes(), &LIMITS) {
            Err(Malformed::Parts { found }) => found,
            other => panic!("{token}: {other:?}"),
        };
        assert_eq!(found("a"), 1);
        assert_eq!(found("a.b"), 2);
        assert_eq!(found("a.b.c.d"), 4);
        assert_eq!(found("a.b.c.d.e.f"), 6);
        assert_eq!(found(&".".repeat(16_000)), 6);
        let five = CompactJws::split(b"a.b.c.d.e", &LIMITS);
        assert!(matches!(five, Err(Malformed::Encrypted)));
        assert!(matches!(CompactJws::split(b"", &LIMITS), Err(Malformed::Empty)));
    }

    #[test]
    fn r09_the_json_serializations_are_refused() {
        for token in [
            r#"{"payload":"e30","protected":"e30","signature":"AAAA"}"#,
            r#"{"payload":"a.b.c","signatures":[]}"#,
        ] {
            let refused = CompactJws::split(token.as_bytes(), &LIMITS);
            assert!(matches!(refused, Err(Malformed::JsonSerialization)), "{token}");
        }
    }

    #[test]
    fn the_signing_input_is_what_was_sent() {
        let jws = CompactJws::split(b"YWE.YmI.Y2M", &LIMITS).unwrap();
        assert_eq!(jws.signing_input(), b"YWE.YmI");
        assert_eq!(jws.header(&LIMITS).unwrap(), b"aa");
        assert_eq!(jws.payload().unwrap(), b"bb");
        assert_eq!(jws.signature(&LIMITS).unwrap(), b"cc");
    }

    #[test]
    fn r04_t08_lengths_are_checked_before_decoding() {
        let token = "a".repeat(LIMITS.token_bytes + 1);
        let refused = CompactJws::split(token.as_bytes(), &LIMITS);
        assert!(matches!(refused, Err(Malformed::TooLong { part: None, .. })));
        let token = format!("{}.e30.{}", "A".repeat(5464), "A".repeat(1368));
        let jws = CompactJws::split(token.as_bytes(), &LIMITS).unwrap();
        let too_long = |part| move |fault| matches!(fault, Malformed::TooLong { part: p, .. } if p == Some(part));
        assert!(jws.header(&LIMITS).is_err_and(too_long(Part::Header)));
        assert!(jws.signature(&LIMITS).is_err_and(too_long(Part::Signature)));
    }
}
