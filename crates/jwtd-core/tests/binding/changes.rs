//! Proofs that were good before something in them was changed.

use super::*;
use jwtd_core::jose::{Malformed, Part};
use jwtd_core::verify::{ProofExpiry, ProofFault};
use jwtd_testkit::tokens::sender::sha256;
use proptest::prelude::*;
use serde_json::{Value, json};

/// The members of a proof that are checked.
const MEMBERS: [&str; 8] = ["typ", "alg", "jwk", "jti", "htm", "htu", "iat", "ath"];

fn is_header(name: &str) -> bool {
    matches!(name, "typ" | "alg" | "jwk")
}

/// A proof with another value of a member, in JSON.
fn with(name: &str, value: &str) -> Result<(), BindingFault> {
    changed(|proof| match is_header(name) {
        true => proof.header(name, value),
        false => proof.claim(name, value),
    })
}

/// A short name of what is wrong.
fn short(outcome: Result<(), BindingFault>) -> String {
    match outcome {
        Ok(()) => "ok".to_owned(),
        Err(BindingFault::Proof(fault)) => match fault {
            ProofFault::Malformed(Malformed::Json { part: Part::Header, .. }) => {
                "header".to_owned()
            }
            ProofFault::Malformed(Malformed::Json { part: Part::Payload, .. }) => {
                "payload".to_owned()
            }
            ProofFault::Malformed(Malformed::Member { name, .. }) => format!("{name} malformed"),
            fault => format!("{fault:?}"),
        },
        Err(BindingFault::ProofExpired(ProofExpiry::Old { .. })) => "old".to_owned(),
        Err(BindingFault::ProofExpired(ProofExpiry::Early { .. })) => "early".to_owned(),
        Err(fault) => format!("{fault:?}"),
    }
}

#[test]
fn r37_each_member_that_is_dropped_is_missed() {
    for (name, fault) in [
        ("typ", "Type"),
        ("alg", "Malformed(AlgorithmMissing)"),
        ("jwk", "KeyMissing"),
        ("jti", "jti malformed"),
        ("htm", "htm malformed"),
        ("htu", "htu malformed"),
        ("iat", "iat malformed"),
        ("ath", "TokenHashMissing"),
    ] {
        assert_eq!(short(changed(|proof| proof.without(name))), fault, "{name}");
    }
}

#[test]
fn r37_each_member_that_is_there_twice_is_refused() {
    for name in MEMBERS {
        let fault = if is_header(name) { "header" } else { "payload" };
        assert_eq!(short(changed(|proof| proof.twice(name))), fault, "{name}");
    }
    // The same name in another spelling, and members that nobody looks at.
    let escaped = |proof: Proof<'static>| {
        let (header, claims) = proof.parts();
        SENDER.sign(&header, &claims.replacen('{', r#"{"\u0068tm":"GET","#, 1))
    };
    let token = bound();
    let proof = escaped(proof(&token));
    assert_eq!(short(Request::new(token, &proof).judged()), "payload");
    assert_eq!(short(changed(|proof| proof.claim("more", "1").twice("more"))), "payload");
    assert_eq!(short(changed(|proof| proof.header("more", "1").twice("more"))), "header");
    assert_eq!(short(changed(|proof| proof.claim("more", r#"{"a":1,"a":1}"#))), "payload");
    let jwk = SENDER.jwk().replacen('{', r#"{"kty":"EC","#, 1);
    assert_eq!(short(changed(|proof| proof.header("jwk", &jwk))), "header");
}

#[test]
fn r37_each_member_of_another_type_is_refused() {
    const TYPES: [&str; 8] = ["null", "true", "7", "-1.5", "[]", "{}", r#"["x"]"#, r#"{"x":1}"#];
    for name in MEMBERS {
        for value in TYPES {
            let fault = match (name, value) {
                ("jwk", "{}" | r#"{"x":1}"#) => "Key(Parameter(\"kty\"))".to_owned(),
                ("jwk", _) => "Key(NotObject)".to_owned(),
                // Unset, as libraries write it.
                ("typ", "null" | "[]") => "Type".to_owned(),
                ("iat", "7") => "old".to_owned(),
                _ => format!("{name} malformed"),
            };
            assert_eq!(short(with(name, value)), fault, "{name} {value}");
        }
    }
    assert_eq!(short(with("jwk", r#""x""#)), "Key(NotObject)");
    assert_eq!(short(with("iat", r#""1800000000""#)), "iat malformed");
    for value in TYPES {
        assert_eq!(short(with("nonce", value)), "nonce malformed", "{value}");
    }
    for name in ["exp", "nbf"] {
        for value in ["true", "[]", "{}", r#""1800000000""#, "-1"] {
            assert_eq!(short(with(name, value)), format!("{name} malformed"), "{value}");
        }
    }
}

#[test]
fn r37_parameters_that_change_the_meaning_of_a_jws_are_refused() {
    let of = |name: &str, value: &str| short(changed(|proof| proof.header(name, value)));
    assert_eq!(of("crit", r#"["exp"]"#), "Malformed(CriticalInvalid)");
    assert_eq!(of("crit", "[]"), "Malformed(CriticalInvalid)");
    assert_eq!(of("crit", "null"), "Malformed(CriticalInvalid)");
    let critical = changed(|proof| proof.header("x", "1").header("crit", r#"["x"]"#));
    assert_eq!(short(critical), "Malformed(CriticalUnsupported)");
    for value in ["false", "true", "null"] {
        assert_eq!(of("b64", value), "Malformed(UnencodedPayload)", "{value}");
    }
    // Only JWE has `zip` and `enc`; the other keys are not for this proof, and none is fetched.
    for (name, value) in [
        ("zip", r#""DEF""#),
        ("enc", r#""A128GCM""#),
        ("cty", r#""JWT""#),
        ("jku", r#""https://thief.example""#),
        ("x5u", r#""https://thief.example""#),
        ("x5c", r#"["AA"]"#),
        ("kid", r#""issuer-1""#),
    ] {
        assert_eq!(of(name, value), "ok", "{name}");
    }
}

/// A good proof and the verdicts on texts in its place.
struct Original {
    text: Vec<u8>,
    request: Request,
}

impl Original {
    fn new() -> Self {
        let token = bound();
        let text = proof(&token).signed();
        let request = Request::new(token, &text);
        assert_eq!(request.judged(), Ok(()));
        Self { text: text.into(), request }
    }

    fn judged(&mut self, text: Vec<u8>) -> Result<(), BindingFault> {
        // What is not UTF-8 cannot come this far.
        self.request.context.dpop_proof = Some(String::from_utf8(text).unwrap().into());
        self.request.judged()
    }
}

#[test]
fn r37_each_bit_counts() {
    let mut original = Original::new();
    for place in 0..original.text.len() {
        for bit in 0..7 {
            let mut text = original.text.clone();
            text[place] ^= 1 << bit;
            assert!(original.judged(text).is_err(), "bit {bit} of byte {place}");
        }
    }
}

#[test]
fn r37_no_beginning_of_a_proof_and_no_proof_without_a_byte_is_good() {
    let mut original = Original::new();
    for place in 0..original.text.len() {
        let mut text = original.text.clone();
        text.remove(place);
        assert!(original.judged(text).is_err(), "without byte {place}");
        let beginning = original.text[..place].to_vec();
        assert!(original.judged(beginning).is_err(), "{place} bytes");
    }
}

/// Values of all types; few are right.
fn any_value() -> impl Strategy<Value = Value> {
    let texts = prop::sample::select(vec![
        "dpop+jwt",
        "DPOP+JWT",
        "application/dpop+jwt",
        "JWT",
        "ES256",
        "EdDSA",
        "none",
        "POST",
        "post",
        URL,
        "https://api.example.com",
        "",
        "x",
    ]);
    let numbers = (-100_i64..100).prop_map(|after| json!(NOW + after));
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        numbers,
        texts.prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,3}", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Returns true if a value of a member is right, by the words of RFC 9449, section 4.3.
fn is_right(name: &str, value: &Value, token: &str) -> bool {
    let text = value.as_str();
    match name {
        "typ" => text.is_some_and(|text| {
            let text = text.to_ascii_lowercase();
            matches!(&*text, "dpop+jwt" | "application/dpop+jwt")
        }),
        "alg" => text == Some("ES256"),
        "jti" => text.is_some_and(|text| !text.is_empty()),
        "htm" => text == Some(METHOD),
        "htu" => text == Some(URL),
        "iat" => value.as_i64().is_some_and(|iat| (-65..=5).contains(&(iat - NOW))),
        "ath" => text == Some(&sha256(token.as_bytes())),
        "nonce" => text.is_some(),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn r37_a_changed_byte_is_noticed(place in any::<prop::sample::Index>(), byte in 0_u8..128) {
        let mut original = Original::new();
        let mut text = original.text.clone();
        let place = place.index(text.len());
        prop_assume!(text[place] != byte);
        text[place] = byte;
        prop_assert!(original.judged(text).is_err());
    }

    #[test]
    fn r37_a_changed_member_is_noticed(
        name in prop::sample::select(vec!["typ", "alg", "jwk", "jti", "htm", "htu", "iat", "ath", "nonce"]),
        value in any_value(),
    ) {
        let token = bound();
        let proof = proof(&token);
        let text = value.to_string();
        let proof = if is_header(name) { proof.header(name, &text) } else { proof.claim(name, &text) };
        let outcome = Request::new(token.clone(), &proof.signed()).judged();
        prop_assert_eq!(outcome.is_ok(), is_right(name, &value, &token), "{:?}", outcome);
    }
}
