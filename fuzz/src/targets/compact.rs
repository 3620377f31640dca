//! Fuzzes the compact serialization: the parts are those between the dots, and joining them
//! restores the input.

use crate::memory;
use jwtd_core::jose::base64url::encode;
use jwtd_core::jose::{CompactJws, Limits, Malformed};

/// Runs the target on one input.
pub fn run(input: &[u8]) {
    let [short, long, token @ ..] = input else { return };
    // The limits are small, so that inputs lie on both sides of each.
    let limits = Limits {
        token_bytes: 16 + usize::from(*long) * 16,
        header_bytes: usize::from(*short),
        signature_bytes: usize::from(*short) / 2,
        ..Limits::DEFAULT
    };
    let parts: Vec<&[u8]> = token.split(|byte| *byte == b'.').collect();
    let split = memory::bounded(0, 0, || CompactJws::split(token, &limits));
    let jws = match split {
        Ok(jws) => jws,
        Err(malformed) => {
            assert!(malformed.to_string().len() < 200);
            match malformed {
                Malformed::Empty => assert!(token.is_empty()),
                Malformed::TooLong { part, length, limit } => {
                    assert_eq!((part, length, limit), (None, token.len(), limits.token_bytes));
                    assert!(length > limit);
                }
                Malformed::JsonSerialization => assert_eq!(token[0], b'{'),
                Malformed::Encrypted => assert_eq!(parts.len(), 5),
                Malformed::Parts { found } => {
                    assert_eq!(found, parts.len().min(6));
                    assert!(!matches!(found, 3 | 5));
                }
                other => panic!("{other}"),
            }
            return;
        }
    };
    let [header, payload, signature] = parts[..] else { panic!("{} parts", parts.len()) };
    assert!(token.len() <= limits.token_bytes && token[0] != b'{');
    assert_eq!(jws.signing_input(), [header, b".", payload].concat());
    let parts = memory::bounded(token.len(), 2, || {
        (jws.header(&limits), jws.payload(), jws.signature(&limits))
    });
    let spelled = |part: &Result<Vec<u8>, Malformed>| part.as_ref().ok().map(|bytes| encode(bytes));
    if let (Some(one), Some(two), Some(three)) =
        (spelled(&parts.0), spelled(&parts.1), spelled(&parts.2))
    {
        assert_eq!(format!("{one}.{two}.{three}").as_bytes(), token);
    }
    let bounded = |part: &Result<Vec<u8>, Malformed>, most: usize| {
        part.as_ref().is_ok_and(|bytes| bytes.len() > most)
    };
    assert!(!bounded(&parts.0, limits.header_bytes));
    assert!(!bounded(&parts.2, limits.signature_bytes));
    assert_eq!(matches!(parts.2, Err(Malformed::SignatureMissing)), signature.is_empty());
}
