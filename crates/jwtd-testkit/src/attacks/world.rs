//! Who issues tokens here, and what the verifier was told of them: the same for all
//! ways, as key sets in the form in which they are published.

use crate::attacks::canary::Canary;
use jwtd_core::crypto::{SigningError, SigningKey};
use jwtd_core::jose::{Algorithm, Family, Limits, UnixTime, base64url};
use jwtd_core::keys::{Issuer, Issuers, KeyState, Leeway, LoadedKeys};
use jwtd_core::verify::{Profile, Reason, verify};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

pub static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// Somebody who signs.
pub struct Signer {
    /// `kid`, if its tokens and its published key have one.
    pub id: Option<String>,
    pub key: SigningKey,
}

/// An issuer with its keys.
pub struct Party {
    pub name: &'static str,
    pub identifier: &'static str,
    pub signers: Vec<Signer>,
}

pub struct World {
    /// The time of the run, for those who do not ask the clock themselves.
    pub now: i64,
    /// A key for each asymmetric algorithm.
    pub main: Party,
    /// Other keys under the same ids.
    pub other: Party,
    /// Keys without ids.
    pub nameless: Party,
    /// Shared secrets.
    pub shared: Party,
    /// Known, but not trusted by the profile.
    pub outside: Party,
    pub canary: Canary,
    issuers: Issuers,
    profile: Profile,
}

impl Signer {
    pub fn generate(algorithm: Algorithm, id: Option<&str>) -> Option<Self> {
        match SigningKey::generate(algorithm) {
            // Without the feature `aws-lc` there are fewer algorithms.
            Err(SigningError::NotBuiltIn) => None,
            key => Some(Self { id: id.map(str::to_owned), key: key.unwrap() }),
        }
    }

    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    /// An honest header with these members besides, each after a comma.
    pub fn header(&self, more: &str) -> String {
        let kid = self.id.as_deref().map(|id| format!(r#","kid":"{id}""#)).unwrap_or_default();
        format!(r#"{{"alg":"{}"{kid}{more}}}"#, self.algorithm())
    }

    pub fn sign(&self, header: &str, payload: &str) -> String {
        self.key.sign_compact(header, payload).unwrap()
    }

    /// Signs two parts as they are, however they were encoded: what is wrong with them
    /// is all that is wrong with the token.
    pub fn sign_parts(&self, header: &[u8], payload: &[u8]) -> Vec<u8> {
        let input = [header, b".", payload].concat();
        let signature = self.key.sign(&input).unwrap();
        [&input[..], b".", base64url::encode(&signature).as_bytes()].concat()
    }
}

impl Party {
    fn new(name: &'static str, identifier: &'static str, signers: Vec<Signer>) -> Self {
        Self { name, identifier, signers }
    }

    pub fn signer(&self, algorithm: Algorithm) -> Option<&Signer> {
        self.signers.iter().find(|signer| signer.algorithm() == algorithm)
    }

    /// The signer of the cheapest algorithm, which all have that do not share secrets.
    pub fn ed25519(&self) -> &Signer {
        self.signer(Algorithm::EdDsa).unwrap()
    }

    pub fn algorithms(&self) -> Vec<Algorithm> {
        self.signers.iter().map(Signer::algorithm).collect()
    }

    pub fn has_secrets(&self) -> bool {
        self.algorithms().iter().all(|algorithm| algorithm.family() == Family::Hmac)
    }

    /// The key set as it is published, or as it is shared.
    pub fn jwks(&self) -> String {
        let jwk = |signer: &Signer| match &signer.id {
            Some(id) => signer.key.to_jwk(id),
            None => signer.key.to_jwk("").replace(r#""kid":"","#, ""),
        };
        let keys: Vec<_> = self.signers.iter().map(jwk).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    fn issuer(&self) -> Issuer {
        let (text, algorithms) = (self.jwks(), self.algorithms());
        let load =
            if self.has_secrets() { LoadedKeys::from_secrets } else { LoadedKeys::from_jwks };
        let loaded = load(text.as_bytes(), &algorithms).unwrap();
        assert_eq!(loaded.skipped, Vec::<String>::new());
        let keys = KeyState::Held { set: loaded.set.into(), stale_at: None };
        let allowed = algorithms.into_iter().collect();
        let audiences = Some(&["api"][..]);
        Issuer::new(self.name, &[self.identifier], allowed, audiences, Leeway::DEFAULT, "", keys)
    }
}

/// The names of the issuers that the profile trusts.
pub const TRUSTED: [&str; 4] = ["main", "other", "nameless", "shared"];

impl World {
    fn new() -> Self {
        let common = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];
        let secrets = [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];
        let public = Algorithm::ALL.iter().copied().filter(|one| one.family() != Family::Hmac);
        let named = |algorithm: Algorithm| {
            Signer::generate(algorithm, Some(&format!("key-{algorithm}").to_lowercase()))
        };
        let nameless = |algorithm| Signer::generate(algorithm, None);
        let party = |name, identifier, signers| Party::new(name, identifier, signers);
        let main = party("main", "https://main.example", public.filter_map(named).collect());
        let signers = common.into_iter().filter_map(named).collect();
        let other = party("other", "https://other.example", signers);
        let signers = common.into_iter().filter_map(nameless).collect();
        let nameless = party("nameless", "https://nameless.example", signers);
        let signers = secrets.into_iter().filter_map(named).collect();
        let shared = party("shared", "https://shared.example", signers);
        let signers = named(Algorithm::EdDsa).into_iter().collect();
        let outside = party("outside", "https://outside.example", signers);

        let parties = [&main, &other, &nameless, &shared, &outside];
        let all = parties.map(Party::issuer).to_vec();
        let issuers = Issuers::new(all, Limits::DEFAULT).unwrap();
        let profile = Profile::new("default", &TRUSTED, &issuers).unwrap();
        let (now, canary) = (now(), Canary::new());
        Self { now, main, other, nameless, shared, outside, canary, issuers, profile }
    }

    pub fn parties(&self) -> [&Party; 5] {
        [&self.main, &self.other, &self.nameless, &self.shared, &self.outside]
    }

    pub fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// What the core says.
    pub fn verify(&self, token: &[u8]) -> Reason {
        let now = UnixTime::from_seconds(self.now);
        verify(token, &self.issuers, &self.profile, &[], now)
            .map_or_else(|reject| reject.reason(), |_| Reason::Ok)
    }

    /// A good claims set of `party` with some members replaced or added, each a JSON
    /// text; an empty text takes the member away.
    pub fn claims(&self, party: &Party, changes: &[(&str, &str)]) -> String {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let mut members = vec![
            ("iss", text(party.identifier)),
            ("sub", text("alice")),
            ("aud", r#"["api","web"]"#.to_owned()),
            ("iat", (self.now - 10).to_string()),
            ("exp", (self.now + 7200).to_string()),
        ];
        for (name, value) in changes {
            members.retain(|(member, _)| member != name);
            if !value.is_empty() {
                members.push((name, (*value).to_owned()));
            }
        }
        let members: Vec<_> =
            members.iter().map(|(name, value)| format!("{}:{value}", text(name))).collect();
        format!("{{{}}}", members.join(","))
    }
}

#[expect(clippy::disallowed_methods, reason = "the daemon asks the same clock")]
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}
