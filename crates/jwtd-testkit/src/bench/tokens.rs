//! Keys, and tokens of 700 bytes.

use super::form::{Form, LENGTH};
use jwtd_core::crypto::{SigningError, SigningKey};
use jwtd_core::jose::{Algorithm, Family, Secret, UnixTime};

/// With a key ID of this length, every algorithm can reach [`LENGTH`] exactly: no base64url text
/// has a length of 1 modulo 4.
pub const KEY_ID: &str = "bench1";

/// As long as HS512 requires, so that it works for every HMAC.
pub const SECRET: &[u8; 64] = b"a secret that is no secret, for measurements and for nothing els";

/// The issuer of this algorithm; each algorithm has its own.
pub fn issuer(algorithm: Algorithm) -> String {
    format!("https://{}.issuer.example", name(algorithm))
}

/// The operator's name of that issuer.
pub fn name(algorithm: Algorithm) -> String {
    algorithm.name().to_lowercase()
}

pub fn key(algorithm: Algorithm) -> Result<SigningKey, SigningError> {
    if algorithm.family() == Family::Hmac {
        SigningKey::from_secret(Secret::new(SECRET.to_vec()), algorithm)
    } else {
        SigningKey::generate(algorithm)
    }
}

/// `count` tokens that differ in their subject, good for an hour.
pub fn tokens(key: &SigningKey, count: usize, now: UnixTime) -> Result<Vec<String>, SigningError> {
    let form = Form::new(key, &issuer(key.algorithm()), KEY_ID, LENGTH, now)?;
    let tokens = (0..count).map(|number| {
        let token = form.token(number)?;
        assert_eq!(token.len(), LENGTH, "{}", key.algorithm());
        Ok(token)
    });
    tokens.collect()
}
