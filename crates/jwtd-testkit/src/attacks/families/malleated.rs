//! Signatures derived from good ones. Other encodings of the same numbers must be refused: a
//! signature has one length and one range (RFC 7518, sections 3.3 and 3.4; RFC 8032, section
//! 5.1.7), and it is never empty (CVE-2020-28042).
//!
//! The only exception is among the good tokens: (r, n-s) is as valid an ECDSA signature as (r, s).

use super::psychic::{ed25519_order, order_and_prime, with_signature};
use crate::attacks::corpus::Forge;
use crate::attacks::encodings::{der, integer};
use crate::attacks::numbers::{sum, wide};
use crate::tokens::Signer;
use jwtd_core::jose::{Curve, Family, KeyMaterial, base64url};
use jwtd_core::verify::Reason::{SignatureInvalid, SignatureMissing};

pub(crate) fn add(forge: &mut Forge) {
    let world = forge.world;
    for signer in world.main.signers.iter().chain(&world.shared.signers) {
        let token = with_signature(forge, signer, &[]);
        let name = format!("{} with an empty signature", signer.algorithm());
        forge.add(name, token, &[SignatureMissing]);
        if signer.algorithm().family() == Family::Hmac {
            continue;
        }
        let claims = forge.claims(&[]);
        let good = signer.sign(&signer.header(""), &claims);
        let (input, signature) = good.rsplit_once('.').unwrap();
        let signature = base64url::decode(signature.as_bytes()).unwrap();
        for (name, other) in spellings(signer, &signature) {
            let token = format!("{input}.{}", base64url::encode(&other));
            forge.add(format!("{} {name}", signer.algorithm()), token, &[SignatureInvalid]);
        }
    }
    leading_zero(forge);
}

/// Other encodings of the same signature.
fn spellings(signer: &Signer, signature: &[u8]) -> Vec<(String, Vec<u8>)> {
    let length = signature.len();
    let mut found = vec![
        ("less its last byte".to_owned(), signature[..length - 1].to_vec()),
        ("less its first byte".to_owned(), signature[1..].to_vec()),
        ("and a zero".to_owned(), [signature, &[0]].concat()),
        ("after a zero".to_owned(), [&[0], signature].concat()),
        ("twice".to_owned(), signature.repeat(2)),
        ("backwards".to_owned(), signature.iter().rev().copied().collect()),
        ("as text".to_owned(), base64url::encode(signature).into_bytes()),
    ];
    match signer.algorithm().family() {
        Family::Ecdsa(curve) => found.extend(ecdsa(curve, signature)),
        Family::Ed25519 => found.extend(ed25519(signature)),
        Family::Rsa => {
            let KeyMaterial::Rsa { modulus, .. } = signer.key.public().unwrap() else { panic!() };
            let more = sum(signature, &modulus);
            let start = usize::from(more[0] == 0);
            found.push(("plus n".to_owned(), more[start..].to_vec()));
            found.push(("plus n, after a zero".to_owned(), [&[0], &more[..]].concat()));
            let after = |zeros: usize| [&vec![0; zeros][..], signature].concat();
            found.push(("after eight zeros".to_owned(), after(8)));
            found.push(("after as many zeros".to_owned(), after(length)));
        }
        Family::Hmac => {}
    }
    found
}

fn ecdsa(curve: Curve, signature: &[u8]) -> Vec<(String, Vec<u8>)> {
    let width = curve.coordinate_bytes();
    let (r, s) = signature.split_at(width);
    let (order, _) = order_and_prime(curve);
    let shaped = der(0x30, &[integer(r), integer(s)].concat());
    let mut found = vec![
        ("in DER".to_owned(), shaped.clone()),
        ("in DER, filled up".to_owned(), [shaped, vec![0; 2]].concat()),
        ("s and r".to_owned(), [s, r].concat()),
        ("r alone".to_owned(), r.to_vec()),
        ("r and r".to_owned(), [r, r].concat()),
        ("a zero before r and s".to_owned(), [&[0], r, &[0], s].concat()),
        ("0 and s".to_owned(), [&vec![0; width][..], s].concat()),
        ("r and 0".to_owned(), [r, &vec![0; width]].concat()),
    ];
    // The 66 bytes of P-521 can hold numbers larger than the order.
    for (name, one, two) in
        [("r plus n", &sum(r, &order)[..], s), ("s plus n", r, &sum(s, &order)[..])]
    {
        let fits = |number: &[u8]| number.len() == width || number[0] == 0;
        if fits(one) && fits(two) {
            found.push((name.to_owned(), [wide(one, width), wide(two, width)].concat()));
        } else {
            found.push((format!("{name}, longer"), [one, two].concat()));
        }
    }
    found
}

fn ed25519(signature: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (r, s) = signature.split_at(32);
    let mut more: Vec<u8> = s.iter().rev().copied().collect();
    let mut found = Vec::new();
    for times in 1..=15 {
        more = sum(&more, &ed25519_order());
        if more.len() > 32 && more[..more.len() - 32].iter().any(|byte| *byte != 0) {
            break;
        }
        more = wide(&more, 32);
        let little: Vec<u8> = more.iter().rev().copied().collect();
        found.push((format!("S plus {times} L"), [r, &little].concat()));
    }
    assert!(found.len() > 10, "S is less than L, and 15 L fit 32 bytes");
    let mut flipped = signature.to_vec();
    flipped[31] ^= 0x80;
    found.push(("R negated".to_owned(), flipped));
    found.push(("S and R".to_owned(), [s, r].concat()));
    found
}

/// An RSA signature that happens to begin with a zero byte, with that byte removed.
fn leading_zero(forge: &mut Forge) {
    let world = forge.world;
    let family = |signer: &&Signer| signer.algorithm().family() == Family::Rsa;
    // One signature in 256 does.
    for _ in 0..10_000 {
        let Some(signer) = world.main.signers.iter().find(family) else { return };
        let claims = forge.claims(&[]);
        let good = signer.sign(&signer.header(""), &claims);
        let (input, signature) = good.rsplit_once('.').unwrap();
        let signature = base64url::decode(signature.as_bytes()).unwrap();
        if signature[0] == 0 {
            let token = format!("{input}.{}", base64url::encode(&signature[1..]));
            let name = format!("{} less its leading zero", signer.algorithm());
            forge.add(name, token, &[SignatureInvalid]);
            return;
        }
    }
    panic!("no signature began with a zero");
}
