//! Payloads and headers of each JSON type, and of none (CVE-2026-107723), correctly signed; and
//! registered claims of the wrong type.

use crate::attacks::corpus::Forge;
use jwtd_core::jose::base64url;
use jwtd_core::verify::Reason::{
    ClaimBadType, ClaimsBadJson, ClaimsNotObject, HeaderBadJson, HeaderBadParameter,
    HeaderNotObject, IssuerMissing,
};

pub(crate) fn add(forge: &mut Forge) {
    let world = forge.world;
    let signer = world.main.ed25519();
    let id = signer.id.as_deref().unwrap();
    let claims = forge.claims(&[]);
    let other = signer.header("");
    let no_objects = [
        "null", "true", "false", "0", "-1", "1.5", "\"\"", "\"none\"", "[]", "[{}]", "[[]]",
        "[1,2]", "[null]",
    ];
    for text in no_objects {
        let more = if text == "null" { "" } else { " " };
        let payload = format!("{text}{more}");
        forge.add(format!("payload {text}"), signer.sign(&other, &payload), &[ClaimsNotObject]);
        forge.add(format!("header {text}"), signer.sign(text, &claims), &[HeaderNotObject]);
    }
    for (name, payload) in [
        ("an array of the claims", format!("[{claims}]")),
        ("the claims as a text", serde_json::Value::from(claims.clone()).to_string()),
        ("an array of pairs", format!(r#"[["iss","{}"]]"#, world.main.identifier)),
    ] {
        forge.add(name, signer.sign(&other, &payload), &[ClaimsNotObject]);
    }
    let bytes: [(&str, Vec<u8>); 16] = [
        ("nothing", Vec::new()),
        ("a byte order mark", [b"\xef\xbb\xbf", claims.as_bytes()].concat()),
        ("UTF-16, big", claims.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("UTF-16, little", claims.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("UTF-32", claims.chars().flat_map(|one| u32::from(one).to_be_bytes()).collect()),
        (
            "a byte that is not UTF-8",
            claims
                .replace("alice", "a\u{1}")
                .into_bytes()
                .iter()
                .map(|byte| if *byte == 1 { 0xff } else { *byte })
                .collect(),
        ),
        (
            "an overlong form",
            [&claims.as_bytes()[..1], b"\"a\":\"\xc0\x80\",", &claims.as_bytes()[1..]].concat(),
        ),
        (
            "a surrogate in UTF-8",
            [&claims.as_bytes()[..1], b"\"a\":\"\xed\xa0\x80\",", &claims.as_bytes()[1..]].concat(),
        ),
        ("a zero behind", [claims.as_bytes(), b"\0"].concat()),
        ("a zero before", [b"\0", claims.as_bytes()].concat()),
        ("twice", [claims.as_bytes(), claims.as_bytes()].concat()),
        ("a letter behind", [claims.as_bytes(), b"x"].concat()),
        ("less its last byte", claims.as_bytes()[..claims.len() - 1].to_vec()),
        ("a line separator before", ["\u{2028}".as_bytes(), claims.as_bytes()].concat()),
        ("a comment", [claims.as_bytes(), b"//"].concat()),
        ("CBOR", b"\xa1\x01\x63https://main.example".to_vec()),
    ];
    let header = base64url::encode(other.as_bytes());
    for (name, payload) in bytes {
        let token = signer.sign_parts(header.as_bytes(), base64url::encode(&payload).as_bytes());
        forge.add(format!("payload: {name}"), token, &[ClaimsBadJson]);
    }
    let payload = base64url::encode(claims.as_bytes());
    let headers: [(&str, Vec<u8>); 7] = [
        ("nothing", Vec::new()),
        ("a byte order mark", [b"\xef\xbb\xbf", other.as_bytes()].concat()),
        ("UTF-16", other.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("twice", [other.as_bytes(), other.as_bytes()].concat()),
        ("a letter behind", [other.as_bytes(), b"x"].concat()),
        ("less its last byte", other.as_bytes()[..other.len() - 1].to_vec()),
        (
            "a byte that is not UTF-8",
            [&other.as_bytes()[..1], b"\"a\":\"\xff\",", &other.as_bytes()[1..]].concat(),
        ),
    ];
    for (name, header) in headers {
        let token = signer.sign_parts(base64url::encode(&header).as_bytes(), payload.as_bytes());
        forge.add(format!("header: {name}"), token, &[HeaderBadJson]);
    }
    let url = format!(r#""{}""#, world.main.identifier);
    let both = format!("[{url},\"https://other.example\"]");
    for (name, value) in [
        ("iss", "7"),
        ("iss", "true"),
        ("iss", "{}"),
        ("sub", "7"),
        ("sub", "[\"alice\"]"),
        ("sub", "{}"),
        ("sub", "true"),
        ("jti", "7"),
        ("jti", "{}"),
        ("jti", "1e400x"),
        ("scope", "7"),
        ("scope", "{}"),
        ("scope", "[1]"),
        ("scope", "[[\"a\"]]"),
        ("scp", "7"),
        ("scp", "{}"),
        ("scp", "[\"a\",null]"),
        ("iss", &both),
        ("iss", &format!("[{url}]")),
        ("iss", &format!(r#"{{"0":{url}}}"#)),
    ] {
        let token = forge.with_claims(&[(name, value)]);
        let expected = if value == "1e400x" { &[ClaimsBadJson] } else { &[ClaimBadType] };
        forge.add(format!("{name} is {value}"), token, expected);
    }
    for value in ["null", "\"\"", "[]"] {
        let token = forge.with_claims(&[("iss", value)]);
        forge.add(format!("iss is {value}"), token, &[IssuerMissing]);
    }
    for (name, value) in [
        ("alg", "null"),
        ("alg", "[]"),
        ("kid", "7"),
        ("kid", "true"),
        ("kid", "{}"),
        ("kid", &format!("[\"{id}\"]")),
        ("kid", &format!("{{\"0\":\"{id}\"}}")),
        ("typ", "7"),
        ("typ", "[\"JWT\"]"),
        ("typ", "{}"),
        ("typ", "false"),
    ] {
        let alg = if name == "alg" { "" } else { r#""alg":"EdDSA","# };
        let token = forge.with_header(&format!(r#"{{{alg}"{name}":{value}}}"#));
        forge.add(format!("{name} in the header is {value}"), token, &[HeaderBadParameter]);
    }
}
