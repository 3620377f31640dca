//! The encrypted examples of RFC 7516, RFC 7520 (sections 5 and 6) and RFC 8037 (appendix A.6). The
//! files of the last two are external test vectors.

use crate::common::{files, key_set, vectors};
use jwtd_core::crypto::{DecryptionError, DecryptionKey, KeyFit, RecipientKey};
use jwtd_core::jose::{
    Algorithm, CompactJwe, ContentEncryptionSet, JweHeader, KeyManagement, Limits, Malformed,
    UnixTime,
};
use jwtd_core::keys::{DecryptionKeys, Issuer, Issuers, KeyState, Leeway};
use jwtd_core::verify::{Profile, Reason, verify};
use serde_json::Value;

const LIMITS: Limits = Limits::DEFAULT;

fn key(jwk: &str, algorithm: KeyManagement) -> DecryptionKey {
    let key = RecipientKey::parse(jwk.as_bytes()).unwrap().remove(0).unwrap();
    key.bind(Some([algorithm].into_iter().collect()), ContentEncryptionSet::default()).unwrap()
}

/// Decrypts a token with a key that is bound to its algorithm.
fn open(jwk: &str, token: &str) -> Result<Vec<u8>, DecryptionError> {
    let malformed = DecryptionError::Malformed;
    let jwe = CompactJwe::split(token.as_bytes(), &LIMITS).unwrap();
    let header = jwe.header(&LIMITS).map_err(malformed)?;
    let header = JweHeader::parse(&header, &LIMITS).map_err(malformed)?;
    let parts = jwe.parts(header.encryption, &LIMITS).map_err(malformed)?;
    let key = key(jwk, header.algorithm);
    assert_eq!(key.fit(&header), KeyFit::Fits);
    Ok(key.decrypt(&header, &parts)?.to_vec())
}

#[test]
fn rfc_7516_appendix_a_3() {
    let jwk = r#"{"kty":"oct","k":"GawgguFyGrWKav7AX4VKUg"}"#;
    let token = "eyJhbGciOiJBMTI4S1ciLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.\
        6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ.AxY8DCtDaGlsbGljb3RoZQ.\
        KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.U0m_YmjN04DJvceFICbCVQ";
    assert_eq!(open(jwk, token).unwrap(), b"Live long and prosper.");
}

#[test]
fn rfc_7516_appendix_a_2_is_refused_by_its_algorithm() {
    // RSA1_5: nothing after the header is read.
    let token = "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.AAAA.AAAA.AAAA.AAAA";
    let jwe = CompactJwe::split(token.as_bytes(), &LIMITS).unwrap();
    let header = JweHeader::parse(&jwe.header(&LIMITS).unwrap(), &LIMITS);
    assert_eq!(header, Err(Malformed::Rsa15));
}

#[test]
fn rfc_7520_section_5_and_rfc_8037_appendix_a_6_open_or_are_refused_by_design() {
    let Some(root) = vectors("rfc7520") else { return };
    let folders = ["jwe", "curve25519"].map(|name| files(&root.join(name)));
    let (mut opened, mut refused) = (Vec::new(), Vec::new());
    for (name, text) in folders.into_iter().flatten() {
        let example: Value = serde_json::from_slice(&text).unwrap();
        let input = &example["input"];
        // Some have only a JSON serialization, and the signature example has no plaintext.
        let (Some(token), Some(plaintext)) =
            (example["output"]["compact"].as_str(), input["plaintext"].as_str())
        else {
            continue;
        };
        let jwe = CompactJwe::split(token.as_bytes(), &LIMITS).unwrap();
        match JweHeader::parse(&jwe.header(&LIMITS).unwrap(), &LIMITS) {
            Ok(_) => {
                // The key may state a signature algorithm or an `enc`, and be meant for another
                // algorithm.
                let mut jwk = input["key"].clone();
                jwk.as_object_mut().unwrap().remove("alg");
                let found = open(&jwk.to_string(), token);
                assert_eq!(found.as_deref(), Ok(plaintext.as_bytes()), "{name}");
                opened.push(name);
            }
            Err(fault @ (Malformed::Rsa15 | Malformed::Pbes2 | Malformed::Compressed)) => {
                refused.push((name, fault));
            }
            Err(fault) => panic!("{name}: {fault}"),
        }
    }
    let reasons: Vec<_> = refused.into_iter().map(|(_, fault)| fault).collect();
    assert_eq!(reasons, [Malformed::Rsa15, Malformed::Pbes2, Malformed::Compressed]);
    assert_eq!(opened.len(), 7, "{opened:?}");
}

#[test]
fn rfc_7520_section_6_is_a_nested_token() {
    let Some(root) = vectors("rfc7520") else { return };
    let (_, text) = files(&root).into_iter().find(|(name, _)| name.starts_with("6.")).unwrap();
    let example: Value = serde_json::from_slice(&text).unwrap();
    let mut signer = example["sign"]["input"]["key"].clone();
    for member in ["d", "p", "q", "dp", "dq", "qi"] {
        signer.as_object_mut().unwrap().remove(member);
    }
    let set = key_set(&signer.to_string(), Algorithm::Ps256);
    let mut own = example["encrypt"]["input"]["key"].clone();
    own.as_object_mut().unwrap().remove("alg");
    let token = example["encrypt"]["output"]["compact"].as_str().unwrap();
    let decryption = DecryptionKeys {
        keys: vec![key(&own.to_string(), KeyManagement::RsaOaep)],
        content_type_optional: false,
    };
    let algorithms = [Algorithm::Ps256].into_iter().collect();
    let held = KeyState::Held { set: set.into(), stale_at: None };
    let (iss, skew) = (&["hobbiton.example"], Leeway::DEFAULT);
    let issuer = Issuer::new("one", iss, algorithms, None, skew, "inline", held);
    let issuers = Issuers::new(vec![issuer.with_decryption(decryption)], LIMITS).unwrap();
    let profile = Profile::new("default", &["one"], &issuers).unwrap();
    let at = |seconds| {
        let now = UnixTime::from_seconds(seconds);
        verify(token.as_bytes(), &issuers, &profile, &[], now)
    };
    let proven = at(1_300_819_000).unwrap();
    assert_eq!(proven.claims().issuer(), Some("hobbiton.example"));
    assert!(proven.encryption().is_some());
    assert_eq!(at(1_400_000_000).unwrap_err().reason(), Reason::Expired);
}
