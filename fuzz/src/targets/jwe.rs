//! Fuzzes the five parts of an encrypted token and its header: the parts are those between the
//! dots, each has the length that its algorithm requires, and the header has the values that
//! `serde_json` reads.

use crate::memory;
use jwtd_core::jose::base64url::encode;
use jwtd_core::jose::{CompactJwe, JweHeader, KeyMode, KeyParameters, Limits, Malformed};
use serde_json::Value;

/// Runs the target on one input.
pub fn run(input: &[u8]) {
    let [short, long, token @ ..] = input else { return };
    // The limits are small, so that inputs lie on both sides of each.
    let limits = Limits {
        token_bytes: 16 + usize::from(*long) * 32,
        header_bytes: 16 + usize::from(*short) * 8,
        signature_bytes: usize::from(*short) * 4,
        ..Limits::DEFAULT
    };
    let parts: Vec<&[u8]> = token.split(|byte| *byte == b'.').collect();
    let split = memory::bounded(0, 0, || CompactJwe::split(token, &limits));
    assert_eq!(split.is_some(), parts.len() == 5 && token.len() <= limits.token_bytes);
    let Some(jwe) = split else {
        // Reads the input as a header alone, which the dots and lengths cannot reject.
        header(token, &limits);
        return;
    };
    assert_eq!(jwe.encoded_header(), parts[0]);
    let Ok(text) = jwe.header(&limits) else { return };
    assert!(text.len() <= limits.header_bytes);
    assert_eq!(encode(&text).as_bytes(), parts[0]);
    let Some(header) = header(&text, &limits) else { return };
    match memory::bounded(token.len(), 2, || jwe.parts(header.encryption, &limits)) {
        Ok(found) => {
            assert_eq!(found.additional_data, parts[0]);
            assert!(found.encrypted_key.len() <= limits.signature_bytes);
            assert_eq!(found.vector.len(), header.encryption.vector_bytes());
            assert_eq!(found.tag.len(), header.encryption.tag_bytes());
            let own = [found.encrypted_key, found.vector, found.ciphertext, found.tag];
            for (own, part) in own.iter().zip(&parts[1..]) {
                assert_eq!(encode(own).as_bytes(), *part);
            }
        }
        Err(
            Malformed::Base64 { .. } | Malformed::PartLength { .. } | Malformed::TooLong { .. },
        ) => {}
        Err(other) => panic!("{other}"),
    }
}

/// Reads a header in two ways; returns it if it is valid.
fn header(text: &[u8], limits: &Limits) -> Option<JweHeader> {
    let parsed = JweHeader::parse(text, limits);
    let header = match parsed {
        Ok(header) => header,
        Err(fault) => {
            assert!(fault.to_string().len() < 300);
            return None;
        }
    };
    let value: Value = serde_json::from_slice(text).unwrap();
    let members = value.as_object().unwrap();
    assert_eq!(members["alg"], header.algorithm.name());
    assert_eq!(members["enc"], header.encryption.name());
    let unset = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(all) => all.is_empty(),
        _ => false,
    };
    assert!(members.get("zip").is_none_or(unset));
    assert!(members.get("crit").is_none() && members.get("b64").is_none());
    let id = members.get("kid").filter(|id| !unset(id)).and_then(Value::as_str);
    assert_eq!(header.key_id.as_deref(), id);
    match (header.algorithm.mode(), &header.parameters) {
        (KeyMode::KeyAgreement(_), KeyParameters::Agreement { ephemeral, party_u, party_v }) => {
            assert!(members["epk"].is_object());
            assert!(party_u.len() <= 512 && party_v.len() <= 512);
            let again: Value = serde_json::from_str(&ephemeral.to_json()).unwrap();
            assert_eq!(
                (&again["kty"], &again["crv"]),
                (&members["epk"]["kty"], &members["epk"]["crv"])
            );
        }
        (KeyMode::GcmKeyWrapping(_), KeyParameters::Gcm { vector, tag }) => {
            assert_eq!(members["iv"], encode(vector));
            assert_eq!(members["tag"], encode(tag));
        }
        (KeyMode::KeyAgreement(_) | KeyMode::GcmKeyWrapping(_), other) => panic!("{other:?}"),
        (_, parameters) => assert_eq!(*parameters, KeyParameters::None),
    }
    // A claim that the payload lacks is never reported as matching.
    let empty = header.agrees_with(b"{}", limits);
    assert!(!empty || ["iss", "sub", "aud"].iter().all(|name| !members.contains_key(*name)));
    Some(header)
}
