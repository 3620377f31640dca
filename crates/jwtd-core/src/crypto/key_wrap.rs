//! AES Key Wrap (RFC 3394). The only file that names `aes_kw`.
//!
//! aws-lc-rs has two of the three sizes, and leaves a copy of the key in memory at each use; this
//! has all of them and wipes what it holds.

use aes_kw::{KeyInit as _, KwAes128, KwAes192, KwAes256};
use zeroize::Zeroizing;

/// Unwraps a key with one of 16, 24 or 32 bytes; nothing if it was not wrapped with that one.
pub(super) fn unwrap(key: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut room = Zeroizing::new(vec![0; wrapped.len().checked_sub(8)?]);
    match key.len() {
        16 => KwAes128::new_from_slice(key).ok()?.unwrap_key(wrapped, &mut room).ok()?,
        24 => KwAes192::new_from_slice(key).ok()?.unwrap_key(wrapped, &mut room).ok()?,
        32 => KwAes256::new_from_slice(key).ok()?.unwrap_key(wrapped, &mut room).ok()?,
        _ => return None,
    };
    Some(room)
}

/// Wraps a content key with a key of 16, 24 or 32 bytes.
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
