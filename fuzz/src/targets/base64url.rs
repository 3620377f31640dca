//! Compares base64url with the crate `base64`, in both directions.

use crate::memory;
use base64::engine::{Engine as _, general_purpose::URL_SAFE_NO_PAD};
use jwtd_core::jose::base64url::{Base64Fault, decode, decoded_length, encode};

fn foreign(byte: &u8) -> bool {
    !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_')
}

/// Runs the target on one input.
pub fn run(input: &[u8]) {
    // Every byte string has one encoding, which decodes to the same bytes.
    let spelled = encode(input);
    assert_eq!(spelled, URL_SAFE_NO_PAD.encode(input));
    assert_eq!(decode(spelled.as_bytes()).as_deref(), Ok(input));

    let decoded = memory::bounded(input.len(), 1, || decode(input));
    assert_eq!(decoded.clone().ok(), URL_SAFE_NO_PAD.decode(input).ok());
    match decoded {
        Ok(bytes) => {
            assert_eq!(encode(&bytes).as_bytes(), input, "another spelling of the same bytes");
            assert_eq!(decoded_length(input.len()), bytes.len());
        }
        Err(Base64Fault::Character { offset }) => {
            assert_eq!(input.iter().position(foreign), Some(offset));
        }
        Err(Base64Fault::Length) => assert_eq!(input.len() % 4, 1),
        Err(Base64Fault::TrailingBits) => assert!(!input.iter().any(foreign)),
    }
}
