//! A second verifier, as someone might write it in an afternoon: `serde_json`, `base64` and ring,
//! with nothing of jwtd but the names of the keys.

use crate::json;
use crate::world::{AUDIENCE, ISSUERS, NOW, PUBLIC, SECRET};
use base64::engine::{Engine as _, general_purpose::URL_SAFE_NO_PAD};
use jwtd_core::jose::Limits;
use ring::{hmac, signature};
use serde_json::Value;

/// The verdict of the naive verifier.
#[derive(Debug)]
pub enum Verdict {
    /// The token is not valid.
    Refused(&'static str),
    /// The signature and the times are valid.
    Good {
        /// The claims.
        claims: Value,
        /// The reason why jwtd may refuse the token anyway; `None` if it must accept it.
        strict: Option<&'static str>,
    },
}

/// Verifies a token in the world of [`crate::world`].
#[must_use]
pub fn verify(token: &[u8]) -> Verdict {
    judge(token).unwrap_or_else(Verdict::Refused)
}

fn judge(token: &[u8]) -> Result<Verdict, &'static str> {
    let parts: Vec<&[u8]> = token.split(|byte| *byte == b'.').collect();
    let [header, payload, mac] = parts[..] else { return Err("not three parts") };
    let message = &token[..header.len() + 1 + payload.len()];
    let decode = |part: &[u8]| URL_SAFE_NO_PAD.decode(part).map_err(|_| "not base64url");
    let (head, body, mac) = (decode(header)?, decode(payload)?, decode(mac)?);
    let read = |text: &[u8]| serde_json::from_slice(text).map_err(|_| "not JSON");
    let (mut header, mut claims): (Value, Value) = (read(&head)?, read(&body)?);
    // Issuers write unset members as null or empty.
    json::drop_unset(&mut header, &["kid", "typ"]);
    json::drop_unset(&mut claims, &["iss", "sub", "aud", "jti", "sid", "cnf", "scope", "scp"]);
    if let Some(members) = claims.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let algorithm = header.get("alg").and_then(Value::as_str).ok_or("no alg")?;
    let issuer = text("iss").ok_or("no iss")?;
    let id = header.get("kid").map(|id| id.as_str().unwrap_or("?"));
    check_signature(issuer, id, algorithm, message, &mac)?;
    // In whole seconds: fractions are rounded so that the token is valid for the shorter time.
    let time = |name: &str| {
        let round = if name == "nbf" { f64::ceil } else { f64::floor };
        claims.get(name).map(|value| value.as_f64().map(round).ok_or("a time is no number"))
    };
    let (now, leeway) = (NOW as f64, 60.0);
    if now >= time("exp").ok_or("no exp")?? + leeway {
        return Err("expired");
    }
    for name in ["nbf", "iat"] {
        if time(name).transpose()?.is_some_and(|moment| moment > now + leeway) {
            return Err("not yet");
        }
    }
    if issuer == ISSUERS[1] {
        let audience = claims.get("aud").ok_or("no aud")?;
        let one = audience.as_str().map(|one| vec![one]);
        let all = one.or_else(|| json::strings(audience)).ok_or("a strange aud")?;
        if !all.contains(&AUDIENCE) {
            return Err("another aud");
        }
    }
    let strict = stricter(token, (&head, &header), (&body, &claims));
    Ok(Verdict::Good { claims, strict })
}

fn check_signature(
    issuer: &str,
    id: Option<&str>,
    algorithm: &str,
    message: &[u8],
    mac: &[u8],
) -> Result<(), &'static str> {
    let named = |name: &str| id.is_none_or(|id| id == name);
    if issuer == ISSUERS[1] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
        let good = algorithm == "HS256" && named("hs") && hmac::verify(&key, message, mac).is_ok();
        return if good { Ok(()) } else { Err("a bad code") };
    }
    if issuer != ISSUERS[0] {
        return Err("an unknown issuer");
    }
    let set: Value = serde_json::from_str(PUBLIC).unwrap();
    let number = |place: usize, name: &str| {
        URL_SAFE_NO_PAD.decode(set["keys"][place][name].as_str().unwrap()).unwrap()
    };
    let good = match algorithm {
        "RS256" if named("rsa") => {
            let key = signature::RsaPublicKeyComponents { n: number(0, "n"), e: number(0, "e") };
            key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, mac)
        }
        "ES256" if named("ec") => {
            let point = [vec![4], number(1, "x"), number(1, "y")].concat();
            signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
                .verify(message, mac)
        }
        "EdDSA" | "Ed25519" if named("ed") => {
            signature::UnparsedPublicKey::new(&signature::ED25519, number(2, "x"))
                .verify(message, mac)
        }
        _ => return Err("no such key"),
    };
    good.map_err(|_| "a bad signature")
}

/// The explicit list of everything that jwtd refuses beyond the checks above.
fn stricter(
    token: &[u8],
    (head, header): (&[u8], &Value),
    (body, claims): (&[u8], &Value),
) -> Option<&'static str> {
    let limits = Limits::DEFAULT;
    let wrong = |object: &Value, name: &str, fits: fn(&Value) -> bool| {
        object.get(name).is_some_and(|value| !fits(value))
    };
    let time = |value: &Value| {
        let whole = |time: &f64| (0.0..=9_007_199_254_740_991.0).contains(time);
        value.as_f64().filter(whole).is_some_and(f64::is_sign_positive)
    };
    let scope = |value: &Value| value.is_string() || json::strings(value).is_some();
    let audience = |value: &Value| {
        let all = value.as_str().map(|one| vec![one]).or_else(|| json::strings(value));
        all.is_some_and(|all| !all.is_empty() && all.iter().all(|one| !one.is_empty()))
    };
    let common = |value: &Value| {
        let name = value.as_str().unwrap_or("?").to_ascii_lowercase();
        matches!(name.strip_prefix("application/").unwrap_or(&name), "jwt" | "at+jwt")
    };
    let short = |value: &Value| value.as_str().is_some_and(|id| id.len() <= 256);
    let rules = [
        (token.len() > limits.token_bytes, "the token is long"),
        (head.len() > limits.header_bytes, "the header is long"),
        (
            json::strict(head, &limits.header_json()).is_none(),
            "the header names a member twice, or is large",
        ),
        (
            json::strict(body, &limits.json).is_none(),
            "the payload names a member twice, or is large",
        ),
        (header.get("crit").is_some(), "crit (RFC 7515, section 4.1.11)"),
        (header.get("b64").is_some(), "b64 (RFC 7797)"),
        (wrong(header, "typ", common), "a typ that is not accepted"),
        (wrong(header, "kid", short), "a kid that is long or no string"),
        (["exp", "nbf", "iat"].iter().any(|name| wrong(claims, name, time)), "a strange time"),
        (claims.get("exp").and_then(Value::as_f64).is_some_and(|time| time < 1.0), "exp is zero"),
        (["sub", "jti"].iter().any(|name| wrong(claims, name, Value::is_string)), "no string"),
        (["scope", "scp"].iter().any(|name| wrong(claims, name, scope)), "a strange scope"),
        (wrong(claims, "aud", audience), "a strange aud"),
        (claims.get("cnf").is_some(), "bound to a key that the caller does not prove"),
    ];
    rules.into_iter().find(|(broken, _)| *broken).map(|(_, why)| why)
}
