//! Encryption and decryption in every combination, and the test vectors of Project Wycheproof for
//! the underlying primitives.

mod primitives;

use super::{DecryptionError, DecryptionKey, EncryptionKey, KeyFit, RecipientKey, RsaSize};
use crate::jose::{
    AgreementCurve, CompactJwe, ContentEncryption, ContentEncryptionSet, Curve, JweHeader,
    KeyManagement, KeyMode, Limits, Malformed, Part, base64url,
};

const LIMITS: Limits = Limits::DEFAULT;
const TEXT: &[u8] = b"what is in the token";

fn key(
    algorithm: KeyManagement,
    curve: AgreementCurve,
    encryption: ContentEncryption,
) -> RecipientKey {
    let made = RecipientKey::generate(algorithm, RsaSize::default(), curve, encryption.key_bytes());
    made.unwrap().with_id("k")
}

fn bound(key: &RecipientKey) -> DecryptionKey {
    key.bind(None, ContentEncryptionSet::default()).unwrap()
}

fn encrypter(key: &RecipientKey) -> EncryptionKey {
    let jwk = key.public_jwk().unwrap_or_else(|| key.to_jwk().to_string());
    EncryptionKey::parse(jwk.as_bytes()).unwrap().remove(0).unwrap()
}

fn open(key: &DecryptionKey, token: &str) -> Result<Vec<u8>, DecryptionError> {
    let jwe = CompactJwe::split(token.as_bytes(), &LIMITS).unwrap();
    let header = jwe.header(&LIMITS).map_err(DecryptionError::Malformed)?;
    let header = JweHeader::parse(&header, &LIMITS).map_err(DecryptionError::Malformed)?;
    let parts = jwe.parts(header.encryption, &LIMITS).map_err(DecryptionError::Malformed)?;
    assert_eq!(key.fit(&header), KeyFit::Fits);
    Ok(key.decrypt(&header, &parts)?.to_vec())
}

const CURVES: [AgreementCurve; 4] = [
    AgreementCurve::Ec(Curve::P256),
    AgreementCurve::Ec(Curve::P384),
    AgreementCurve::Ec(Curve::P521),
    AgreementCurve::X25519,
];

/// Every key management algorithm on every curve that it supports.
fn kinds() -> impl Iterator<Item = (KeyManagement, AgreementCurve)> {
    KeyManagement::ALL.iter().flat_map(|algorithm| {
        let curves = match algorithm.mode() {
            KeyMode::KeyAgreement(_) => &CURVES[..],
            _ => &CURVES[..1],
        };
        curves.iter().map(|curve| (*algorithm, *curve))
    })
}

#[test]
fn what_is_encrypted_is_decrypted_in_every_combination() {
    let parties = r#","apu":"QWxpY2U","apv":"Qm9i""#;
    for (algorithm, curve) in kinds() {
        let mut own = None;
        for encryption in ContentEncryption::ALL {
            if own.is_none() || algorithm == KeyManagement::Direct {
                own = Some(key(algorithm, curve, *encryption));
            }
            let (opener, sealer) = own.as_ref().map(|own| (bound(own), encrypter(own))).unwrap();
            for text in [TEXT, b"", &[7; 16], &[7; 3000]] {
                let token = sealer.encrypt_compact(algorithm, *encryption, parties, text).unwrap();
                assert_eq!(open(&opener, &token).unwrap(), text, "{algorithm} {encryption}");
            }
        }
    }
}

#[test]
fn r23_t34_every_changed_character_behind_the_header_fails_alike() {
    for (algorithm, curve) in kinds() {
        let encryption = ContentEncryption::A128CbcHs256;
        let own = key(algorithm, curve, encryption);
        let opener = bound(&own);
        let token = encrypter(&own).encrypt_compact(algorithm, encryption, "", TEXT).unwrap();
        let begin = token.find('.').unwrap();
        for place in begin..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[place] = match changed[place] {
                b'.' => continue,
                b'A' => b'B',
                _ => b'A',
            };
            let changed = String::from_utf8(changed).unwrap();
            match open(&opener, &changed) {
                Err(DecryptionError::Failed) => {}
                // The last character of a part also holds unused bits that must be zero.
                Err(DecryptionError::Malformed(Malformed::Base64 { .. })) => {}
                other => panic!("{algorithm} {place}: {other:?}"),
            }
        }
    }
}

#[test]
fn r52_an_encrypted_key_of_another_length_is_refused_before_the_key_is_used() {
    for (algorithm, curve) in kinds() {
        let encryption = ContentEncryption::A256Gcm;
        let own = key(algorithm, curve, encryption);
        let opener = bound(&own);
        let token = encrypter(&own).encrypt_compact(algorithm, encryption, "", TEXT).unwrap();
        let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
        let long = base64url::decode(parts[1].as_bytes()).unwrap();
        parts[1] = base64url::encode(&[&long[..], &[0; 8]].concat());
        let refused = open(&opener, &parts.join(".")).unwrap_err();
        let DecryptionError::Malformed(Malformed::PartLength { part, length, expected }) = refused
        else {
            panic!("{algorithm}: {refused:?}");
        };
        assert_eq!((part, length), (Part::EncryptedKey, expected + 8), "{algorithm}");
    }
}

#[test]
fn r23_a_wrapped_key_of_another_length_goes_on_to_the_check_of_the_tag() {
    // The content key has 32 bytes, but the header requires 64 or 16.
    let algorithm = KeyManagement::RsaOaep256;
    let own = key(algorithm, CURVES[0], ContentEncryption::A256Gcm);
    let opener = bound(&own);
    let sealed =
        encrypter(&own).encrypt_compact(algorithm, ContentEncryption::A256Gcm, "", TEXT).unwrap();
    for encryption in ContentEncryption::ALL {
        let header = format!(r#"{{"alg":"{algorithm}","enc":"{encryption}","kid":"k"}}"#);
        let fixed = |bytes| base64url::encode(&vec![7; bytes]);
        let encrypted_key = sealed.split('.').nth(1).unwrap();
        let token = format!(
            "{}.{encrypted_key}.{}.{}.{}",
            base64url::encode(header.as_bytes()),
            fixed(encryption.vector_bytes()),
            fixed(32),
            fixed(encryption.tag_bytes()),
        );
        assert_eq!(open(&opener, &token), Err(DecryptionError::Failed), "{encryption}");
    }
}

#[test]
fn r53_t33_points_off_the_curve_and_shared_secrets_of_zero_are_no_keys() {
    let encryption = ContentEncryption::A128Gcm;
    for curve in CURVES {
        let algorithm = KeyManagement::EcdhEs;
        let own = key(algorithm, curve, encryption);
        let opener = bound(&own);
        let with = |epk: &str| {
            let header =
                format!(r#"{{"alg":"{algorithm}","enc":"{encryption}","epk":{epk},"kid":"k"}}"#);
            let token = [header.as_bytes(), &[], &[7; 12], TEXT, &[7; 16]].map(base64url::encode);
            open(&opener, &token.join("."))
        };
        let AgreementCurve::Ec(on) = curve else {
            // Points of order 1, 2, 4 and 8 (RFC 7748, section 6.1): the result is zero for every
            // key.
            let order_8 = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";
            let pairs = order_8.as_bytes().chunks(2);
            let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
            let order_8: Vec<_> = pairs.map(byte).collect();
            let one = [&[1][..], &[0; 31]].concat();
            for point in [vec![0; 32], one, order_8] {
                let x = base64url::encode(&point);
                let epk = format!(r#"{{"kty":"OKP","crv":"X25519","x":"{x}"}}"#);
                assert_eq!(with(&epk), Err(DecryptionError::Failed));
            }
            continue;
        };
        let text = |byte: u8| base64url::encode(&vec![byte; on.coordinate_bytes()]);
        for (x, y) in [(text(0), text(0)), (text(1), text(1)), (text(255), text(255))] {
            let epk = format!(r#"{{"kty":"EC","crv":"{}","x":"{x}","y":"{y}"}}"#, curve.name());
            let refused = with(&epk).unwrap_err();
            assert!(
                matches!(
                    refused,
                    DecryptionError::Malformed(Malformed::Member { name: "epk", .. })
                ),
                "{refused:?}"
            );
        }
    }
}

#[test]
fn what_is_written_is_read_again() {
    for (algorithm, curve) in kinds() {
        let own = key(algorithm, curve, ContentEncryption::A256Gcm);
        let (jwk, encryption) = (own.to_jwk(), ContentEncryption::A256Gcm);
        let token = encrypter(&own).encrypt_compact(algorithm, encryption, "", TEXT).unwrap();
        let set = format!(r#"{{"keys":[{}]}}"#, *jwk);
        let mut copies = vec![
            RecipientKey::parse(jwk.as_bytes()).unwrap().remove(0).unwrap(),
            RecipientKey::parse(set.as_bytes()).unwrap().remove(0).unwrap(),
        ];
        if let Some(pem) = own.to_pem() {
            let copy = RecipientKey::parse(pem.as_bytes()).unwrap().remove(0).unwrap();
            assert_eq!((copy.id(), copy.stated()), (None, None));
            // RSA-OAEP with SHA-1 must be named explicitly.
            let allowed = Some([algorithm].into_iter().collect());
            let opener = copy.bind(allowed, ContentEncryptionSet::default()).unwrap();
            assert_eq!(open(&opener, &token).unwrap(), TEXT);
            if algorithm == KeyManagement::RsaOaep {
                assert!(!copy.algorithms(None).unwrap().contains(algorithm));
            }
        } else {
            assert!(own.is_secret() && own.public_jwk().is_none());
        }
        for copy in copies.drain(..) {
            assert_eq!((copy.id(), copy.stated()), (Some("k"), Some(algorithm)));
            assert_eq!(bound(&copy).thumbprint(), bound(&own).thumbprint());
            assert_eq!(open(&bound(&copy), &token).unwrap(), TEXT);
        }
        let shown = format!("{own:?} {:?}", bound(&own));
        assert!(shown.contains("redacted"), "{shown}");
        let members: serde_json::Value = serde_json::from_str(&jwk).unwrap();
        for name in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            let secret = members.get(name).and_then(serde_json::Value::as_str);
            assert!(secret.is_none_or(|secret| !shown.contains(secret)), "{name} in {shown}");
        }
    }
}

#[test]
fn r11_r13_a_key_is_bound_to_what_it_states_and_to_what_is_allowed() {
    use super::{PrivateKeyError, UnusableRecipientKey as Unusable};
    let of = |members: &str| {
        let k = base64url::encode(&[7; 32]);
        RecipientKey::parse(format!(r#"{{"kty":"oct","k":"{k}"{members}}}"#).as_bytes())
            .map(|mut keys| keys.remove(0).unwrap())
    };
    let all = ContentEncryptionSet::default();
    assert_eq!(of("").unwrap().bind(None, all).unwrap_err(), Unusable::Ambiguous);
    let named = Some([KeyManagement::A256Kw].into_iter().collect());
    assert!(of("").unwrap().bind(named, all).is_ok());
    let stated = of(r#","alg":"dir""#).unwrap();
    assert!(stated.bind(None, all).is_ok());
    assert_eq!(stated.bind(named, all).unwrap_err(), Unusable::NotAllowed);
    let short = of(r#","alg":"A128KW""#).unwrap();
    assert_eq!(short.bind(None, all).unwrap_err(), Unusable::NotAllowed);
    for members in [r#","use":"sig""#, r#","key_ops":["sign"]"#, r#","key_ops":"decrypt""#] {
        assert_eq!(of(members).unwrap_err(), PrivateKeyError::Use, "{members}");
    }
    assert_eq!(of(r#","alg":"HS256""#).unwrap_err(), PrivateKeyError::Algorithm);
    assert_eq!(of(r#","alg":"RSA1_5""#).unwrap_err(), PrivateKeyError::Algorithm);
}
