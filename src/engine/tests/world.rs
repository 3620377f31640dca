//! A world that can be changed between two calls, and what is asked in it.

use super::*;
use crate::clock::VirtualClock;
use jwtd_core::jose::json;
use jwtd_core::policy::{Budget, Caller, Policy, PolicyInput, check_scopes};
use jwtd_core::verify::{RevocationKey, RevocationSet, TokenContext};
use std::time::Instant;

pub(super) const NOW: i64 = 1_800_000_000;

/// The moment at which all tests begin.
pub(super) static BEGIN: LazyLock<Instant> =
    LazyLock::new(|| VirtualClock::at(UnixTime::from_seconds(NOW)).clock().monotonic());

/// Keys for all tests: to make them takes longer than to use them.
pub(super) static KEYS: LazyLock<[SigningKey; 4]> = LazyLock::new(|| {
    [Algorithm::EdDsa, Algorithm::EdDsa, Algorithm::Es256, Algorithm::EdDsa]
        .map(|algorithm| SigningKey::generate(algorithm).unwrap())
});

/// A world that can be changed between two calls.
#[derive(Clone, Debug)]
pub(super) struct World {
    /// For each key of the issuer its id, and its place among [`KEYS`].
    pub(super) keys: Vec<(Option<&'static str>, usize)>,
    pub(super) available: bool,
    pub(super) stale_at: Option<i64>,
    pub(super) identifier: &'static str,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) audiences: Option<Vec<&'static str>>,
    pub(super) source: &'static str,
    pub(super) token_bytes: usize,
    pub(super) profile_audiences: Option<Vec<&'static str>>,
    pub(super) trusted: Vec<&'static str>,
    pub(super) types: Option<Vec<&'static str>>,
    pub(super) required: Vec<&'static str>,
    pub(super) max_age: Option<u64>,
    pub(super) max_lifetime: Option<u64>,
    pub(super) remember: Option<u64>,
    pub(super) required_audiences: Vec<&'static str>,
    pub(super) when_stale: WhenStale,
    pub(super) feeds: Vec<Arc<Pulse>>,
    pub(super) policy: Policy,
    pub(super) now: i64,
    /// The monotonic time that has passed since [`BEGIN`].
    pub(super) passed: Duration,
    pub(super) narrowed: Vec<&'static str>,
    pub(super) scopes: Vec<&'static str>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            keys: vec![(Some("k0"), 0), (Some("k2"), 2)],
            available: true,
            stale_at: None,
            identifier: "https://a.example",
            algorithms: vec![Algorithm::EdDsa, Algorithm::Es256],
            audiences: Some(vec!["api", "web"]),
            source: "file",
            token_bytes: Limits::DEFAULT.token_bytes,
            profile_audiences: None,
            trusted: vec!["a"],
            types: None,
            required: Vec::new(),
            max_age: None,
            max_lifetime: None,
            remember: None,
            required_audiences: Vec::new(),
            when_stale: WhenStale::default(),
            feeds: Vec::new(),
            policy: Policy::default(),
            now: NOW,
            passed: Duration::ZERO,
            narrowed: Vec::new(),
            scopes: Vec::new(),
        }
    }
}

impl World {
    pub(super) fn issuers(&self) -> Issuers {
        let keys = self
            .keys
            .iter()
            .map(|(id, place)| Key::new(id.as_deref(), KEYS[*place].verifying_key().unwrap()));
        let state = if self.available {
            let stale_at = self.stale_at.map(UnixTime::from_seconds);
            KeyState::Held { set: KeySet::new(keys.collect()).into(), stale_at }
        } else {
            KeyState::Unavailable
        };
        let issuer = |name, identifier, keys| {
            Issuer::new(
                name,
                &[identifier],
                self.algorithms.iter().copied().collect(),
                self.audiences.as_deref(),
                Leeway::DEFAULT,
                self.source,
                keys,
            )
        };
        let limits = Limits { token_bytes: self.token_bytes, ..Limits::DEFAULT };
        let second = issuer("b", "https://b.example", KeyState::Unavailable);
        Issuers::new(vec![issuer("a", self.identifier, state), second], limits).unwrap()
    }

    pub(super) fn configuration(&self, issuers: &Issuers, metrics: &Metrics) -> Configuration {
        let profile = (self.profile(issuers), self.policy.clone());
        let feeds = self.feeds.clone().into();
        Configuration::new([profile], issuers, metrics).with_feeds(feeds, issuers)
    }

    pub(super) fn profile(&self, issuers: &Issuers) -> Profile {
        let mut profile = Profile::new("p", &self.trusted, issuers).unwrap();
        let shared = |list: &[&str]| list.iter().copied().map(Arc::from).collect();
        profile.audiences = self.profile_audiences.as_deref().map(shared);
        if let Some(types) = &self.types {
            let types = types.iter().map(|name| jwtd_core::jose::TokenType::from_name(name));
            profile.types = types.collect::<AcceptedTypes>();
        }
        profile.required_claims = shared(&self.required);
        profile.max_age = self.max_age.map(Duration::from_secs);
        profile.max_lifetime = self.max_lifetime.map(Duration::from_secs);
        profile.remember = self.remember.map(Duration::from_secs);
        profile.when_stale = self.when_stale;
        profile.required_audiences = shared(&self.required_audiences);
        profile
    }

    /// What a verifier without any memory says.
    pub(super) fn uncached(&self, token: &str) -> Reason {
        let issuers = self.issuers();
        let profile = self.profile(&issuers);
        let shared = |list: &[&str]| list.iter().copied().map(Arc::from).collect::<Vec<_>>();
        let now = UnixTime::from_seconds(self.now);
        verify(token.as_bytes(), &issuers, &profile, &shared(&self.narrowed), now)
            .and_then(|proven| {
                check_scopes(&proven, &shared(&self.scopes))?;
                let values = json::parse(proven.payload(), &Limits::DEFAULT.json).unwrap();
                self.policy.decide(&PolicyInput {
                    proven: &proven,
                    claims: Some(&values),
                    caller: &Caller::Unknown,
                    attributes: &[],
                    now,
                    budget: &Budget::default(),
                })
            })
            .map_or_else(
                |reject| reject.reason(),
                |not_enforced| not_enforced.map_or(Reason::Ok, |reject| reject.reason()),
            )
    }
}

impl World {
    pub(super) fn explain(&self, token: &str) -> Vec<Check> {
        let issuers = self.issuers();
        let profile = self.profile(&issuers);
        let shared = |list: &[&str]| list.iter().copied().map(Arc::from).collect::<Vec<_>>();
        let nothing = RevocationSet::new(RevocationKey::new(&[0; 32]));
        let question = Question {
            issuers: &issuers,
            profile: &profile,
            policy: &self.policy,
            audiences: &shared(&self.narrowed),
            scopes: &shared(&self.scopes),
            context: TokenContext::none(),
            revocations: Some(&nothing),
            pulses: None,
            senders: None,
            caller: &Caller::Unknown,
            attributes: &[],
        };
        explain(token.as_bytes(), &question, UnixTime::from_seconds(self.now))
    }

    /// What the explanation comes to.
    pub(super) fn explained(&self, token: &str) -> Reason {
        let checks = self.explain(token);
        assert_eq!(is_permitted(&checks), first_failure(&checks).is_none());
        let not_enforced = checks.iter().find_map(|check| match &check.state {
            CheckState::NotEnforced(reject) => Some(reject),
            _ => None,
        });
        let decided = first_failure(&checks).or(not_enforced);
        decided.map_or(Reason::Ok, Reject::reason)
    }
}

/// The place of the only profile.
pub(super) fn only(snapshot: &Snapshot) -> ProfileIndex {
    snapshot.configuration().find_profile("", &Caller::Unknown).unwrap()
}

pub(super) fn engine(max_bytes: u64) -> Engine {
    let metrics = Arc::new(Metrics::new());
    let world = World::default();
    let issuers = world.issuers();
    let configuration = world.configuration(&issuers, &metrics);
    let limits = CacheLimits { max_bytes, max_ttl: Duration::from_secs(3600) };
    Engine::new(Snapshot::new(configuration, issuers), limits, metrics)
}

/// Runs a batch through all phases, in small pieces.
pub(super) fn decisions(engine: &Engine, world: &World, tokens: &[&str]) -> Vec<Decision> {
    let issuers = world.issuers();
    let configuration = world.configuration(&issuers, &engine.metrics);
    engine.current.publish(Snapshot::new(configuration, issuers));
    let snapshot = engine.current.load();
    let shared = |list: &[&str]| list.iter().copied().map(Arc::from).collect::<Vec<_>>();
    let batch = Batch {
        audiences: shared(&world.narrowed),
        scopes: shared(&world.scopes),
        tokens: tokens.iter().map(|token| Bytes::copy_from_slice(token.as_bytes())).collect(),
        ..Batch::new(Vec::new(), only(&snapshot))
    };
    let at = *BEGIN + world.passed;
    let (mut pending, slices) = read(engine, snapshot, batch, at);
    let checked = run(engine, slices, world.now, at);
    assert!(pending.take(checked, engine).is_empty(), "what was checked is not checked again");
    let mut judging = Judging::new(pending, Moment { wall: UnixTime::from_seconds(world.now), at });
    while judging.advance(engine, 3) {}
    judging.decisions()
}

/// Looks a batch up and reads it; gives the slices that check signatures too.
pub(super) fn read(
    engine: &Engine,
    snapshot: Arc<Snapshot>,
    batch: Batch,
    at: Instant,
) -> (Pending, Vec<Slice>) {
    let mut lookup = Lookup::new(snapshot, batch, at).unwrap();
    while lookup.advance(engine, 3) {}
    let (mut pending, unread) = lookup.end();
    let outcomes = run(engine, pending.to_read(unread), NOW, at);
    let slices = pending.take(outcomes, engine);
    (pending, slices)
}

fn run(engine: &Engine, slices: Vec<Slice>, now: i64, at: Instant) -> Vec<Outcome> {
    let run = |slice: Slice| slice.run(engine, UnixTime::from_seconds(now), at);
    slices.into_iter().flat_map(run).collect()
}

pub(super) fn reasons(engine: &Engine, world: &World, tokens: &[&str]) -> Vec<Reason> {
    decisions(engine, world, tokens).iter().map(Decision::reason).collect()
}

pub(super) fn claims(extra: &str) -> String {
    let (exp, iat) = (NOW + 600, NOW - 10);
    format!(
        r#"{{"iss":"https://a.example","sub":"s","aud":["api"],"exp":{exp},"iat":{iat}{extra}}}"#
    )
}

pub(super) fn token(header: &str, claims: &str) -> String {
    KEYS[0].sign_compact(&format!(r#"{{"alg":"EdDSA"{header}}}"#), claims).unwrap()
}

pub(super) fn good() -> String {
    token(r#","kid":"k0""#, &claims(""))
}

/// A good token with another signature. Keys are made anew in each run, so that any letter may
/// stand where one is changed.
pub(super) fn forged() -> String {
    let mut bytes = good().into_bytes();
    let place = bytes.len() - 10;
    bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}

/// Remembers a good token, then asks again in another world: what the memory
/// holds must not matter.
pub(super) fn after_a_hit(token: &str, change: impl FnOnce(&mut World)) -> Reason {
    let engine = engine(1 << 20);
    let mut world = World::default();
    assert_eq!(reasons(&engine, &world, &[token]), [Reason::Ok]);
    assert_eq!(reasons(&engine, &world, &[token]), [Reason::Ok]);
    assert_eq!(engine.metrics.cache_requests.hit.get(), 1, "the second time is a hit");
    change(&mut world);
    let reason = reasons(&engine, &world, &[token])[0];
    assert_eq!(reason, world.uncached(token), "cached and uncached verdicts differ");
    reason
}
