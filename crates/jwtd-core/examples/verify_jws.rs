//! Verifies a bare JWS: a signed document that is not a token, such as a manifest or a webhook.

use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, Limits};
use jwtd_core::keys::LoadedKeys;
use jwtd_core::verify_jws;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The signer's side.
    let key = SigningKey::generate(Algorithm::EdDsa)?;
    let jwks = format!(r#"{{"keys":[{}]}}"#, key.to_jwk("release-1"));
    let header = r#"{"alg":"EdDSA","kid":"release-1","typ":"manifest+jws"}"#;
    let signed = key.sign_compact(header, "orders-api 1.2.3")?;
    let forged = SigningKey::generate(Algorithm::EdDsa)?.sign_compact(header, "evil 6.6.6")?;

    // Once: load the keys, each bound to its algorithm.
    let keys = LoadedKeys::from_jwks(jwks.as_bytes(), &[Algorithm::EdDsa])?.set;

    // For each document.
    for jws in [&signed, &forged] {
        match verify_jws(jws.as_bytes(), &keys, &Limits::DEFAULT) {
            Ok(proven) if proven.header().token_type.name() == Some("manifest+jws") => {
                println!("permit {}", String::from_utf8_lossy(proven.payload()));
            }
            Ok(_) => println!("refuse: signed for another purpose"),
            Err(reject) => println!("refuse {}: {reject}", reject.reason()),
        }
    }
    Ok(())
}
