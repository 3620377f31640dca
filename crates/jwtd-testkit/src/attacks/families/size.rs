//! Tokens, headers and signatures that are too large (CVE-2025-30204, CVE-2025-27144,
//! CVE-2025-61920, CVE-2026-48525), correctly signed if they have a signature.

use crate::attacks::corpus::Forge;
use jwtd_core::jose::base64url;
use jwtd_core::verify::Reason::{
    HeaderTooComplex, HeaderTooLarge, SignatureInvalid, TokenEmpty, TokenNotCompact, TokenTooLarge,
};

const KIB: usize = 1024;

pub(crate) fn add(forge: &mut Forge) {
    let world = forge.world;
    let signer = world.main.ed25519();
    forge.add("nothing", "", &[TokenEmpty]);
    for length in [16 * KIB + 1, 64 * KIB, 64 * KIB + 1, 256 * KIB, KIB * KIB, 4 * KIB * KIB] {
        forge.add(format!("{length} dots"), ".".repeat(length), &[TokenTooLarge]);
        let token = "A".repeat(length);
        forge.add(format!("{length} letters"), token, &[TokenTooLarge]);
        let token = [&b"{"[..], &vec![b' '; length - 1]].concat();
        forge.add(format!("a brace and {length} spaces"), token, &[TokenTooLarge]);
    }
    forge.add("16,384 dots", ".".repeat(16 * KIB), &[TokenNotCompact]);
    forge.add("16,384 letters", "A".repeat(16 * KIB), &[TokenNotCompact]);
    for length in [12 * KIB, 64 * KIB, KIB * KIB] {
        let token = forge.with_claims(&[("pad", &format!("\"{}\"", "a".repeat(length)))]);
        forge.add(format!("{length} bytes of payload"), token, &[TokenTooLarge]);
    }
    for length in [4 * KIB, 6 * KIB] {
        let pad = "a".repeat(length);
        for name in ["pad", "jwk", "x5c"] {
            let token = forge.with_header(&signer.header(&format!(r#","{name}":"{pad}""#)));
            forge.add(format!("{length} bytes of {name}"), token, &[HeaderTooLarge]);
        }
        let spaces = " ".repeat(length);
        let token = forge.with_header(&format!("{spaces}{}", signer.header("")));
        forge.add(format!("{length} spaces before the header"), token, &[HeaderTooLarge]);
    }
    for length in [64 * KIB, 4 * KIB * KIB] {
        let token = forge.with_header(&signer.header(&format!(r#","p":"{}""#, "a".repeat(length))));
        forge.add(format!("{length} bytes of header"), token, &[TokenTooLarge]);
    }
    let many: Vec<_> = (0..300).map(|n| format!("\"{n}\":0")).collect();
    let token = forge.with_header(&signer.header(&format!(",{}", many.join(","))));
    forge.add("300 members in the header", token, &[HeaderTooComplex]);
    for length in [1025, 2048, 6 * KIB] {
        let claims = forge.claims(&[]);
        let input = [signer.header(""), claims].map(|part| base64url::encode(part.as_bytes()));
        let token = format!("{}.{}", input.join("."), base64url::encode(&vec![7; length]));
        forge.add(format!("{length} bytes of signature"), token, &[SignatureInvalid]);
    }
}
