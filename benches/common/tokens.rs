//! Keys and tokens of 700 bytes: what a typical access token weighs.

use jwtd::crypto::{SigningError, SigningKey};
use jwtd::jose::{Algorithm, Family, Secret, UnixTime};

/// The length of every token.
pub(crate) const LENGTH: usize = 700;

pub(crate) const AUDIENCE: &str = "orders-api";

/// With an id of this length every algorithm can reach [`LENGTH`] exactly: no
/// base64url text has a length of 1 modulo 4.
pub(crate) const KEY_ID: &str = "bench1";

/// As long as HS512 demands, so that it serves every HMAC.
pub(crate) const SECRET: &[u8; 64] =
    b"a secret that is no secret, for measurements and for nothing els";

/// Each algorithm has an issuer of its own.
pub(crate) fn issuer(algorithm: Algorithm) -> String {
    format!("https://{}.issuer.example", name(algorithm))
}

/// The operator's name of that issuer.
pub(crate) fn name(algorithm: Algorithm) -> String {
    algorithm.name().to_lowercase()
}

pub(crate) fn key(algorithm: Algorithm) -> Result<SigningKey, SigningError> {
    if algorithm.family() == Family::Hmac {
        SigningKey::from_secret(Secret::new(SECRET.to_vec()), algorithm)
    } else {
        SigningKey::generate(algorithm)
    }
}

/// `count` tokens that differ in their subject, good for an hour.
pub(crate) fn tokens(
    key: &SigningKey,
    count: usize,
    now: UnixTime,
) -> Result<Vec<String>, SigningError> {
    let (algorithm, now) = (key.algorithm(), now.seconds());
    let issuer = issuer(algorithm);
    let header = format!(r#"{{"alg":"{algorithm}","typ":"at+jwt","kid":"{KEY_ID}"}}"#);
    let others = encoded(header.len()) + encoded(key.sign(b"")?.len()) + "..".len();
    let payload = (LENGTH - others) * 3 / 4;
    let claims = |number: usize, filler: &str| {
        format!(
            r#"{{"iss":"{issuer}","sub":"user-{number:06}","aud":"{AUDIENCE}","iat":{now},"exp":{},"scope":"orders:read orders:write","sid":"{filler}"}}"#,
            now + 3600
        )
    };
    let filler = "0123456789abcdef".chars().cycle().take(payload - claims(0, "").len());
    let filler: String = filler.collect();
    let tokens = (0..count).map(|number| {
        let token = key.sign_compact(&header, &claims(number, &filler))?;
        assert_eq!(token.len(), LENGTH, "{algorithm}");
        Ok(token)
    });
    tokens.collect()
}

/// How long `bytes` bytes are in base64url.
fn encoded(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}
