//! The crate `jsonwebtoken` as a second verifier, used as its documentation recommends: the issuer
//! and the key ID select the key, and the key determines the algorithm.

use crate::world::{Home, World, key_id};
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;
use std::collections::HashMap;
use std::str::FromStr as _;

pub(crate) struct Oracle {
    issuers: HashMap<String, Vec<Key>>,
}

struct Key {
    id: String,
    algorithm: Algorithm,
    key: DecodingKey,
    validation: Validation,
}

/// Returns true if the crate implements the algorithm.
pub(crate) fn knows(algorithm: jwtd_core::jose::Algorithm) -> bool {
    algorithm != jwtd_core::jose::Algorithm::Es512
}

impl Oracle {
    pub(crate) fn new(world: &World) -> Self {
        let keys = |home: &Home| {
            let known = home.keys.iter().filter(|key| knows(key.algorithm()));
            known.map(|key| Key::new(&home.identifier, key)).collect()
        };
        let issuers = world.homes.iter().map(|home| (home.identifier.clone(), keys(home)));
        Self { issuers: issuers.collect() }
    }

    /// Verifies a token; returns the reason if it refuses.
    pub(crate) fn judge(&self, token: &[u8]) -> Result<(), String> {
        let told = |error: jsonwebtoken::errors::Error| error.to_string();
        let header = decode_header(token).map_err(told)?;
        let claims: Value = insecure_decode_claims(token).map_err(told)?;
        let issuer = claims.get("iss").and_then(Value::as_str).ok_or("no issuer")?;
        let keys = self.issuers.get(issuer).ok_or("an unknown issuer")?;
        let fits = |key: &&Key| match &header.kid {
            Some(id) => key.id == *id,
            None => key.algorithm == header.alg,
        };
        let key = keys.iter().find(fits).ok_or("an unknown key")?;
        decode::<Value>(token, &key.key, &key.validation).map(|_| ()).map_err(told)
    }
}

impl Key {
    fn new(issuer: &str, key: &jwtd_core::crypto::SigningKey) -> Self {
        let id = key_id(key.algorithm());
        let jwk: Jwk = serde_json::from_str(&key.to_jwk(&id)).unwrap();
        let algorithm = Algorithm::from_str(key.algorithm().name()).unwrap();
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&["api", "web"]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.validate_nbf = true;
        Self { id, algorithm, key: DecodingKey::from_jwk(&jwk).unwrap(), validation }
    }
}
