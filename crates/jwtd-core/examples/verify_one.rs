//! One token verified without the daemon: no async, no I/O, no configuration.

use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, JwkSet, Limits, UnixTime};
use jwtd_core::keys::{Issuer, Issuers, KeySet, KeyState, Leeway};
use jwtd_core::verify::{Profile, verify};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // What an issuer would have done: make a key, publish it, sign a token.
    let key = SigningKey::generate(Algorithm::EdDsa)?;
    let jwks = format!(r#"{{"keys":[{}]}}"#, key.to_jwk("k1"));
    let claims =
        r#"{"iss":"https://login.example.com","aud":"orders-api","sub":"alice","exp":1800000600}"#;
    let header = r#"{"alg":"EdDSA","kid":"k1"}"#;
    let token = key.sign_compact(header, claims)?;
    let forged = SigningKey::generate(Algorithm::EdDsa)?.sign_compact(header, claims)?;

    // Once: the issuer, its keys, and what is expected of its tokens.
    let (set, _unusable) =
        KeySet::of_public(&JwkSet::parse(jwks.as_bytes())?.keys, &[Algorithm::EdDsa]);
    let keys = KeyState::Held { set: set.into(), stale_at: None };
    let algorithms = [Algorithm::EdDsa].into_iter().collect();
    let (iss, audiences) = (&["https://login.example.com"], &["orders-api"]);
    let issuer =
        Issuer::new("corp", iss, algorithms, Some(audiences), Leeway::DEFAULT, "inline", keys);
    let issuers =
        Issuers::new(vec![issuer], Limits::DEFAULT).map_err(|same| format!("{same:?}"))?;
    let profile = Profile::new("default", &["corp"], &issuers)?;

    // For each token. The time is an argument.
    let now = UnixTime::from_seconds(1_800_000_000);
    for token in [&*token, &forged, "hello"] {
        match verify(token.as_bytes(), &issuers, &profile, &[], now) {
            Ok(proven) => println!("permit {:?}", proven.claims().subject()),
            Err(reject) => println!("refuse {}: {reject}", reject.reason()),
        }
    }
    Ok(())
}
