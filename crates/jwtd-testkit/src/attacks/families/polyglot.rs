//! Inputs that contain a signed token but are not one in compact form (CVE-2023-51774 and "Three
//! New Attacks"): the JSON serializations, encrypted tokens, and nested tokens.

use crate::attacks::corpus::Forge;
use jwtd_core::jose::base64url;
use jwtd_core::verify::Reason::{
    AlgorithmUnsupported, ClaimsBadJson, ClaimsNotObject, HeaderBadBase64url, TokenBadCharacter,
    TokenEncrypted, TokenNotCompact,
};

pub(crate) fn add(forge: &mut Forge) {
    let world = forge.world;
    let signer = world.main.ed25519();
    let good = |forge: &mut Forge| forge.with_claims(&[]);
    let parts = |token: &str| {
        let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
        <[String; 3]>::try_from(parts).unwrap()
    };
    let serializations: [fn(&str, &str, &str) -> String; 14] = [
        |h, p, s| format!(r#"{{"payload":"{p}","protected":"{h}","signature":"{s}"}}"#),
        |h, p, s| {
            format!(r#"{{"payload":"{p}","signatures":[{{"protected":"{h}","signature":"{s}"}}]}}"#)
        },
        |h, p, s| {
            format!(r#"{{"payload":"{p}","protected":"{h}","header":{{}},"signature":"{s}"}}"#)
        },
        |h, p, s| format!(r#"{{"{h}.{p}.{s}":0}}"#),
        |h, p, s| format!(r#"{{"token":"{h}.{p}.{s}"}}"#),
        |h, p, s| format!(r#"["{h}.{p}.{s}"]"#),
        |h, p, s| format!(r#""{h}.{p}.{s}""#),
        |h, p, s| format!("{{\"payload\":\"{p}\",\"x\":\".{h}.{s}\"}}"),
        |h, p, s| format!(" {{\"payload\":\"{p}\",\"protected\":\"{h}\",\"signature\":\"{s}\"}}"),
        |h, p, s| format!("\n{{\"a\":\"{h}.{p}.{s}\"}}"),
        |h, p, s| format!("\u{feff}{{\"a\":\"{h}.{p}.{s}\"}}"),
        |h, p, s| format!(r#"{{"protected":"{h}","":".{p}.","signature":"{s}"}}"#),
        |h, p, s| format!("{h}.{p}.{{\"signature\":\"{s}\"}}"),
        |h, p, s| format!("{{\"protected\":\"{h}\"}}.{p}.{s}"),
    ];
    for (place, shape) in serializations.iter().enumerate() {
        let [header, payload, signature] = parts(&good(forge));
        let token = shape(&header, &payload, &signature);
        let expected = &[TokenNotCompact, TokenBadCharacter, HeaderBadBase64url];
        forge.add(format!("serialization {place}"), token, expected);
    }
    encrypted(forge);
    // Nested tokens.
    let inner = good(forge);
    let header = signer.header(r#","cty":"JWT""#);
    forge.add("a token as payload", signer.sign(&header, &inner), &[ClaimsBadJson]);
    let quoted = format!("\"{inner}\"");
    forge.add("a token in quotes as payload", signer.sign(&header, &quoted), &[ClaimsNotObject]);
    let in_token = [&inner, &inner].map(|token| base64url::encode(token.as_bytes())).join(".");
    forge.add(
        "a token of tokens",
        format!("{in_token}.AAAA"),
        &[jwtd_core::verify::Reason::HeaderBadJson],
    );
    let mut nested = signer.sign(&header, &inner);
    for depth in 2..=7 {
        nested = signer.sign(&header, &nested);
        if nested.len() < 16_000 {
            forge.add(format!("nested {depth} times"), nested.clone(), &[ClaimsBadJson]);
        }
    }
}

/// Five parts, or three whose header says that they are encrypted.
fn encrypted(forge: &mut Forge) {
    let world = forge.world;
    for (algorithm, encryption) in [
        ("RSA-OAEP", "A256GCM"),
        ("RSA-OAEP-256", "A128GCM"),
        ("RSA1_5", "A128CBC-HS256"),
        ("dir", "A256GCM"),
        ("A128KW", "A128GCM"),
        ("A256GCMKW", "A256GCM"),
        ("ECDH-ES", "A128GCM"),
        ("ECDH-ES+A256KW", "A256GCM"),
        ("PBES2-HS256+A128KW", "A128GCM"),
        ("none", "none"),
        ("EdDSA", "A128GCM"),
    ] {
        for (name, more) in [
            ("", ""),
            (" zipped", r#","zip":"DEF""#),
            (" of a token", r#","cty":"JWT""#),
            (" with a count", r#","p2c":2147483647,"p2s":"AAAA""#),
        ] {
            let header = format!(r#"{{"alg":"{algorithm}","enc":"{encryption}"{more}}}"#);
            let lengths = [256, 12, 64 + forge.below(64), 16];
            let mut token = base64url::encode(header.as_bytes());
            for length in lengths {
                let bytes: Vec<u8> = (0..length).map(|_| forge.random().to_be_bytes()[0]).collect();
                token = format!("{token}.{}", base64url::encode(&bytes));
            }
            forge.add(format!("{algorithm} {encryption}{name}"), token, &[TokenEncrypted]);
        }
        if algorithm != "none" && algorithm != "EdDSA" {
            let header = format!(r#"{{"alg":"{algorithm}","enc":"{encryption}"}}"#);
            let token = forge.with_header(&header);
            forge.add(format!("{algorithm} in three parts"), token, &[AlgorithmUnsupported]);
        }
    }
    // A good token with two more parts.
    for (name, token) in [
        ("two empty parts behind", format!("{}..", forge.with_claims(&[]))),
        ("two empty parts before", format!("..{}", forge.with_claims(&[]))),
        ("an empty part around", format!(".{}.", forge.with_claims(&[]))),
        ("four dots", "....".to_owned()),
        ("a good token and half of one", {
            let good = forge.with_claims(&[]);
            format!("{good}.{}", &good[..good.rfind('.').unwrap()])
        }),
    ] {
        forge.add(name, token, &[TokenEncrypted]);
    }
    let claims = forge.claims(&[]);
    let header = world.main.ed25519().header(r#","zip":"DEF""#);
    // DEFLATE format, stored without compression.
    let length = u16::try_from(claims.len()).unwrap();
    let deflated =
        [&[1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), claims.as_bytes()].concat();
    let header = base64url::encode(header.as_bytes());
    let signer = world.main.ed25519();
    let token = signer.sign_parts(header.as_bytes(), base64url::encode(&deflated).as_bytes());
    forge.add("a zipped payload", token, &[ClaimsBadJson]);
}
