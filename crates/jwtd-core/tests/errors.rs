//! Tests that each error of the public API works with `?` and `Box<dyn Error>`, and can be sent to
//! other threads.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use jwtd_core::jose::base64url::Base64Fault;
use jwtd_core::jose::json::JsonFault;
use jwtd_core::jose::jwk::UnusableKey;
use jwtd_core::jose::pem::PemError;
use jwtd_core::jose::{Algorithm, Header, JwksError, Limits, Malformed, SkippedKey};
use jwtd_core::keys::{
    Issuer, Issuers, KeyError, KeySet, KeyState, Leeway, LeewayTooLong, SameIdentifier, Unusable,
};
use jwtd_core::policy::{BadPath, BadSubject, SameName};
use jwtd_core::verify::{Profile, Refusal, UnknownIssuer};
use jwtd_core::{BuildError, Reject, crypto};
use std::error::Error;
use std::time::Duration;

fn is_error<E: Error + Send + Sync + 'static>() {}

#[test]
fn each_error_implements_error() {
    is_error::<Base64Fault>();
    is_error::<JsonFault>();
    is_error::<JwksError>();
    is_error::<Malformed>();
    is_error::<PemError>();
    is_error::<SkippedKey>();
    is_error::<UnusableKey>();
    is_error::<crypto::BadSignature>();
    is_error::<crypto::SigningError>();
    #[cfg(feature = "sign")]
    is_error::<crypto::PrivateKeyError>();
    is_error::<KeyError>();
    is_error::<LeewayTooLong>();
    is_error::<SameIdentifier>();
    is_error::<Unusable>();
    is_error::<BuildError>();
    is_error::<Refusal>();
    is_error::<Reject>();
    is_error::<UnknownIssuer>();
    is_error::<BadPath>();
    is_error::<BadSubject>();
    is_error::<SameName>();
    #[cfg(feature = "cel")]
    is_error::<jwtd_core::policy::BadRule>();
}

#[test]
fn the_texts_say_what_is_wrong() {
    let issuer = |name| {
        let algorithms = [Algorithm::EdDsa].into_iter().collect();
        Issuer::new(name, &["i"], algorithms, None, Leeway::DEFAULT, "", KeyState::Unavailable)
    };
    let same = Issuers::new(vec![issuer("a"), issuer("b")], Limits::DEFAULT).unwrap_err();
    assert_eq!(same.to_string(), "the issuers `a` and `b` share the `iss` `i`");
    let issuers = Issuers::new(vec![issuer("a")], Limits::DEFAULT).unwrap();
    let unknown = Profile::new("p", &["c"], &issuers).unwrap_err();
    assert_eq!(unknown.to_string(), "no issuer has the name `c`");
    let long = Leeway::try_from(Duration::from_secs(301)).unwrap_err();
    assert_eq!(long.to_string(), "the leeway exceeds five minutes");
    let header = Header::parse(br#"{"alg":"EdDSA","kid":"k"}"#, &Limits::DEFAULT).unwrap();
    let none = KeySet::new(Vec::new()).select(&header).unwrap_err();
    assert_eq!(none.to_string(), "there is no such key");
    let many = KeyError::Ambiguous.to_string();
    assert_eq!(many, "more than 8 keys could have made the signature");
    let same = SameName("roles".into()).to_string();
    assert_eq!(same, "two claims are returned as `roles`");
    // A refusal shows the text of its cause, and only once.
    let refusal = Refusal::from(Malformed::Empty);
    assert_eq!(refusal.to_string(), "the token is empty");
    assert!(refusal.source().is_none());
}
