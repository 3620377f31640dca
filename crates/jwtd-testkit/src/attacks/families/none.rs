//! `none` in all its spellings (CVE-2015-2951): each with an empty signature, an invalid one, and a
//! valid one.

use crate::attacks::corpus::Forge;
use jwtd_core::jose::base64url;
use jwtd_core::verify::Reason::{
    AlgorithmMissing, AlgorithmNone, AlgorithmUnsupported, HeaderBadJson, HeaderBadParameter,
};

pub(crate) fn add(forge: &mut Forge) {
    let mut spellings = Vec::new();
    for bits in 0..16 {
        let letter = |(place, letter): (usize, char)| {
            if bits >> place & 1 == 1 { letter.to_ascii_uppercase() } else { letter }
        };
        spellings.push("none".chars().enumerate().map(letter).collect::<String>());
    }
    for space in [" ", "\\t", "\\n", "\\r", "\\r\\n", "\\f", "\\u0000", "\\u00a0", "\\u2003"] {
        spellings.extend([format!("none{space}"), format!("{space}none"), format!("no{space}ne")]);
    }
    // Characters that case-fold to letters of `none`, look like them, or are invisible.
    for odd in [
        "\\u006eone",
        "\\u006e\\u006f\\u006e\\u0065",
        "n\\u006FnE",
        "\u{ff4e}\u{ff4f}\u{ff4e}\u{ff45}",
        "n\u{43e}ne",
        "n\u{3bf}ne",
        "non\u{435}",
        "n\u{ba}ne",
        "\u{24dd}one",
        "n\u{f6}ne",
        "no\u{301}ne",
        "\u{feff}none",
        "no\u{200b}ne",
        "none\u{ad}",
        "\u{202e}enon",
        "ⁿone",
        "",
        "null",
        "nul",
        "non",
        "nonee",
        "None,none",
        "none none",
        "none/RS256",
        "alg:none",
        "HS0",
        "undefined",
        "false",
        "0",
        "unsecured",
        "plain",
        "identity",
        "-none",
        "none.",
        "/none",
    ] {
        spellings.push(odd.to_owned());
    }
    for spelling in spellings {
        spelled(forge, &spelling);
    }
    for (name, json) in [
        ("null", "null"),
        ("false", "false"),
        ("zero", "0"),
        ("an array", r#"["none"]"#),
        ("an array of two", r#"["EdDSA","none"]"#),
        ("an object", r#"{"none":1}"#),
        ("true", "true"),
        ("an empty array", "[]"),
        ("an empty object", "{}"),
    ] {
        let token = unsigned(forge, &format!(r#"{{"alg":{json}}}"#));
        forge.add(format!("alg is {name}"), token, &[HeaderBadParameter]);
        let token = forge.with_header(&format!(r#"{{"alg":{json}}}"#));
        forge.add(format!("alg is {name}, well signed"), token, &[HeaderBadParameter]);
    }
    for (name, header) in [
        ("no alg", "{}"),
        ("alg in upper case", r#"{"ALG":"EdDSA"}"#),
        ("alg with a space", r#"{"alg ":"EdDSA"}"#),
        ("alg in a member", r#"{"header":{"alg":"EdDSA"}}"#),
        ("alg with a zero", r#"{"alg\u0000":"EdDSA"}"#),
        ("alg and typ only", r#"{"typ":"JWT"}"#),
    ] {
        let token = unsigned(forge, header);
        forge.add(name, token, &[AlgorithmMissing]);
        let token = forge.with_header(header);
        forge.add(format!("{name}, well signed"), token, &[AlgorithmMissing]);
    }
    for (name, header) in [
        ("alg without quotes", r#"{"alg":none}"#),
        ("alg in single quotes", "{'alg':'none'}"),
        ("alg after a comment", r#"{/**/"alg":"EdDSA"}"#),
        ("a comma after alg", r#"{"alg":"EdDSA",}"#),
        ("alg with a raw line end", "{\"alg\":\"none\n\"}"),
        ("alg with a raw zero", "{\"alg\":\"none\0\"}"),
        ("a lone surrogate", r#"{"alg":"none\ud800"}"#),
    ] {
        let token = forge.with_header(header);
        forge.add(name, token, &[HeaderBadJson]);
    }
}

fn unsigned(forge: &mut Forge, header: &str) -> String {
    let claims = forge.claims(&[]);
    format!("{}.{}.", base64url::encode(header.as_bytes()), base64url::encode(claims.as_bytes()))
}

fn spelled(forge: &mut Forge, spelling: &str) {
    // The empty signature is checked after the header, so the reason names `none`.
    let expected = &[AlgorithmNone, AlgorithmUnsupported];
    let kid = forge.world.main.ed25519().id.clone().unwrap();
    let header = format!(r#"{{"alg":"{spelling}"}}"#);
    let named = format!(r#"{{"alg":"{spelling}","kid":"{kid}"}}"#);
    let name = |what: &str| format!("{what} `{spelling}`");
    let token = unsigned(forge, &header);
    forge.add(name("unsigned"), token, expected);
    let token = unsigned(forge, &named);
    forge.add(name("unsigned, with an id,"), token, expected);
    let token = format!("{}AA", unsigned(forge, &header));
    forge.add(name("with a zero as signature"), token, expected);
    let token = forge.with_header(&named);
    forge.add(name("well signed"), token, expected);
}
