//! JSONTestSuite as JSON, as header and payload of signed tokens, and within JWK Sets. Its files
//! are external test vectors.

use crate::common::{ED25519, files, reading_fault, sign, trust, vectors};
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::json::{JsonFault, parse};
use jwtd_core::jose::limits::JsonLimits;
use jwtd_core::jose::{Algorithm, JwkSet, Limits};
use jwtd_core::keys::{Issuers, Key, KeySet};
use jwtd_core::verify::{Reason, ReasonFamily};

/// No limits, so that a refusal is due to syntax alone.
const GENEROUS: JsonLimits =
    JsonLimits { depth: usize::MAX, members: usize::MAX, string_bytes: usize::MAX };

/// Valid JSON that is refused: RFC 7515, section 4 and RFC 7519, section 4 let a parser refuse a
/// member that appears twice.
const STRICTER: [&str; 2] =
    ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"];

/// Cases that RFC 8259 leaves open; `true` if the parser accepts them. A number beyond 64 bits or
/// below the smallest double is rounded to a double, and one beyond the largest double is refused.
/// A lone surrogate, an encoding other than UTF-8, a byte order mark and 500 levels are refused.
const OPEN: &[(&str, bool)] = &[
    ("i_number_double_huge_neg_exp.json", true),
    ("i_number_huge_exp.json", false),
    ("i_number_neg_int_huge_exp.json", false),
    ("i_number_pos_double_huge_exp.json", false),
    ("i_number_real_neg_overflow.json", false),
    ("i_number_real_pos_overflow.json", false),
    ("i_number_real_underflow.json", true),
    ("i_number_too_big_neg_int.json", true),
    ("i_number_too_big_pos_int.json", true),
    ("i_number_very_big_negative_int.json", true),
    ("i_object_key_lone_2nd_surrogate.json", false),
    ("i_string_1st_surrogate_but_2nd_missing.json", false),
    ("i_string_1st_valid_surrogate_2nd_invalid.json", false),
    ("i_string_UTF-16LE_with_BOM.json", false),
    ("i_string_UTF-8_invalid_sequence.json", false),
    ("i_string_UTF8_surrogate_U+D800.json", false),
    ("i_string_incomplete_surrogate_and_escape_valid.json", false),
    ("i_string_incomplete_surrogate_pair.json", false),
    ("i_string_incomplete_surrogates_escape_valid.json", false),
    ("i_string_invalid_lonely_surrogate.json", false),
    ("i_string_invalid_surrogate.json", false),
    ("i_string_invalid_utf-8.json", false),
    ("i_string_inverted_surrogates_U+1D11E.json", false),
    ("i_string_iso_latin_1.json", false),
    ("i_string_lone_second_surrogate.json", false),
    ("i_string_lone_utf8_continuation_byte.json", false),
    ("i_string_not_in_unicode_range.json", false),
    ("i_string_overlong_sequence_2_bytes.json", false),
    ("i_string_overlong_sequence_6_bytes.json", false),
    ("i_string_overlong_sequence_6_bytes_null.json", false),
    ("i_string_truncated-utf-8.json", false),
    ("i_string_utf16BE_no_BOM.json", false),
    ("i_string_utf16LE_no_BOM.json", false),
    ("i_structure_500_nested_arrays.json", false),
    ("i_structure_UTF-8_BOM_empty_object.json", false),
];

/// The 318 files by name, if they are present.
fn suite() -> Option<Vec<(String, Vec<u8>)>> {
    let suite = files(&vectors("json/test_parsing")?);
    assert!(suite.len() >= 318, "{}", suite.len());
    Some(suite)
}

/// Returns true if the file is acceptable JSON, judged by its name alone.
fn expected(name: &str) -> bool {
    let open = || OPEN.iter().find(|(file, _)| *file == name);
    match name.split('_').next() {
        Some("y") => !STRICTER.contains(&name),
        Some("n") => false,
        Some("i") => open().unwrap_or_else(|| panic!("{name} is not in the table")).1,
        _ => panic!("{name} has no label"),
    }
}

#[test]
fn t17_every_file_is_taken_or_refused_as_labelled() {
    let Some(suite) = suite() else { return };
    let (mut taken, mut refused) = (0, 0);
    for (name, text) in suite {
        let outcome = parse(&text, &GENEROUS);
        assert_eq!(outcome.is_ok(), expected(&name), "{name}: {outcome:?}");
        if let Err(fault) = outcome {
            let duplicate = STRICTER.contains(&name.as_str());
            assert_eq!(fault == JsonFault::Duplicate, duplicate, "{name}: {fault:?}");
            refused += 1;
        } else {
            taken += 1;
        }
    }
    // 93 of `y_` and 5 of `i_`; 188 of `n_`, 30 of `i_` and 2 of `y_`.
    assert!(taken >= 98 && refused >= 220, "{taken} {refused}");
}

/// An issuer with these limits, and its key.
fn issuer(limits: Limits) -> (SigningKey, Issuers) {
    let signer = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let key = Key::new(None, signer.verifying_key().unwrap());
    let (issuers, _) = trust("https://issuer.example", KeySet::new(vec![key]), limits);
    (signer, issuers)
}

/// The default limits of a token, and no limits.
fn bounds() -> [Limits; 2] {
    let unbounded = Limits {
        token_bytes: usize::MAX,
        header_bytes: usize::MAX,
        json: GENEROUS,
        ..Limits::DEFAULT
    };
    [Limits::DEFAULT, unbounded]
}

/// Asserts the reason for refusing a signed token with this file as payload or header: an object
/// lacks required members, other JSON is not an object, and anything else is malformed.
fn assert_reason(name: &str, text: &[u8], found: Option<Reason>, lacking: Reason, other: Reason) {
    let found = found.unwrap_or_else(|| panic!("{name} is read"));
    if expected(name) {
        let trimmed = text.trim_ascii_start();
        let wanted = if trimmed.starts_with(b"{") { lacking } else { other };
        assert_eq!(found, wanted, "{name}");
    } else {
        assert_eq!(found.family(), ReasonFamily::Malformed, "{name}: {found:?}");
    }
}

#[test]
fn t17_as_payload_of_a_signed_token_none_passes() {
    let Some(suite) = suite() else { return };
    for limits in bounds() {
        let (signer, issuers) = issuer(limits);
        for (name, text) in &suite {
            let token = sign(&signer, br#"{"alg":"EdDSA"}"#, text);
            let found = reading_fault(&token, &issuers);
            let (lacking, other) = (Reason::IssuerMissing, Reason::ClaimsNotObject);
            assert_reason(name, text, found, lacking, other);
        }
    }
}

#[test]
fn t17_as_header_of_a_signed_token_none_passes() {
    let Some(suite) = suite() else { return };
    for limits in bounds() {
        let (signer, issuers) = issuer(limits);
        for (name, text) in &suite {
            let token = sign(&signer, text, br#"{"iss":"https://issuer.example"}"#);
            let found = reading_fault(&token, &issuers);
            let (lacking, other) = (Reason::AlgorithmMissing, Reason::HeaderNotObject);
            assert_reason(name, text, found, lacking, other);
        }
    }
}

#[test]
fn within_a_key_set_only_a_string_can_be_an_id() {
    let Some(suite) = suite() else { return };
    for (name, text) in &suite {
        // No file is a JWK Set on its own.
        assert!(JwkSet::parse(text).is_err(), "{name}");
        assert!(JwkSet::parse_secrets(text).is_err(), "{name}");
        // Null and an empty array count as an unset `kid`.
        let unset = matches!(text.trim_ascii(), b"null" | b"[]");
        let string = expected(name) && (unset || text.trim_ascii_start().starts_with(b"\""));
        let id = format!(r#"{{"keys":[{},"kid":"#, ED25519.trim_end_matches('}'));
        // Inside a set, a file that is not JSON may become JSON, as `1,1` does, so the test only
        // looks at the keys.
        for (before, after, keys) in [
            (r#"{"keys":"#, "}", false),
            (r#"{"keys":["#, "]}", false),
            (r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"#, "}]}", false),
            (r#"{"keys":[{"kty":"RSA","e":"AQAB","n":"#, "}]}", false),
            (id.as_str(), "}]}", string),
        ] {
            let set = [before.as_bytes(), text, after.as_bytes()].concat();
            let found = JwkSet::parse(&set).is_ok_and(|set| !set.keys.is_empty());
            assert_eq!(found, keys, "{before}{name}{after}");
        }
        let secret = br#"{"keys":[{"kty":"oct","k":"AAAA","kid":"#;
        let set = [secret, &text[..], b"}]}"].concat();
        let found = JwkSet::parse_secrets(&set).is_ok_and(|set| !set.keys.is_empty());
        assert_eq!(found, string, "{name}");
    }
}
