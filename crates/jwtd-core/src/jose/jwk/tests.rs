//! Tests for the form and size of keys.

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
fn r16_a_key_of_ed25519_has_exactly_its_length() {
    for length in 0..70 {
        let key = KeyMaterial::ed25519(&vec![7; length]);
        assert_eq!(key.is_ok(), length == 32, "{length}");
    }
}

fn set_of(key: &str) -> crate::jose::JwkSet {
    crate::jose::JwkSet::parse(format!(r#"{{"keys":[{key}]}}"#).as_bytes()).unwrap()
}

#[test]
fn r15_a_coordinate_is_padded_and_trimmed_with_zeros_alone() {
    for (name, length) in [("P-256", 32), ("P-384", 48), ("P-521", 66)] {
        let key = |x: &[u8], y: &[u8]| {
            let (x, y) = (base64url::encode(x), base64url::encode(y));
            set_of(&format!(r#"{{"kty":"EC","crv":"{name}","x":"{x}","y":"{y}"}}"#))
        };
        // A leading zero, as one key in 256 has.
        let full = [&[0][..], &vec![7; length - 1]].concat();
        let expected = key(&full, &full).keys;
        assert_eq!(expected.len(), 1, "{name}");
        for (x, y) in [
            (&full[1..], &full[..]),
            (&full[..], &full[1..]),
            (&full[1..], &full[1..]),
            (&[&[0], &*full].concat(), &full[1..]),
            (&full[..], &[&[0, 0, 0], &*full].concat()),
        ] {
            assert_eq!(key(x, y).keys, expected, "{name}");
        }
        for (x, y, fault) in [
            (&[&[1], &*full].concat(), &full, "x"),
            (&full, &[&[1, 0], &*full].concat(), "y"),
            (&Vec::new(), &full, "x"),
            (&full, &Vec::new(), "y"),
        ] {
            let skipped = key(x, y).skipped;
            assert_eq!(skipped[0].reason, UnusableKey::Parameter(fault), "{name}");
        }
    }
}

#[test]
fn keys_of_all_curves_verify_however_many_zeros_their_coordinates_have() {
    use crate::crypto::SigningKey;
    use crate::keys::LoadedKeys;
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512] {
        let Ok(key) = SigningKey::generate(algorithm) else { continue };
        let jwk: serde_json::Value = serde_json::from_str(&key.to_jwk("k")).unwrap();
        for zeros in [0, 1, 3] {
            let mut jwk = jwk.clone();
            for name in ["x", "y"] {
                let number = base64url::decode(jwk[name].as_str().unwrap().as_bytes()).unwrap();
                let number = [&vec![0; zeros][..], trim(&number)].concat();
                jwk[name] = base64url::encode(&number).into();
            }
            let set = format!(r#"{{"keys":[{jwk}]}}"#);
            let loaded = LoadedKeys::from_jwks(set.as_bytes(), &[algorithm]).unwrap();
            let signature = key.sign(b"message").unwrap();
            let read = &loaded.set.keys()[0].key;
            assert_eq!(read.verify(b"message", &signature), Ok(()), "{algorithm} {zeros}");
            assert_eq!(read.thumbprint(), key.verifying_key().unwrap().thumbprint());
        }
        // Off-curve points are refused when the key is bound.
        let off = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}]}"#;
        let loaded = LoadedKeys::from_jwks(off.as_bytes(), &[Algorithm::Es256]).unwrap();
        assert!(loaded.set.keys().is_empty() && loaded.skipped[0].contains("does not lie"));
    }
}

#[test]
fn numbers_of_rsa_may_have_zeros_in_front_and_be_padded() {
    let mut modulus = vec![0xf5; 256];
    modulus[0] = 0xc1;
    let n = base64url::encode(&modulus);
    let padded = base64url::encode(&[&[0, 0], &*modulus].concat());
    let other = n.replace('-', "+").replace('_', "/") + "==";
    let key = |n: &str, e: &str| set_of(&format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"}}"#));
    let expected = key(&n, "AQAB").keys;
    assert_eq!(expected.len(), 1);
    for (n, e) in [(&padded, "AQAB"), (&n, "AAEAAQ"), (&other, "AQAB"), (&n, "AQAB====")] {
        let read = key(n, e);
        let fits = !e.ends_with("===");
        assert_eq!(read.keys, if fits { expected.clone() } else { Vec::new() }, "{n} {e}");
    }
}

#[test]
fn r20_a_private_member_without_a_value_is_none() {
    const ED: &str =
        r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    const UNSET: [&str; 3] = ["null", "\"\"", "[]"];

    let expected = set_of(&format!("{{{ED}}}")).keys;
    let read = |member: &str| {
        crate::jose::JwkSet::parse(format!(r#"{{"keys":[{{{ED},{member}}}]}}"#).as_bytes())
    };
    let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];
    let others = ["use", "key_ops", "alg", "kid", "x5c", "x5t", "x5t#S256", "x5u", "n", "e", "y"];
    for name in private.into_iter().chain(others) {
        for unset in UNSET {
            let set = read(&format!(r#""{name}":{unset}"#)).unwrap();
            assert_eq!(set.keys, expected, "{name} {unset} {:?}", set.skipped);
        }
    }
    for name in private {
        for value in [r#""AA""#, "0", "false", r#"["AA"]"#, r#"[{"r":"AA"}]"#, "\" \""] {
            let refused = read(&format!(r#""{name}":{value}"#)).err();
            let private = crate::jose::JwksError::Private { index: 0 };
            assert_eq!(refused, Some(private), "{name} {value}");
        }
    }
    for empty in ["{}", "[null]", r#"[{"r":null,"d":"","t":[]}]"#] {
        assert_eq!(read(&format!(r#""oth":{empty}"#)).unwrap().keys, expected, "{empty}");
    }
    // All unset members at once, as .NET and Go write them.
    let all = r#""oth":[],"d":null,"p":null,"q":"","dp":null,"dq":null,"qi":null,"key_ops":[],
        "x5c":[],"use":"","alg":null,"kid":null,"k":null,"x5t":null,"x5u":"""#;
    assert_eq!(read(all).unwrap().keys, expected);
    for (member, reason) in [
        (r#""use":7"#, UnusableKey::Parameter("use")),
        (r#""key_ops":["sign"]"#, UnusableKey::Operations),
        (r#""alg":"none""#, UnusableKey::Algorithm),
        (r#""kid":7"#, UnusableKey::Parameter("kid")),
    ] {
        assert_eq!(read(member).unwrap().skipped[0].reason, reason, "{member}");
    }
}

#[test]
fn the_certificate_of_a_key_gives_its_names() {
    const X: &str =
        r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    let of = |members: &str| {
        let (set, _) = crate::keys::KeySet::of_public(
            &set_of(&format!("{{{X}{members}}}")).keys,
            &[Algorithm::EdDsa],
        );
        set.keys()[0].certificate
    };
    // The hashes of the three zero bytes that `AAAA` decodes to.
    let names = crate::crypto::certificate_thumbprints(&[0; 3]);
    assert_eq!(of(r#","x5c":["AAAA","BBBB"]"#), names);
    assert_eq!(of(r#","x5c":["AAA="]"#), crate::crypto::certificate_thumbprints(&[0; 2]));
    assert!(of("").is_empty() && of(r#","x5c":["!"]"#).is_empty() && of(r#","x5c":7"#).is_empty());
    // The thumbprint that the key states takes precedence.
    let stated = of(&format!(r#","x5c":["AAAA"],"x5t":"{}""#, base64url::encode(&[7; 20])));
    assert_eq!((stated.sha1, stated.sha256), (Some([7; 20]), names.sha256));
}
