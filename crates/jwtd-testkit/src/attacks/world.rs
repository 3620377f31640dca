//! The issuers, and the verifier's configuration for them: the same for all ways of verifying, with
//! key sets in the form in which they are published.

use crate::attacks::canary::Canary;
use crate::tokens::{self, Claims, Signer};
use jwtd_core::jose::{Algorithm, Family, Limits, UnixTime};
use jwtd_core::keys::{Issuer, Issuers, KeyState, Leeway, LoadedKeys};
use jwtd_core::verify::{Profile, Reason, verify};
use std::sync::LazyLock;

pub static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// An issuer with its keys.
pub struct Party {
    pub name: &'static str,
    pub identifier: &'static str,
    pub signers: Vec<Signer>,
}

pub struct World {
    /// The time of the run, for verifiers that take it as an argument.
    pub now: i64,
    /// An issuer with a key for each asymmetric algorithm.
    pub main: Party,
    /// An issuer with other keys under the same IDs.
    pub other: Party,
    /// An issuer whose keys have no IDs.
    pub nameless: Party,
    /// An issuer with shared secrets.
    pub shared: Party,
    /// A configured issuer that the profile does not trust.
    pub outside: Party,
    pub canary: Canary,
    issuers: Issuers,
    profile: Profile,
}

impl Party {
    fn new(name: &'static str, identifier: &'static str, signers: Vec<Signer>) -> Self {
        Self { name, identifier, signers }
    }

    pub fn signer(&self, algorithm: Algorithm) -> Option<&Signer> {
        self.signers.iter().find(|signer| signer.algorithm() == algorithm)
    }

    /// The signer of the cheapest algorithm, which all parties without shared secrets have.
    pub fn ed25519(&self) -> &Signer {
        self.signer(Algorithm::EdDsa).unwrap()
    }

    pub fn algorithms(&self) -> Vec<Algorithm> {
        self.signers.iter().map(Signer::algorithm).collect()
    }

    pub fn has_secrets(&self) -> bool {
        self.algorithms().iter().all(|algorithm| algorithm.family() == Family::Hmac)
    }

    /// The key set as it is published or, for secrets, shared.
    pub fn jwks(&self) -> String {
        tokens::set(&self.signers.iter().collect::<Vec<_>>())
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
        let (now, canary) = (tokens::now(), Canary::new());
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

    /// The verdict of the core.
    pub fn verify(&self, token: &[u8]) -> Reason {
        let now = UnixTime::from_seconds(self.now);
        verify(token, &self.issuers, &self.profile, &[], now)
            .map_or_else(|reject| reject.reason(), |_| Reason::Ok)
    }

    /// A good claims set of `party` with some members replaced or added, each value a JSON text; an
    /// empty text removes the member.
    pub fn claims(&self, party: &Party, changes: &[(&str, &str)]) -> String {
        let claims = Claims::of(party.identifier).raw("aud", r#"["api","web"]"#);
        let claims = claims.set("iat", self.now - 10).set("exp", self.now + 7200);
        let change = |claims: Claims, (name, value): &(&str, &str)| match *value {
            "" => claims.without(name),
            value => claims.raw(name, value),
        };
        changes.iter().fold(claims, change).to_string()
    }
}
