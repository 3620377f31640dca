//! Key IDs that look like a path, a query, a command or a pattern. They name no key, so no
//! signature is even checked (CVE-2026-89313).

use crate::attacks::corpus::Forge;
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, Secret};
use jwtd_core::verify::Reason::{
    AlgorithmNotAllowed, HeaderBadParameter, HeaderTooLarge, KeyUnknown, SignatureInvalid,
    TokenTooLarge,
};

const HOSTILE: [&str; 35] = [
    " ",
    "../../../../../../dev/null",
    "/dev/null",
    "/dev/zero",
    "/proc/self/environ",
    "file:///etc/passwd",
    "..\\\\..\\\\windows\\\\win.ini",
    "%2e%2e%2fdev%2fnull",
    "....//....//dev/null",
    "C:/Windows/system.ini",
    "\\\\\\\\127.0.0.1\\\\share",
    "' OR '1'='1",
    "x' UNION SELECT 'secret';--",
    "\\\" OR \\\"\\\"=\\\"",
    "'; DROP TABLE keys;--",
    "$(id)",
    "`id`",
    "| id",
    "; id",
    "&& id",
    "${jndi:ldap://127.0.0.1/x}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "*",
    ".*",
    "key-.*",
    "%",
    "_",
    "%s%s%n",
    "\\u0000",
    "\\r\\nX: y",
    "\\u001b[2J",
    "\\u2028",
    "__proto__",
    "constructor",
];

pub(crate) fn add(forge: &mut Forge) {
    let world = forge.world;
    let signer = world.main.ed25519();
    let id = signer.id.as_deref().unwrap();
    let zeros = SigningKey::from_secret(Secret::new(vec![0; 64]), Algorithm::Hs256).unwrap();
    for kid in HOSTILE {
        // Signed by the issuer's own key, which is not found under another ID.
        let token = forge.with_header(&format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#));
        forge.add(format!("kid `{kid}`"), token, &[KeyUnknown]);
        // Signed with the empty secret, as an empty file would give.
        let header = format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#);
        let claims = forge.claims(&[]);
        let token = zeros.sign_compact(&header, &claims).unwrap();
        forge.add(format!("kid `{kid}` and no secret"), token, &[AlgorithmNotAllowed]);
        let jti = forge.token_id();
        let claims = world.claims(&world.shared, &[("jti", &jti)]);
        let token = zeros.sign_compact(&header, &claims).unwrap();
        forge.add(format!("kid `{kid}` and no secret among secrets"), token, &[KeyUnknown]);
    }
    // Almost the real key ID.
    for kid in [
        format!("{id} "),
        format!(" {id}"),
        id.to_uppercase(),
        format!("{id}\\u0000"),
        format!("{id}\\n"),
        id[..id.len() - 1].to_owned(),
        format!("{id}{id}"),
        format!("./{id}"),
        format!("{id}#"),
        format!("{id}?x"),
        id.replace('k', "\\u212a"),
        id.replace('k', "\u{ff4b}"),
        format!("{id}\u{301}"),
        format!("\u{feff}{id}"),
        id.replace('-', "%2d"),
        id.replace('-', "\u{2010}"),
        format!("main/{id}"),
        id.replace('e', "\u{435}"),
    ] {
        let token = forge.with_header(&format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#));
        forge.add(format!("kid `{kid}`"), token, &[KeyUnknown]);
    }
    for (length, expected) in [
        (256, &[KeyUnknown]),
        (257, &[HeaderBadParameter]),
        (2000, &[HeaderBadParameter]),
        (4096, &[HeaderTooLarge]),
        (64 * 1024, &[TokenTooLarge]),
        (1 << 20, &[TokenTooLarge]),
    ] {
        let kid = "k".repeat(length);
        let token = forge.with_header(&format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#));
        forge.add(format!("a kid of {length} bytes"), token, expected);
    }
    for number in 0..16 {
        let kid = format!("{:016x}", forge.random());
        let token = forge.with_header(&format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#));
        forge.add(format!("unknown {number}"), token, &[KeyUnknown]);
    }
    // Secrets of others, and empty ones, under the IDs of real secrets.
    for own in &world.shared.signers {
        let algorithm = own.algorithm();
        for (name, secret) in [
            ("zeros", vec![0; 64]),
            ("ones", vec![0xff; 64]),
            ("blanks", vec![b' '; 64]),
            ("its id", own.id.clone().unwrap().into_bytes()),
            ("`secret`", b"secret".to_vec()),
            ("`null`", b"null".to_vec()),
            ("`undefined`", b"undefined".to_vec()),
            ("its name", algorithm.name().as_bytes().to_vec()),
        ] {
            let mut secret = secret;
            secret.resize(64, 0);
            let forger = SigningKey::from_secret(Secret::new(secret), algorithm).unwrap();
            let jti = forge.token_id();
            let claims = world.claims(&world.shared, &[("jti", &jti)]);
            let token = forger.sign_compact(&own.header(""), &claims).unwrap();
            forge.add(format!("{algorithm} with {name} as secret"), token, &[SignatureInvalid]);
        }
    }
}
