//! What is found out of a token before its signature is checked.

use super::*;
use crate::jose::Header;

const LOST: &str = r#"{"alg":"EdDSA","kid":"lost"}"#;

fn missing(header: &str, claims: &str) -> Option<MissingKey> {
    match read(sign(header, claims), &issuers(None)) {
        Err(ReadError::KeyMissing(key)) => Some(key),
        Err(ReadError::Refused(_)) | Ok(_) => None,
    }
}

#[test]
fn a_missing_key_is_named_by_what_chooses_it() {
    let key = missing(LOST, &claims("")).unwrap();
    let Header { algorithm, key_id, .. } = key.header();
    let shown = (key.issuer().get(), *algorithm, key_id.as_deref());
    assert_eq!(shown, (0, Algorithm::EdDsa, Some("lost")));
    let refusal = Refusal { reject: Reject::KeyUnknown, issuer: Some(key.issuer()) };
    assert_eq!(key.refusal(), refusal);
    let error = ReadError::KeyMissing(key);
    assert_eq!((error.issuer(), error.to_string()), (refusal.issuer, refusal.to_string()));
    assert_eq!(error.into_refusal(), refusal);
    // None has this algorithm, and the token names no id.
    let nameless = missing(r#"{"alg":"ES256"}"#, &claims("")).unwrap();
    let Header { algorithm, key_id, .. } = nameless.header();
    assert_eq!((*algorithm, key_id), (Algorithm::Es256, &None));
}

#[test]
fn what_no_new_key_would_help_is_refused() {
    let body = claims("");
    for (header, claims) in [
        (r#"{"alg":"ES256","kid":"k"}"#, &*body),
        (r#"{"alg":"RS256","kid":"lost"}"#, &body),
        (LOST, &body.replace("https://a", "https://b")),
        (LOST, &body.replace("https://a", "https://c")),
        (LOST, "{}"),
        ("{}", &body),
    ] {
        assert_eq!(missing(header, claims), None, "{header} {claims}");
    }
}

#[test]
fn r65_a_missing_key_of_an_issuer_that_is_not_trusted_is_not_told() {
    let (issuers, token) = (issuers(None), sign(LOST, &claims("")));
    let outcome = |trusted: &str| {
        let profile = Profile::new("p", &[trusted], &issuers).unwrap();
        read_under(&mut Headers::default(), &token, &issuers, &profile).map(drop)
    };
    assert!(matches!(outcome("a"), Err(ReadError::KeyMissing(_))));
    let issuer = issuers.find("a");
    let refusal = Refusal { reject: Reject::IssuerNotInProfile, issuer };
    assert_eq!(outcome("b"), Err(ReadError::Refused(refusal)));
}
