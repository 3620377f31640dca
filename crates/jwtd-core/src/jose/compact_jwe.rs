//! The compact serialization of a JWE (RFC 7516, section 7.1): five base64url parts.

use super::base64url;
use super::compact::decode;
use super::content_encryption::ContentEncryption;
use super::limits::Limits;
use super::malformed::{Malformed, Part};

/// An encrypted token split at its dots; no part is decoded yet.
#[derive(Clone, Copy, Debug)]
pub struct CompactJwe<'t> {
    header: &'t [u8],
    encrypted_key: &'t [u8],
    vector: &'t [u8],
    ciphertext: &'t [u8],
    tag: &'t [u8],
}

/// The decoded parts of an encrypted token, with lengths that its algorithms allow.
#[derive(Clone, Debug)]
pub struct JweParts<'t> {
    /// The encoded header: the additional data that the tag authenticates beside the ciphertext
    /// (RFC 7516, section 5.1).
    pub additional_data: &'t [u8],
    /// The content key, encrypted to the recipient.
    pub encrypted_key: Vec<u8>,
    /// The initialization vector.
    pub vector: Vec<u8>,
    /// The ciphertext.
    pub ciphertext: Vec<u8>,
    /// The authentication tag.
    pub tag: Vec<u8>,
}

impl<'t> CompactJwe<'t> {
    /// Splits `token` into its five parts; `None` if it has another number of parts or is longer
    /// than `limits` allow.
    #[must_use]
    pub fn split(token: &'t [u8], limits: &Limits) -> Option<Self> {
        if token.len() > limits.token_bytes {
            return None;
        }
        // Splitting stops at a sixth part, which is enough to know that this is no JWE (R02).
        let mut parts = token.splitn(6, |byte| *byte == b'.');
        let mut next = || parts.next();
        let (header, encrypted_key, vector) = (next()?, next()?, next()?);
        let (ciphertext, tag) = (next()?, next()?);
        let none = next().is_none();
        none.then_some(Self { header, encrypted_key, vector, ciphertext, tag })
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

    /// Decodes the other parts; each length is checked first (R04, R52).
    ///
    /// # Errors
    /// If a part is not canonical base64url, or its length does not fit `encryption`.
    pub fn parts(
        &self,
        encryption: ContentEncryption,
        limits: &Limits,
    ) -> Result<JweParts<'t>, Malformed> {
        let exactly = |part, text: &[u8], expected| {
            let length = base64url::decoded_length(text.len());
            if length != expected {
                return Err(Malformed::PartLength { part, length, expected });
            }
            decode(part, text, expected)
        };
        let vector_bytes = encryption.vector_bytes();
        let parts = JweParts {
            additional_data: self.header,
            // The limit is that of a signature: both are at most as long as the largest RSA
            // modulus.
            encrypted_key: decode(Part::EncryptedKey, self.encrypted_key, limits.signature_bytes)?,
            vector: exactly(Part::InitializationVector, self.vector, vector_bytes)?,
            ciphertext: decode(Part::Ciphertext, self.ciphertext, usize::MAX)?,
            tag: exactly(Part::AuthenticationTag, self.tag, encryption.tag_bytes())?,
        };
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits::DEFAULT;

    #[test]
    fn r02_only_five_parts_are_an_encrypted_token() {
        let is_split = |token: &str| CompactJwe::split(token.as_bytes(), &LIMITS).is_some();
        assert!(is_split("a.b.c.d.e") && is_split("...."));
        for token in ["", "a", "a.b.c", "a.b.c.d", "a.b.c.d.e.f", &".".repeat(16_000)] {
            assert!(!is_split(token), "{token}");
        }
        assert!(!is_split(&format!("....{}", "A".repeat(LIMITS.token_bytes))));
    }

    #[test]
    fn r52_t32_vectors_and_tags_of_other_lengths_are_refused() {
        for encryption in ContentEncryption::ALL {
            for length in 0..=33 {
                let text = base64url::encode(&vec![7; length]);
                let fixed = |bytes| base64url::encode(&vec![7; bytes]);
                let vector = format!("e30..{text}.AAAA.{}", fixed(encryption.tag_bytes()));
                let tag = format!("e30..{}.AAAA.{text}", fixed(encryption.vector_bytes()));
                for (token, right) in
                    [(vector, encryption.vector_bytes()), (tag, encryption.tag_bytes())]
                {
                    let jwe = CompactJwe::split(token.as_bytes(), &LIMITS).unwrap();
                    let parts = jwe.parts(*encryption, &LIMITS);
                    assert_eq!(parts.is_ok(), length == right, "{encryption} {length}");
                }
            }
        }
    }

    #[test]
    fn r04_an_encrypted_key_longer_than_any_is_refused_before_it_is_decoded() {
        let token = format!("e30.{}.AAAAAAAAAAAAAAAA.AAAA.AAAA", "*".repeat(1368));
        let jwe = CompactJwe::split(token.as_bytes(), &LIMITS).unwrap();
        let refused = jwe.parts(ContentEncryption::A128Gcm, &LIMITS).unwrap_err();
        assert!(matches!(refused, Malformed::TooLong { part: Some(Part::EncryptedKey), .. }));
    }
}
