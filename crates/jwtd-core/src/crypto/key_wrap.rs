//! AES Key Wrap (RFC 3394). This is the only file that names `aes_kw`.
//!
//! aws-lc-rs has two of the three key sizes, and leaves a copy of the key in memory at each use.
//! `aes_kw` has all three sizes and wipes what it holds.

use aes_kw::{KeyInit as _, KwAes128, KwAes192, KwAes256};
use std::hint::black_box;
use zeroize::Zeroizing;

/// Unwraps a key with a wrapping key of 16, 24 or 32 bytes; returns the key, and true if it was
/// wrapped with that key. Returns `None` if a length is wrong.
pub(super) fn unwrap(key: &[u8], wrapped: &[u8]) -> Option<(Zeroizing<Vec<u8>>, bool)> {
    let mut room = Zeroizing::new(vec![0; wrapped.len().checked_sub(8)?]);
    let is_key = match key.len() {
        16 => KwAes128::new_from_slice(key).ok()?.unwrap_key(wrapped, &mut room).is_ok(),
        24 => KwAes192::new_from_slice(key).ok()?.unwrap_key(wrapped, &mut room).is_ok(),
        32 => KwAes256::new_from_slice(key).ok()?.unwrap_key(wrapped, &mut room).is_ok(),
        _ => return None,
    };
    let mut other = [0; 64];
    if is_key {
        // The library wipes the buffer on failure. The same amount is wiped here, so that success
        // takes as long.
        black_box(&mut other).get_mut(..room.len()).unwrap_or_default().fill(0);
    }
    black_box(&other);
    Some((room, is_key))
}

/// Wraps a content key with a wrapping key of 16, 24 or 32 bytes.
pub(super) fn wrap(key: &[u8], content_key: &[u8]) -> Option<Vec<u8>> {
    let mut room = vec![0; content_key.len().checked_add(8)?];
    match key.len() {
        16 => KwAes128::new_from_slice(key).ok()?.wrap_key(content_key, &mut room).ok()?,
        24 => KwAes192::new_from_slice(key).ok()?.wrap_key(content_key, &mut room).ok()?,
        32 => KwAes256::new_from_slice(key).ok()?.wrap_key(content_key, &mut room).ok()?,
        _ => return None,
    };
    Some(room)
}
