//! Headers that name another algorithm than the key's, although the issuer may use both
//! (GHSA-jq35-7prp-9v3f). The signature is valid under the key's own algorithm, so a verifier that
//! only checks the name against a list accepts it.

use crate::attacks::corpus::Forge;
use jwtd_core::jose::Algorithm;
use jwtd_core::verify::Reason::{
    AlgorithmKeyMismatch, AlgorithmNotAllowed, AlgorithmUnsupported, SignatureInvalid,
};

pub(crate) fn add(forge: &mut Forge) {
    let world = forge.world;
    let allowed = world.main.algorithms();
    for signer in &world.main.signers {
        let (own, id) = (signer.algorithm(), signer.id.as_deref().unwrap());
        for other in Algorithm::ALL.iter().filter(|other| **other != own) {
            let allowed = allowed.contains(other);
            let claims = forge.claims(&[]);
            let token = signer.sign(&format!(r#"{{"alg":"{other}","kid":"{id}"}}"#), &claims);
            let expected = if allowed { &[AlgorithmKeyMismatch] } else { &[AlgorithmNotAllowed] };
            forge.add(format!("{other} by {id}"), token, expected);
            let claims = forge.claims(&[]);
            let token = signer.sign(&format!(r#"{{"alg":"{other}"}}"#), &claims);
            let expected = if allowed { &[SignatureInvalid] } else { &[AlgorithmNotAllowed] };
            forge.add(format!("{other} by {id}, without an id"), token, expected);
        }
        for name in [
            format!("{own} "),
            format!(" {own}"),
            own.name().to_lowercase(),
            format!("{own}\\u0000"),
            own.name().replace('5', "\u{ff15}"),
            format!("{own},none"),
            format!("{own}\\n"),
        ] {
            if name == own.name() {
                continue;
            }
            let claims = forge.claims(&[]);
            let token = signer.sign(&format!(r#"{{"alg":"{name}","kid":"{id}"}}"#), &claims);
            forge.add(format!("`{name}` for {own}"), token, &[AlgorithmUnsupported]);
        }
    }
    // Names of algorithms that exist but are not implemented, or do not sign.
    for name in [
        "ES256K",
        "Ed448",
        "HS1",
        "RS1",
        "RSA1_5",
        "RSA-OAEP",
        "RSA-OAEP-256",
        "dir",
        "A128KW",
        "A256GCM",
        "A256GCMKW",
        "ECDH-ES",
        "PBES2-HS256+A128KW",
        "ML-DSA-44",
        "ESP256",
        "ES256-R",
        "HS256/64",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "SHA256withRSA",
        "-257",
    ] {
        let kid = world.main.ed25519().id.clone().unwrap();
        let token = forge.with_header(&format!(r#"{{"alg":"{name}","kid":"{kid}"}}"#));
        forge.add(format!("`{name}`, well signed"), token, &[AlgorithmUnsupported]);
    }
}
