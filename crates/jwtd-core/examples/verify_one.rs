//! Verifies one token in process: no daemon, no async, no I/O.

use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, UnixTime};
use jwtd_core::{TrustedIssuer, Verifier};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The issuer's side: it generates a key, publishes the public half and signs a token.
    let key = SigningKey::generate(Algorithm::EdDsa)?;
    let jwks = format!(r#"{{"keys":[{}]}}"#, key.to_jwk("k1"));
    let header = r#"{"alg":"EdDSA","kid":"k1"}"#;
    let claims =
        r#"{"iss":"https://login.example.com","aud":"orders-api","sub":"alice","exp":1800000600}"#;
    let token = key.sign_compact(header, claims)?;
    let forged = SigningKey::generate(Algorithm::EdDsa)?.sign_compact(header, claims)?;

    // Once: build the verifier.
    let issuer = TrustedIssuer::new("https://login.example.com").jwks(jwks).audience("orders-api");
    let verifier = Verifier::builder().issuer(issuer).build()?;

    // For each token. The time is an argument.
    let now = UnixTime::from_seconds(1_800_000_000);
    for token in [&*token, &forged, "hello"] {
        match verifier.verify(token, now) {
            Ok(proven) => println!("permit {:?}", proven.claims().subject()),
            Err(reject) => println!("refuse {}: {reject}", reject.reason()),
        }
    }
    Ok(())
}
