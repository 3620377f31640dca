//! The form and size of keys.

use super::*;

#[test]
fn r14_the_size_and_the_exponent_of_rsa_are_bounded() {
    let modulus = |bits: usize, last: u8| {
        let mut modulus = vec![0; bits.div_ceil(8)];
        modulus[0] = 1 << ((bits - 1) % 8);
        modulus[1..].fill(0xf5);
        *modulus.last_mut().unwrap() = last;
        modulus
    };
    let f4 = [1, 0, 1];
    for (bits, last, fits) in [
        (1024, 1, false),
        (2047, 1, false),
        (2048, 1, true),
        (2048, 2, false),
        (8192, 1, true),
        (8193, 1, false),
    ] {
        let key = KeyMaterial::rsa(&modulus(bits, last), &f4);
        assert_eq!(key.err(), (!fits).then_some(UnusableKey::Size), "{bits} bits, {last}");
    }
    for (exponent, fits) in [
        (0_u64, false),
        (1, false),
        (2, false),
        (3, true),
        (65_536, false),
        (65_537, true),
        ((1 << 33) - 1, true),
        ((1 << 33) + 1, false),
        (u64::MAX, false),
    ] {
        let key = KeyMaterial::rsa(&modulus(2048, 1), &exponent.to_be_bytes());
        assert_eq!(key.err(), (!fits).then_some(UnusableKey::Exponent), "{exponent}");
    }
    assert_eq!(KeyMaterial::rsa(&[], &f4), Err(UnusableKey::Size));
    assert_eq!(KeyMaterial::rsa(&modulus(2048, 1), &[]), Err(UnusableKey::Exponent));
}

#[test]
fn r15_r16_a_coordinate_has_exactly_its_length() {
    for length in 0..70 {
        let key = KeyMaterial::ed25519(&vec![7; length]);
        assert_eq!(key.is_ok(), length == 32, "{length}");
    }
    for (name, curve) in [("P-256", 32), ("P-384", 48), ("P-521", 66)] {
        for (x, y) in [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1)] {
            // One byte short, as it should be, one byte long.
            let text = |plus: usize| base64url::encode(&vec![0; curve + plus - 1]);
            let (x, y, fits) = (text(x), text(y), (x, y) == (1, 1));
            let set = format!(r#"{{"keys":[{{"kty":"EC","crv":"{name}","x":"{x}","y":"{y}"}}]}}"#);
            let set = crate::jose::JwkSet::parse(set.as_bytes()).unwrap();
            assert_eq!(set.keys.len(), usize::from(fits), "{name}, {x}, {y}");
        }
    }
}
