//! Tests for the keys that a header selects.

use super::*;
use crate::crypto::SigningKey;
use crate::jose::TokenType;

fn key(id: Option<&str>, algorithm: Algorithm) -> Key {
    let key = SigningKey::generate(algorithm).unwrap().verifying_key().unwrap();
    Key::new(id, key)
}

fn header(id: Option<&str>, algorithm: Algorithm) -> Header {
    let certificate = CertificateThumbprints::default();
    Header { algorithm, key_id: id.map(Box::from), certificate, token_type: TokenType::Absent }
}

fn chosen(set: &KeySet, id: Option<&str>, algorithm: Algorithm) -> Result<Vec<usize>, KeyError> {
    set.select(&header(id, algorithm)).map(|candidates| candidates.iter().collect())
}

use Algorithm::{EdDsa, Es256, Es384};

#[test]
fn a_token_with_an_id_gets_the_keys_of_that_id_and_algorithm() {
    let set = KeySet::new(vec![
        key(Some("a"), EdDsa),
        key(Some("a"), Es256),
        key(Some("b"), EdDsa),
        key(Some("a"), EdDsa),
    ]);
    assert_eq!(chosen(&set, Some("a"), EdDsa), Ok(vec![0, 3]));
    assert_eq!(chosen(&set, Some("a"), Es256), Ok(vec![1]));
    assert_eq!(chosen(&set, Some("b"), Es256), Err(KeyError::AlgorithmMismatch));
    assert_eq!(chosen(&set, Some("c"), EdDsa), Err(KeyError::Unknown));
    assert_eq!(chosen(&set, Some(""), EdDsa), Err(KeyError::Unknown));
}

#[test]
fn r19_t15_an_unknown_id_falls_back_to_nameless_keys_only() {
    let set = KeySet::new(vec![key(Some("a"), EdDsa), key(None, EdDsa), key(None, Es256)]);
    assert_eq!(chosen(&set, Some("z"), EdDsa), Ok(vec![1]));
    assert_eq!(chosen(&set, Some("z"), Es384), Err(KeyError::Unknown));
    assert_eq!(chosen(&set, Some("a"), EdDsa), Ok(vec![0]));
}

#[test]
fn a_token_without_an_id_is_matched_by_algorithm_up_to_eight_keys() {
    let mut keys: Vec<_> = (0..8).map(|n| key(Some(&n.to_string()), EdDsa)).collect();
    keys.push(key(None, Es256));
    assert_eq!(chosen(&KeySet::new(keys), None, EdDsa), Ok((0..8).collect()));
    let many = (0..9).map(|n| key(Some(&n.to_string()), EdDsa)).collect();
    let many = KeySet::new(many);
    assert_eq!(chosen(&many, None, EdDsa), Err(KeyError::Ambiguous));
    assert_eq!(chosen(&many, None, Es256), Err(KeyError::Unknown));
}

#[test]
fn r11_a_key_without_alg_is_bound_to_the_first_allowed_that_fits() {
    let signing = SigningKey::generate(EdDsa).unwrap();
    let jwk = |algorithm| Jwk { algorithm, ..Jwk::bare(signing.public().unwrap()) };
    let bound = |own, allowed: &[Algorithm]| {
        let (set, unusable) = KeySet::of_public(&[jwk(own)], allowed);
        let algorithm = set.keys().first().map(|key| key.key.algorithm());
        algorithm.ok_or_else(|| unusable[0].reason)
    };
    assert_eq!(bound(None, &[Es256, EdDsa]), Ok(EdDsa));
    assert_eq!(bound(Some(EdDsa), &[Es256, EdDsa]), Ok(EdDsa));
    assert_eq!(bound(None, &[Es256]), Err(UnusableKey::NotAllowed));
    assert_eq!(bound(Some(EdDsa), &[Es256]), Err(UnusableKey::NotAllowed));
}

#[test]
fn the_fingerprint_tells_ids_algorithms_and_keys_apart() {
    let signing = SigningKey::generate(EdDsa).unwrap();
    let same = |id: Option<&str>| KeySet::new(vec![Key::new(id, signing.verifying_key().unwrap())]);
    assert_eq!(same(Some("a")).fingerprint(), same(Some("a")).fingerprint());
    assert_ne!(same(Some("a")).fingerprint(), same(Some("b")).fingerprint());
    assert_ne!(same(Some("")).fingerprint(), same(None).fingerprint());
    let other = KeySet::new(vec![key(Some("a"), EdDsa)]);
    assert_ne!(same(Some("a")).fingerprint(), other.fingerprint());
}

/// Five keys, each with its certificate, and the thumbprints by which a token names one of them.
fn certified(ids: bool) -> (KeySet, impl Fn(u8) -> CertificateThumbprints) {
    let of = |number: u8| CertificateThumbprints {
        sha1: Some([number; 20]),
        sha256: number.is_multiple_of(2).then_some([number; 32]),
    };
    let keys = (0..20).map(|number| {
        let id = ids.then(|| format!("k{}", number % 2));
        Key { certificate: of(number), ..key(id.as_deref(), EdDsa) }
    });
    (KeySet::new(keys.collect()), of)
}

#[test]
fn a_certificate_that_the_token_names_chooses_among_the_keys() {
    let (set, of) = certified(false);
    let by = |certificate| {
        let header = Header { certificate, ..header(None, EdDsa) };
        set.select(&header).map(|candidates| candidates.iter().collect::<Vec<_>>())
    };
    for number in 0..20 {
        let CertificateThumbprints { sha1, sha256 } = of(number);
        assert_eq!(by(CertificateThumbprints { sha1, sha256: None }), Ok(vec![number.into()]));
        if sha256.is_some() {
            assert_eq!(by(CertificateThumbprints { sha1: None, sha256 }), Ok(vec![number.into()]));
        }
    }
    // Thumbprints that match no key are ignored.
    assert_eq!(by(of(99)), Err(KeyError::Ambiguous));
    assert_eq!(by(CertificateThumbprints::default()), Err(KeyError::Ambiguous));
}

#[test]
fn a_certificate_never_leads_to_a_key_of_another_id_or_algorithm() {
    let (set, of) = certified(true);
    let by = |id, algorithm, number| {
        let header = Header { certificate: of(number), ..header(id, algorithm) };
        set.select(&header).map(|candidates| candidates.iter().collect::<Vec<_>>())
    };
    assert_eq!(by(Some("k0"), EdDsa, 4), Ok(vec![4]));
    assert_eq!(by(Some("k0"), EdDsa, 5), Err(KeyError::Ambiguous), "it is one of k1");
    assert_eq!(by(Some("z"), EdDsa, 4), Err(KeyError::Unknown));
    assert_eq!(by(None, Es256, 4), Err(KeyError::Unknown));
    assert_eq!(by(None, EdDsa, 4), Ok(vec![4]));
}

#[test]
fn the_fingerprint_tells_certificates_apart() {
    let signing = SigningKey::generate(EdDsa).unwrap();
    let of = |certificate| {
        let key = Key::new(Some("a"), signing.verifying_key().unwrap());
        *KeySet::new(vec![Key { certificate, ..key }]).fingerprint()
    };
    let none = CertificateThumbprints::default();
    let sha1 = CertificateThumbprints { sha1: Some([1; 20]), ..none };
    let sha256 = CertificateThumbprints { sha256: Some([1; 32]), ..none };
    assert!(of(none) == of(none) && of(none) != of(sha1) && of(sha1) != of(sha256));
}
