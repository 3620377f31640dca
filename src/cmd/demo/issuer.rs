//! The demo's own issuer: fresh keys, and tokens that are valid, or invalid in well-known ways.

use jwtd_core::crypto::{SigningError, SigningKey};
use jwtd_core::jose::{Algorithm, Secret, UnixTime, base64url};
use serde_json::{Value, json};

/// The configuration of the demo, without its sockets.
pub(super) const CONFIG: &str = "\
issuers:
  demo:
    issuer: https://issuer.example
    audiences: [orders-api]
    algorithms: [RS256, PS256, ES256, ES384, ES512, EdDSA]
    keys: { jwks_file: jwks.json }
";

const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Rs256,
    Algorithm::Ps256,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::EdDsa,
];

/// An issuer with freshly made keys.
pub(super) struct LocalIssuer {
    keys: Vec<SigningKey>,
    /// A key that the issuer does not publish.
    stranger: SigningKey,
}

/// A token of the demo.
pub(super) struct Sample {
    pub(super) what: &'static str,
    pub(super) good: bool,
    pub(super) token: String,
}

impl LocalIssuer {
    pub(super) fn new() -> Result<Self, SigningError> {
        let built_in = |algorithm: &&Algorithm| {
            cfg!(feature = "aws-lc")
                || matches!(algorithm, Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa)
        };
        let keys = ALGORITHMS.iter().filter(built_in);
        Ok(Self {
            keys: keys.map(|one| SigningKey::generate(*one)).collect::<Result<_, _>>()?,
            stranger: SigningKey::generate(Algorithm::EdDsa)?,
        })
    }

    /// The JWK Set that the issuer publishes.
    pub(super) fn jwks(&self) -> String {
        let keys: Vec<_> = self.keys.iter().map(|key| key.to_jwk(&id(key))).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// A valid token. Its signature fills whole base64url characters, so that any change to it is a
    /// change of the signature and not of the encoding.
    pub(super) fn paste(&self, now: UnixTime) -> Result<String, SigningError> {
        sign(self.key(Algorithm::Es384)?, &claims(now))
    }

    /// Returns this number of good tokens, all different.
    pub(super) fn fresh(&self, count: usize, now: UnixTime) -> Result<Vec<String>, SigningError> {
        let key = self.key(Algorithm::EdDsa)?;
        let token = |number: usize| {
            let mut claims = claims(now);
            if let Some(members) = claims.as_object_mut() {
                members.insert("jti".to_owned(), number.to_string().into());
            }
            sign(key, &claims)
        };
        (0..count).map(token).collect()
    }

    fn key(&self, algorithm: Algorithm) -> Result<&SigningKey, SigningError> {
        self.keys.iter().find(|key| key.algorithm() == algorithm).ok_or(SigningError::NotBuiltIn)
    }

    pub(super) fn samples(&self, now: UnixTime) -> Result<Vec<Sample>, SigningError> {
        let mut samples = Vec::new();
        let mut add = |what, good, token| samples.push(Sample { what, good, token });
        for key in &self.keys {
            let what = match key.algorithm() {
                Algorithm::Rs256 => "good, RS256",
                Algorithm::Ps256 => "good, PS256",
                Algorithm::Es256 => "good, ES256",
                Algorithm::Es384 => "good, ES384",
                Algorithm::Es512 => "good, ES512",
                _ => "good, EdDSA",
            };
            add(what, true, sign(key, &claims(now))?);
        }
        let key = self.key(Algorithm::EdDsa)?;
        let good = sign(key, &claims(now))?;
        let with = |name: &str, value: Value| {
            let mut claims = claims(now);
            if let Some(members) = claims.as_object_mut() {
                members.insert(name.to_owned(), value);
            }
            claims
        };
        let at = |offset: i64| Value::from(now.seconds() + offset);
        let header = |extra: Value| {
            let mut header = json!({"alg": key.algorithm().name(), "kid": id(key)});
            if let (Some(members), Some(extra)) = (header.as_object_mut(), extra.as_object()) {
                members.extend(extra.clone());
            }
            header.to_string()
        };
        let payload = claims(now).to_string();

        add("the same token again", true, good.clone());
        add("signed by a stranger", false, {
            self.stranger.sign_compact(&header(json!({})), &payload)?
        });
        add("payload changed", false, {
            let forged = base64url::encode(with("sub", "root".into()).to_string().as_bytes());
            let mut parts: Vec<_> = good.split('.').collect();
            if let Some(part) = parts.get_mut(1) {
                *part = &forged;
            }
            parts.join(".")
        });
        add("not signed (alg none)", false, {
            let header = base64url::encode(br#"{"alg":"none"}"#);
            format!("{header}.{}.", base64url::encode(payload.as_bytes()))
        });
        add("public key used as HMAC secret", false, {
            let secret = Secret::new(self.jwks().into_bytes());
            let forger = SigningKey::from_secret(secret, Algorithm::Hs256)?;
            forger.sign_compact(&header(json!({"alg": "HS256"})), &payload)?
        });
        add("unknown key id", false, key.sign_compact(&header(json!({"kid": "other"})), &payload)?);
        add("expired an hour ago", false, sign(key, &with("exp", at(-3600)))?);
        add("valid from tomorrow", false, sign(key, &with("nbf", at(86_400)))?);
        add("for another service", false, sign(key, &with("aud", "billing-api".into()))?);
        add(
            "from an unknown issuer",
            false,
            sign(key, &with("iss", "https://evil.example".into()))?,
        );
        add("a logout token", false, {
            key.sign_compact(&header(json!({"typ": "logout+jwt"})), &payload)?
        });
        add("a claim twice", false, {
            let twice = payload.replacen('{', r#"{"sub":"root","#, 1);
            key.sign_compact(&header(json!({})), &twice)?
        });
        add("cut short", false, good.chars().take(good.len() / 3).collect());
        add("not a token at all", false, "hello".to_owned());
        Ok(samples)
    }
}

fn id(key: &SigningKey) -> String {
    format!("demo-{}", key.algorithm().name().to_lowercase())
}

fn claims(now: UnixTime) -> Value {
    json!({
        "iss": "https://issuer.example",
        "sub": "alice",
        "aud": "orders-api",
        "iat": now.seconds(),
        "exp": now.seconds() + 3600,
        "scope": "orders:read",
    })
}

fn sign(key: &SigningKey, claims: &Value) -> Result<String, SigningError> {
    let header = json!({"alg": key.algorithm().name(), "typ": "at+jwt", "kid": id(key)});
    key.sign_compact(&header.to_string(), &claims.to_string())
}
