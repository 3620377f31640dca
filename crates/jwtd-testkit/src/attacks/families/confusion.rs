//! A public key taken for a shared secret (CVE-2015-9235, CVE-2016-10555,
//! CVE-2023-48223, CVE-2026-34950, CVE-2026-107722, CVE-2026-102268, CVE-2026-48526):
//! each key in each encoding and with each hash, sent to the issuer of the key and to
//! one that really has shared secrets.

use crate::attacks::corpus::Forge;
use crate::attacks::encodings;
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, Secret};
use jwtd_core::verify::Reason::{AlgorithmNotAllowed, KeyUnknown, SignatureInvalid};

const HMAC: [Algorithm; 3] = [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];

/// The HMAC key that a verifier would use if it accepted any bytes as a secret.
fn careless(bytes: &[u8], algorithm: Algorithm) -> SigningKey {
    let mut secret = bytes.to_vec();
    // HMAC itself pads a short secret with zeros (RFC 2104, section 2), so the tag does not change;
    // signing keys of jwtd must be as long as the hash.
    if secret.len() < 64 {
        secret.resize(64, 0);
    }
    SigningKey::from_secret(Secret::new(secret), algorithm).unwrap()
}

pub(crate) fn add(forge: &mut Forge) {
    let world = forge.world;
    for signer in &world.main.signers {
        let id = signer.id.as_deref().unwrap();
        for (encoding, bytes) in encodings::all(&signer.key, id) {
            for algorithm in HMAC {
                let forger = careless(&bytes, algorithm);
                let name = |what: &str| format!("{algorithm} with {id} as {encoding}, {what}");
                let header = format!(r#"{{"alg":"{algorithm}","kid":"{id}"}}"#);
                let claims = forge.claims(&[]);
                let token = forger.sign_compact(&header, &claims).unwrap();
                forge.add(name("to the key's issuer"), token, &[AlgorithmNotAllowed]);

                // A second issuer legitimately uses HMAC: neither the first issuer's key nor the
                // second's own secrets may verify the token.
                let own = world.shared.signer(algorithm).unwrap();
                let jti = forge.token_id();
                let claims = world.claims(&world.shared, &[("jti", &jti)]);
                let token = forger.sign_compact(&own.header(""), &claims).unwrap();
                forge.add(name("to a secret's id"), token, &[SignatureInvalid]);

                // The key's own algorithm, with a tag in place of the signature.
                let claims = forge.claims(&[]);
                let token = forger.sign_compact(&signer.header(""), &claims).unwrap();
                forge.add(name("as a signature"), token, &[SignatureInvalid]);
            }
            let algorithm = HMAC[forge.below(3)];
            let forger = careless(&bytes, algorithm);
            let name = |what: &str| format!("{what} with {id} as {encoding}");
            let claims = forge.claims(&[]);
            let token = forger.sign_compact(&format!(r#"{{"alg":"{algorithm}"}}"#), &claims);
            forge.add(name("no id"), token.unwrap(), &[AlgorithmNotAllowed]);
            let jti = forge.token_id();
            let claims = world.claims(&world.shared, &[("jti", &jti)]);
            let header = format!(r#"{{"alg":"{algorithm}","kid":"{id}"}}"#);
            let token = forger.sign_compact(&header, &claims).unwrap();
            forge.add(name("the key's id at the other issuer"), token, &[KeyUnknown]);
        }
    }
}
