//! Issuers that share their key IDs, and good tokens of all of them.

use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, JwkSet, Limits, Secret, UnixTime, base64url};
use jwtd_core::keys::{Issuer, Issuers, Key, KeySet, KeyState, Leeway};
use jwtd_core::verify::{Profile, Reason, verify};
use jwtd_testkit::tokens;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The names and the raw JSON values of the members of an object.
pub(crate) type Members = Vec<(String, String)>;

/// A signing party: one issuer with a key for each of its algorithms.
pub(crate) struct Home {
    pub(crate) name: &'static str,
    pub(crate) identifier: String,
    pub(crate) keys: Vec<SigningKey>,
}

/// A token that must be accepted.
pub(crate) struct Good {
    /// The indices of its issuer and of its key.
    pub(crate) home: usize,
    pub(crate) key: usize,
    pub(crate) header: Members,
    pub(crate) claims: Members,
    pub(crate) text: Vec<u8>,
}

/// The configuration under which tokens are verified, and the good tokens.
pub(crate) struct World {
    pub(crate) now: i64,
    pub(crate) homes: Vec<Home>,
    pub(crate) issuers: Issuers,
    pub(crate) profile: Profile,
    pub(crate) good: Vec<Good>,
    /// A key that no issuer has.
    pub(crate) stranger: SigningKey,
    texts: HashSet<Vec<u8>>,
}

/// The padding of the three token sizes, in bytes.
pub(crate) const SIZES: [usize; 3] = [0, 450, 2200];

/// The issuers with the algorithms of their keys. Two have public keys and two have secrets; keys
/// of one algorithm have the same ID everywhere.
const HOMES: [(&str, &[Algorithm]); 4] = {
    use Algorithm::{EdDsa, Es256, Es384, Es512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
    const ALPHA: &[Algorithm] =
        &[Rs256, Rs384, Rs512, Ps256, Ps384, Ps512, Es256, Es384, Es512, EdDsa];
    const SECRETS: &[Algorithm] = &[Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];
    [
        ("alpha", ALPHA),
        ("beta", &[Rs256, Es256, Es384, EdDsa]),
        ("gamma", SECRETS),
        ("delta", SECRETS),
    ]
};

/// The ID of keys of this algorithm.
pub(crate) fn key_id(algorithm: Algorithm) -> String {
    format!("key-{algorithm}")
}

impl Home {
    /// The key set that the verifier has.
    pub(crate) fn key_set(&self) -> KeySet {
        let bound = |key: &SigningKey| {
            Key::new(Some(&key_id(key.algorithm())), key.verifying_key().unwrap())
        };
        KeySet::new(self.keys.iter().map(bound).collect())
    }

    /// The keys as the issuer publishes them, including secrets.
    pub(crate) fn jwks(&self) -> String {
        let keys = self.keys.iter().map(|key| key.to_jwk(&key_id(key.algorithm())));
        tokens::set_of(&keys.collect::<Vec<_>>())
    }
}

/// An issuer of [`Issuers`], with the keys of a [`Home`].
pub(crate) fn issuer(home: &Home, set: KeySet) -> Issuer {
    Issuer::new(
        home.name,
        &[&home.identifier],
        home.keys.iter().map(SigningKey::algorithm).collect(),
        Some(&["api", "web"]),
        Leeway::DEFAULT,
        "test",
        KeyState::Held { set: set.into(), stale_at: None },
    )
}

impl World {
    /// Generates keys and tokens. The keys are fresh, so a seed repeats the changes of tokens, but
    /// not the tokens.
    pub(crate) fn new(now: i64) -> Self {
        let homes = HOMES.map(|(name, algorithms)| Home {
            name,
            identifier: format!("https://{name}.example"),
            keys: algorithms.iter().map(|one| SigningKey::generate(*one).unwrap()).collect(),
        });
        let issuers = homes.iter().map(|home| issuer(home, home.key_set())).collect();
        let issuers = Issuers::new(issuers, Limits::DEFAULT).unwrap();
        let names: Vec<_> = homes.iter().map(|home| home.name).collect();
        let profile = Profile::new("default", &names, &issuers).unwrap();
        let stranger = SigningKey::generate(Algorithm::EdDsa).unwrap();
        let mut world = Self {
            now,
            homes: homes.into(),
            issuers,
            profile,
            good: Vec::new(),
            stranger,
            texts: HashSet::new(),
        };
        for home in 0..world.homes.len() {
            for key in 0..world.homes[home].keys.len() {
                for size in SIZES {
                    let good = world.sign(home, key, size);
                    assert_eq!(world.verdict(&good.text), Some(Reason::Ok));
                    world.texts.insert(good.text.clone());
                    world.good.push(good);
                }
            }
        }
        world
    }

    /// A good token with `padding` bytes of padding.
    pub(crate) fn sign(&self, home: usize, key: usize, padding: usize) -> Good {
        let Home { name, identifier, keys } = &self.homes[home];
        let algorithm = keys[key].algorithm();
        let header = [
            ("alg", format!(r#""{algorithm}""#)),
            ("kid", format!(r#""{}""#, key_id(algorithm))),
            ("typ", r#""JWT""#.to_owned()),
        ];
        let mut claims = vec![
            ("iss", format!(r#""{identifier}""#)),
            ("sub", format!(r#""user-{name}-{padding}""#)),
            ("aud", r#"["api","other"]"#.to_owned()),
            ("exp", (self.now + 6_000).to_string()),
            ("nbf", (self.now - 6_000).to_string()),
            ("iat", (self.now - 6_000).to_string()),
            ("jti", format!(r#""{algorithm}-{padding}""#)),
            ("scope", r#""read write""#.to_owned()),
        ];
        if padding > 0 {
            claims.push(("pad", format!(r#""{}""#, "p".repeat(padding))));
        }
        let owned = |list: &[(&str, String)]| -> Members {
            list.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        };
        let (header, claims) = (owned(&header), owned(&claims));
        let text = sign(&keys[key], plain(&header).as_bytes(), plain(&claims).as_bytes());
        Good { home, key, header, claims, text }
    }

    /// The core's verdict on a token; `None` if it panics.
    pub(crate) fn verdict(&self, token: &[u8]) -> Option<Reason> {
        let now = UnixTime::from_seconds(self.now);
        let judged = || verify(token, &self.issuers, &self.profile, &[], now);
        let outcome = catch_unwind(AssertUnwindSafe(judged)).ok()?;
        Some(outcome.map_or_else(|reject| reject.reason(), |_| Reason::Ok))
    }

    /// Returns true if the token equals one of the good ones byte for byte.
    pub(crate) fn is_good(&self, token: &[u8]) -> bool {
        self.texts.contains(token)
    }

    /// The good tokens of the first issuer that has this algorithm, of all sizes.
    pub(crate) fn of_algorithm(&self, algorithm: Algorithm) -> Vec<&Good> {
        let of = |good: &&Good| self.homes[good.home].keys[good.key].algorithm() == algorithm;
        self.good.iter().filter(of).take(SIZES.len()).collect()
    }

    /// The encodings of public keys that an attacker may try as HMAC secrets (T01).
    pub(crate) fn public_keys_as_secrets(&self) -> Vec<Secret> {
        let mut secrets = Vec::new();
        for home in self.homes.iter().take(2) {
            let set = home.jwks();
            for jwk in JwkSet::parse(set.as_bytes()).unwrap().keys {
                let jwk = jwk.material.to_json();
                let spaced = jwk.replace(':', ": ").replace(',', ", ");
                secrets.extend([jwk.clone(), spaced, format!("{jwk}\n")].map(String::into_bytes));
                // The raw numbers: `n`, the point without and with its first byte, `x`.
                for part in jwk.split('"').filter(|part| part.len() > 40) {
                    let raw = base64url::decode(part.as_bytes()).unwrap();
                    secrets.push(part.as_bytes().to_vec());
                    secrets.push([&[4][..], &raw].concat());
                    secrets.push(raw);
                }
            }
            secrets.push(set.into_bytes());
        }
        secrets.into_iter().map(Secret::new).collect()
    }
}

/// Writes the members as a compact object.
pub(crate) fn plain(members: &Members) -> String {
    let members: Vec<_> =
        members.iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
    format!("{{{}}}", members.join(","))
}

/// Signs any header and any payload.
pub(crate) fn sign(key: &SigningKey, header: &[u8], payload: &[u8]) -> Vec<u8> {
    let input = format!("{}.{}", base64url::encode(header), base64url::encode(payload));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url::encode(&signature)).into_bytes()
}
