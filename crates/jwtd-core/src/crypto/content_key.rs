//! Content keys, and their derivation with Concat KDF (RFC 7518, section 4.6.2).

use super::decryption_key::DecryptionError;
use super::key_wrap;
use super::ring::{random, sha256};
use std::hint::black_box;
use zeroize::Zeroizing;

/// The longest content key, in bytes: that of A256CBC-HS512.
const LONGEST: usize = 64;

/// A content key of a known length. It starts as random bytes. If the real key cannot be decrypted,
/// the tag is checked with the random one, so that nobody can tell why decryption failed (RFC 7516,
/// section 11.5).
pub(super) struct ContentKey(Zeroizing<Vec<u8>>);

impl ContentKey {
    /// Returns `None` if the system has no random bytes.
    pub(super) fn random(length: usize) -> Option<Self> {
        random(length).map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// Replaces the random bytes with the decrypted key, if the lengths are equal. The time taken
    /// is the same in both cases.
    pub(super) fn replace(&mut self, found: Option<&[u8]>) {
        let found = found.filter(|key| key.len() == self.0.len());
        self.select(found.unwrap_or(&[0; LONGEST]), found.is_some());
    }

    /// Replaces the random bytes with the key that was wrapped with `key`. The caller has checked
    /// the lengths.
    pub(super) fn unwrap(&mut self, key: &[u8], wrapped: &[u8]) -> Result<(), DecryptionError> {
        let found = key_wrap::unwrap(key, wrapped);
        let (found, is_key) = found.ok_or(DecryptionError::Library)?;
        self.select(&found, is_key);
        Ok(())
    }

    /// Replaces the random bytes with the first bytes of `found` if `is_key` is true.
    pub(super) fn select(&mut self, found: &[u8], is_key: bool) {
        // Hidden from the compiler, which would otherwise split this into two loops.
        let mask = black_box(0_u8.wrapping_sub(u8::from(is_key)));
        for (to, from) in self.0.iter_mut().zip(found) {
            // Byte by byte: the speed of wider reads depends on the writes that came before them.
            *to = (black_box(*from) & mask) | (*to & !mask);
        }
    }

    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// The inputs of the key derivation besides the shared secret and the length (RFC 7518, section
/// 4.6.2).
pub(super) struct KeyUse<'u> {
    /// The `enc` value if the derived key encrypts the content, the `alg` value if it wraps the
    /// content key.
    pub(super) algorithm: &'u str,
    pub(super) party_u: &'u [u8],
    pub(super) party_v: &'u [u8],
}

/// Derives a key of `length` bytes from a shared secret.
pub(super) fn derive(secret: &[u8], of: &KeyUse<'_>, length: usize) -> Zeroizing<Vec<u8>> {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    let KeyUse { algorithm, party_u, party_v } = of;
    let mut key = Zeroizing::new(Vec::with_capacity(length.saturating_add(32)));
    let mut round = 1_usize;
    while key.len() < length {
        let mut input = Zeroizing::new(Vec::with_capacity(2048));
        input.extend_from_slice(&number(round));
        input.extend_from_slice(secret);
        for part in [algorithm.as_bytes(), party_u, party_v] {
            input.extend_from_slice(&number(part.len()));
            input.extend_from_slice(part);
        }
        input.extend_from_slice(&number(length.saturating_mul(8)));
        key.extend_from_slice(&*Zeroizing::new(sha256(&input)));
        round = round.saturating_add(1);
    }
    key.truncate(length);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::base64url;

    #[test]
    fn a_key_is_derived_as_in_rfc_7518() {
        // RFC 7518, appendix C.
        let secret = [
            158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49,
            110, 163, 218, 128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
        ];
        let of = KeyUse { algorithm: "A128GCM", party_u: b"Alice", party_v: b"Bob" };
        let key = derive(&secret, &of, 16);
        assert_eq!(base64url::encode(&key), "VqqN6vgjbSBcIijNcacQGg");
        let long = derive(&secret, &of, 64);
        assert_eq!(long.len(), 64);
        assert_ne!(long[..32], long[32..]);
    }

    #[test]
    fn r52_a_key_of_another_length_leaves_the_random_one() {
        let mut key = ContentKey::random(16).unwrap();
        let before = key.expose().to_vec();
        for found in [None, Some(&[7; 15][..]), Some(&[7; 17]), Some(&[])] {
            key.replace(found);
            assert_eq!(key.expose(), before);
        }
        key.replace(Some(&[7; 16]));
        assert_eq!(key.expose(), [7; 16]);
    }
}
