//! Keys of one issuer used under the name of another (CVE-2026-49998, CVE-2026-50202,
//! CVE-2025-59936), although they share their key IDs, and issuer names that are almost right.

use crate::attacks::corpus::Forge;
use crate::attacks::world::Party;
use jwtd_core::verify::Reason::{
    self, AlgorithmNotAllowed, ClaimBadType, IssuerMissing, IssuerNotInProfile, IssuerUnknown,
    KeyUnknown, SignatureInvalid,
};

pub(crate) fn add(forge: &mut Forge) {
    let world = forge.world;
    for claimed in world.parties() {
        for real in world.parties() {
            if claimed.name != real.name {
                crossed(forge, claimed, real);
            }
        }
    }
    for round in 0..4 {
        let claims = world.claims(&world.outside, &[("jti", &forge.token_id())]);
        let signer = world.outside.ed25519();
        let token = signer.sign(&signer.header(""), &claims);
        forge.add(format!("outside of the profile {round}"), token, &[IssuerNotInProfile]);
    }
    for iss in [
        "https://main.example/",
        "https://main.example//",
        "HTTPS://main.example",
        "https://MAIN.example",
        "https://main.example:443",
        "http://main.example",
        "https://main.example.",
        "https://main.example ",
        " https://main.example",
        "https://main.example\\n",
        "https://main.example\\u0000",
        "https://%6dain.example",
        "https://main.example#",
        "https://main.example?",
        "https://main.example/..",
        "https:/main.example",
        "https://user@main.example",
        "https://main.example@other.example",
        "main.example",
        "//main.example",
        "main",
        "https://main.exampl",
        "https://main.example.evil.example",
        "https://evil.example/https://main.example",
        "https://main.ex\u{430}mple",
        "https://m\u{ff41}in.example",
        "https://main\u{3002}example",
        "*",
        "https://*.example",
        "https://main\u{ad}.example",
        "https://main.example,https://other.example",
        "https://unknown.example",
    ] {
        let token = forge.with_claims(&[("iss", &format!("\"{iss}\""))]);
        forge.add(format!("iss `{iss}`"), token, &[IssuerUnknown]);
    }
    for name in ["", "Iss", "ISS", "iss ", "issuer", "is\\u0073 "] {
        let member = if name.is_empty() { "x" } else { name };
        let token = forge.with_claims(&[("iss", ""), (member, "\"https://main.example\"")]);
        forge.add(format!("no iss, but `{name}`"), token, &[IssuerMissing]);
    }
    // RFC 7519, section 5.3: a claim replicated in the header does not replace the claim.
    let signer = world.main.ed25519();
    let claims = forge.claims(&[("iss", "")]);
    let header = signer.header(r#","iss":"https://main.example""#);
    forge.add("iss in the header alone", signer.sign(&header, &claims), &[IssuerMissing]);
    let list = r#"["https://main.example","https://other.example"]"#;
    let claims = forge.claims(&[("iss", list)]);
    forge.add("two issuers", signer.sign(&signer.header(""), &claims), &[ClaimBadType]);
}

/// Signs tokens that claim to be from `claimed` with each key of `real`, with and without the key's
/// ID.
fn crossed(forge: &mut Forge, claimed: &Party, real: &Party) {
    let world = forge.world;
    for signer in &real.signers {
        let algorithm = signer.algorithm();
        for without in [false, true] {
            if without && signer.id.is_none() {
                continue;
            }
            let claims = world.claims(claimed, &[("jti", &forge.token_id())]);
            let header =
                if without { format!(r#"{{"alg":"{algorithm}"}}"#) } else { signer.header("") };
            let token = signer.sign(&header, &claims);
            // A profile that does not trust an issuer must reveal nothing about it.
            let expected: &[Reason] = if claimed.name == world.outside.name {
                &[IssuerNotInProfile]
            } else if !claimed.algorithms().contains(&algorithm) {
                &[AlgorithmNotAllowed]
            } else {
                &[SignatureInvalid, KeyUnknown]
            };
            let id = if without || signer.id.is_none() { "without an id" } else { "with its id" };
            let name =
                format!("{algorithm} of {}, said to be of {}, {id}", real.name, claimed.name);
            forge.add(name, token, expected);
        }
    }
}
