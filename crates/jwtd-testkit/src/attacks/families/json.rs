//! Duplicate members, and JSON that is too deep or too wide. All tokens are correctly signed, and
//! each would pass a parser that keeps the first or the last member.

use crate::attacks::corpus::Forge;
use jwtd_core::verify::Reason::{
    ClaimsDuplicateMember, ClaimsTooComplex, HeaderDuplicateMember, HeaderTooComplex, TokenTooLarge,
};

/// The name with one letter escaped, with the hexadecimal digits in both cases.
fn escaped(name: &str, place: usize) -> String {
    let letter = u32::from(name.as_bytes()[place]);
    format!("{}\\u{letter:04X}{}", &name[..place], &name[place + 1..])
}

pub(crate) fn add(forge: &mut Forge) {
    let world = forge.world;
    let signer = world.main.ed25519();
    let id = signer.id.clone().unwrap();
    for (name, one, two) in [
        ("alg", "\"none\"", "\"EdDSA\""),
        ("alg", "\"EdDSA\"", "\"none\""),
        ("alg", "\"EdDSA\"", "\"EdDSA\""),
        ("kid", "\"x\"", &*format!("\"{id}\"")),
        ("kid", &format!("\"{id}\""), "\"x\""),
        ("typ", "\"JWT\"", "\"dpop+jwt\""),
        ("typ", "\"dpop+jwt\"", "\"JWT\""),
        ("x", "1", "1"),
        ("jwk", "{}", "{}"),
        ("crit", "[]", "[]"),
    ] {
        let mut rest = vec![];
        if name != "alg" {
            rest.push(r#""alg":"EdDSA""#.to_owned());
        }
        if name != "kid" {
            rest.push(format!(r#""kid":"{id}""#));
        }
        let rest = rest.join(",");
        let mut spellings = vec![name.to_owned(), escaped(name, 0), escaped(name, name.len() - 1)];
        spellings.dedup();
        for spelling in spellings {
            let header = format!(r#"{{"{name}":{one},{rest},"{spelling}":{two}}}"#);
            let token = forge.with_header(&header);
            let called = format!("header {name} {one}, then {spelling} {two}");
            // Another fault may be found first: `alg` is read after the whole header is parsed.
            forge.add(called, token, &[HeaderDuplicateMember]);
        }
    }
    for member in [
        r#""x":{"a":1,"a":2}"#,
        r#""jwk":{"kty":"OKP","kty":"oct"}"#,
        r#""x":[[{"a":0,"\u0061":0}]]"#,
    ] {
        let token = forge.with_header(&signer.header(&format!(",{member}")));
        forge.add(format!("header {member}"), token, &[HeaderDuplicateMember]);
    }
    duplicate_claims(forge);
    complex(forge);
}

fn duplicate_claims(forge: &mut Forge) {
    let world = forge.world;
    let signer = world.main.ed25519();
    let (header, past) = (signer.header(""), (world.now - 9000).to_string());
    let later = (world.now + 7200).to_string();
    for (name, one, two) in [
        ("iss", "\"https://main.example\"", "\"https://other.example\""),
        ("iss", "\"https://other.example\"", "\"https://main.example\""),
        ("sub", "\"alice\"", "\"root\""),
        ("aud", "\"api\"", "\"other\""),
        ("aud", "\"other\"", "\"api\""),
        ("exp", &*past, &*later),
        ("exp", &*later, &*past),
        ("exp", &*later, &*later),
        ("nbf", &*later, &*past),
        ("iat", &*later, &*past),
        ("jti", "\"a\"", "\"b\""),
        ("scope", "\"read\"", "\"admin\""),
        ("role", "\"user\"", "\"admin\""),
        ("cnf", "{}", "null"),
    ] {
        for place in [None, Some(0), Some(name.len() - 1)] {
            let spelling = place.map_or_else(|| name.to_owned(), |place| escaped(name, place));
            let claims = forge.claims(&[(name, one)]);
            let claims = format!("{},\"{spelling}\":{two}}}", &claims[..claims.len() - 1]);
            let token = signer.sign(&header, &claims);
            let called = format!("claims {name} {one}, then {spelling} {two}");
            forge.add(called, token, &[ClaimsDuplicateMember]);
        }
    }
    for depth in [1, 2, 5, 20, 29] {
        let inside = r#"{"role":"user","role":"admin"}"#;
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let value = format!("{}{inside}{}", open.repeat(depth), close.repeat(depth));
            let token = forge.with_claims(&[("x", &value)]);
            forge.add(
                format!("claims twice at depth {depth} of {open}"),
                token,
                &[ClaimsDuplicateMember],
            );
        }
    }
    // Above and below the count up to which names are compared one by one.
    for count in [14, 15, 16, 17, 100, 200] {
        let members: Vec<_> = (0..count).map(|n| format!("\"m{n}\":{n}")).collect();
        let value = format!("{{{},\"m3\":0}}", members.join(","));
        let token = forge.with_claims(&[("x", &value)]);
        forge.add(format!("claims twice among {count}"), token, &[ClaimsDuplicateMember]);
        let claims = forge.claims(&[]);
        let claims = format!("{},{},\"iss\":0}}", &claims[..claims.len() - 1], members.join(","));
        let token = signer.sign(&header, &claims);
        forge.add(format!("iss twice among {count}"), token, &[ClaimsDuplicateMember]);
    }
}

fn complex(forge: &mut Forge) {
    let signer = forge.world.main.ed25519();
    for depth in [32, 33, 100, 127, 128, 129, 1000, 2000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let value = format!("{}0{}", open.repeat(depth), close.repeat(depth));
            let token = forge.with_claims(&[("x", &value)]);
            forge.add(
                format!("claims {depth} deep in {open}"),
                token,
                &[ClaimsTooComplex, TokenTooLarge],
            );
            let value = open.repeat(depth);
            let token = forge.with_claims(&[("x", &value)]);
            let called = format!("claims {depth} deep in {open}, never closed");
            forge.add(called, token, &[ClaimsTooComplex, TokenTooLarge]);
            if depth < 600 {
                let value = format!("{}0{}", open.repeat(depth), close.repeat(depth));
                let token = forge.with_header(&signer.header(&format!(",\"x\":{value}")));
                forge.add(format!("header {depth} deep in {open}"), token, &[HeaderTooComplex]);
            }
        }
    }
}
