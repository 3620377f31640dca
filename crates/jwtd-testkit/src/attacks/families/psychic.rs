//! Signatures that need no key (CVE-2022-21449, CVE-2022-24884): numbers at the ends of their
//! ranges, for each curve, for RSA and for Ed25519.

use crate::attacks::corpus::Forge;
use crate::attacks::encodings::{der, integer};
use crate::attacks::numbers::{difference, hex, sum, wide};
use crate::tokens::Signer;
use jwtd_core::jose::{Curve, Family, KeyMaterial, base64url};
use jwtd_core::verify::Reason::SignatureInvalid;

/// The order of the curve's group, and the prime of its field (FIPS 186-4, appendix D.1).
pub(crate) fn order_and_prime(curve: Curve) -> (Vec<u8>, Vec<u8>) {
    let (order, prime) = match curve {
        Curve::P256 => (
            "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551".to_owned(),
            "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff".to_owned(),
        ),
        Curve::P384 => (
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77a\
             ecec196accc52973"
                .to_owned(),
            format!("{}fffffffeffffffff0000000000000000ffffffff", "f".repeat(56)),
        ),
        Curve::P521 => (
            format!(
                "01{}a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
                "f".repeat(65)
            ),
            format!("01{}", "f".repeat(130)),
        ),
    };
    (hex(&order), hex(&prime))
}

/// The order of the Ed25519 group (RFC 8032, section 5.1), big-endian.
pub(crate) fn ed25519_order() -> Vec<u8> {
    hex("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed")
}

/// A token with this header and these signature bytes.
pub(crate) fn with_signature(forge: &mut Forge, signer: &Signer, signature: &[u8]) -> String {
    let (header, claims) = (signer.header(""), forge.claims(&[]));
    let part = |bytes: &[u8]| base64url::encode(bytes);
    format!("{}.{}.{}", part(header.as_bytes()), part(claims.as_bytes()), part(signature))
}

pub(crate) fn add(forge: &mut Forge) {
    for signer in &forge.world.main.signers {
        match signer.algorithm().family() {
            Family::Ecdsa(curve) => ecdsa(forge, signer, curve),
            Family::Ed25519 => ed25519(forge, signer),
            Family::Rsa => rsa(forge, signer),
            Family::Hmac => {}
        }
    }
    for signer in &forge.world.shared.signers {
        hmac(forge, signer);
    }
}

fn ecdsa(forge: &mut Forge, signer: &Signer, curve: Curve) {
    let width = curve.coordinate_bytes();
    let (order, prime) = order_and_prime(curve);
    assert_eq!((order.len(), prime.len()), (width, width), "{curve:?}");
    let plus = |number: &[u8]| wide(&sum(number, &[1]), width);
    let numbers = [
        ("0", vec![0; width]),
        ("1", wide(&[1], width)),
        ("n-1", difference(&order, &[1])),
        ("n", order.clone()),
        ("n+1", plus(&order)),
        ("p", prime),
        ("all ones", vec![0xff; width]),
    ];
    let algorithm = signer.algorithm();
    for (r_name, r) in &numbers {
        for (s_name, s) in &numbers {
            let token = with_signature(forge, signer, &[&r[..], s].concat());
            forge.add(format!("{algorithm} r={r_name} s={s_name}"), token, &[SignatureInvalid]);
            // As DER, which some libraries accept for any ECDSA signature.
            if r_name == s_name {
                let shaped = der(0x30, &[integer(r), integer(s)].concat());
                let token = with_signature(forge, signer, &shaped);
                let name = format!("{algorithm} DER of r={r_name} s={s_name}");
                forge.add(name, token, &[SignatureInvalid]);
            }
        }
    }
    for length in [1, 2, width - 1, width, width + 1, 2 * width - 1, 2 * width + 1, 4 * width] {
        let token = with_signature(forge, signer, &vec![0; length]);
        forge.add(format!("{algorithm} {length} zeros"), token, &[SignatureInvalid]);
    }
}

fn ed25519(forge: &mut Forge, signer: &Signer) {
    let mut order = ed25519_order();
    order.reverse();
    // Points of small order. With the neutral point, S=0 satisfies the equation of RFC 8032,
    // section 5.1.7.
    let points = [
        ("the neutral point", "0100000000000000000000000000000000000000000000000000000000000000"),
        (
            "the neutral point, signed",
            "0100000000000000000000000000000000000000000000000000000000000080",
        ),
        (
            "the point of order 2",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ),
        ("a point of order 4", "0000000000000000000000000000000000000000000000000000000000000000"),
        (
            "another point of order 4",
            "0000000000000000000000000000000000000000000000000000000000000080",
        ),
        ("a point of order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        (
            "another point of order 8",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        ),
        ("p", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ("all ones", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ];
    let KeyMaterial::Ed25519(public) = signer.key.public().unwrap() else { panic!() };
    let mut firsts: Vec<_> = points.map(|(name, digits)| (name, hex(digits))).into();
    firsts.push(("the key", public.to_vec()));
    for (r_name, r) in &firsts {
        for (s_name, s) in [("0", vec![0; 32]), ("L", order.clone()), ("all ones", vec![0xff; 32])]
        {
            let token = with_signature(forge, signer, &[&r[..], &s].concat());
            forge.add(format!("EdDSA R={r_name} S={s_name}"), token, &[SignatureInvalid]);
        }
    }
    for length in [1, 32, 63, 65, 96, 128] {
        let token = with_signature(forge, signer, &vec![0; length]);
        forge.add(format!("EdDSA {length} zeros"), token, &[SignatureInvalid]);
    }
}

fn rsa(forge: &mut Forge, signer: &Signer) {
    let KeyMaterial::Rsa { modulus, .. } = signer.key.public().unwrap() else { panic!() };
    let width = modulus.len();
    for (name, signature) in [
        ("0", vec![0; width]),
        ("1", wide(&[1], width)),
        ("n-1", difference(&modulus, &[1])),
        ("n", modulus.to_vec()),
        ("n+1", wide(&sum(&modulus, &[1]), width)),
        ("all ones", vec![0xff; width]),
        ("one byte", vec![1]),
        ("a short zero", vec![0; width - 1]),
        ("a long zero", vec![0; width + 1]),
        // The padded input of a PKCS #1 signature, before the private-key operation.
        ("the bare padding", [&[0, 1][..], &vec![0xff; width - 3], &[0]].concat()),
    ] {
        let token = with_signature(forge, signer, &signature);
        forge.add(format!("{} s={name}", signer.algorithm()), token, &[SignatureInvalid]);
    }
}

fn hmac(forge: &mut Forge, signer: &Signer) {
    let world = forge.world;
    let id = forge.token_id();
    let claims = world.claims(&world.shared, &[("jti", &id)]);
    let good = signer.sign(&signer.header(""), &claims);
    let (input, tag) = good.rsplit_once('.').unwrap();
    let tag = base64url::decode(tag.as_bytes()).unwrap();
    let half = tag.len() / 2;
    for (name, tag) in [
        ("zeros", vec![0; tag.len()]),
        ("all ones", vec![0xff; tag.len()]),
        ("the first byte of the tag", tag[..1].to_vec()),
        ("ten bytes of the tag", tag[..10].to_vec()),
        ("half of the tag", tag[..half].to_vec()),
        ("the tag less a byte", tag[..tag.len() - 1].to_vec()),
        ("the tag and a zero", [&tag[..], &[0]].concat()),
        ("a zero and the tag", [&[0], &tag[..]].concat()),
        ("the tag twice", [&tag[..], &tag].concat()),
        ("the tag backwards", tag.iter().rev().copied().collect()),
    ] {
        let token = format!("{input}.{}", base64url::encode(&tag));
        forge.add(format!("{} {name}", signer.algorithm()), token, &[SignatureInvalid]);
    }
}
