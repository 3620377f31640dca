//! Whether a remembered signature changes any verdict: it must not, whatever
//! becomes of the clock, the keys, the issuer and the profile.

use super::*;
use crate::crypto::SigningKey;
use crate::jose::{Algorithm, Limits, UnixTime};
use crate::keys::{Issuer, Issuers, Key, KeySet, KeyState, Leeway};
use crate::policy::decide;
use crate::verify::{AcceptedTypes, Profile, Reason, verify};
use bytes::Bytes;
use std::sync::LazyLock;
use std::time::Duration;

mod property;

const NOW: i64 = 1_800_000_000;

/// Keys for all tests: to make them takes longer than to use them.
static KEYS: LazyLock<[SigningKey; 4]> = LazyLock::new(|| {
    [Algorithm::EdDsa, Algorithm::EdDsa, Algorithm::Es256, Algorithm::EdDsa]
        .map(|algorithm| SigningKey::generate(algorithm).unwrap())
});

/// A world that can be changed between two calls.
#[derive(Clone, Debug)]
struct World {
    /// For each key of the issuer its id, and its place among [`KEYS`].
    keys: Vec<(Option<&'static str>, usize)>,
    available: bool,
    stale_at: Option<i64>,
    identifier: &'static str,
    algorithms: Vec<Algorithm>,
    audiences: Option<Vec<&'static str>>,
    source: &'static str,
    token_bytes: usize,
    profile_audiences: Option<Vec<&'static str>>,
    trusted: Vec<&'static str>,
    types: Option<Vec<&'static str>>,
    required: Vec<&'static str>,
    max_age: Option<u64>,
    now: i64,
    narrowed: Vec<&'static str>,
    scopes: Vec<&'static str>,
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
            now: NOW,
            narrowed: Vec::new(),
            scopes: Vec::new(),
        }
    }
}

impl World {
    fn issuers(&self) -> Issuers {
        let keys = self.keys.iter().map(|(id, place)| Key {
            id: id.map(Box::from),
            key: KEYS[*place].verifying_key().unwrap(),
        });
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

    fn profile(&self, issuers: &Issuers) -> Profile {
        let mut profile = Profile::new("p", &self.trusted, issuers).unwrap();
        let shared = |list: &[&str]| list.iter().copied().map(Arc::from).collect();
        profile.audiences = self.profile_audiences.as_deref().map(shared);
        if let Some(types) = &self.types {
            let types = types.iter().map(|name| crate::jose::TokenType::from_name(name));
            profile.types = types.collect::<AcceptedTypes>();
        }
        profile.required_claims = shared(&self.required);
        profile.max_age = self.max_age.map(Duration::from_secs);
        profile
    }

    /// What a verifier without any memory says.
    fn uncached(&self, token: &str) -> Reason {
        let issuers = self.issuers();
        let profile = self.profile(&issuers);
        let shared = |list: &[&str]| list.iter().copied().map(Arc::from).collect::<Vec<_>>();
        let now = UnixTime::from_seconds(self.now);
        verify(token.as_bytes(), &issuers, &profile, &shared(&self.narrowed), now)
            .and_then(|proven| decide(&proven, &shared(&self.scopes)))
            .map_or_else(|reject| reject.reason(), |()| Reason::Ok)
    }
}

fn engine(max_bytes: u64) -> Engine {
    let metrics = Arc::new(Metrics::new());
    let world = World::default();
    let issuers = world.issuers();
    let profiles = vec![world.profile(&issuers)];
    let limits = CacheLimits { max_bytes, max_ttl: Duration::from_secs(3600) };
    Engine {
        current: Current::new(Snapshot::new(issuers, profiles, &metrics)),
        cache: ProofCache::new(limits, &metrics),
        metrics,
    }
}

/// Runs a batch through all three steps.
fn decisions(engine: &Engine, world: &World, tokens: &[&str]) -> Vec<Decision> {
    let issuers = world.issuers();
    let profiles = vec![world.profile(&issuers)];
    engine.current.publish(Snapshot::new(issuers, profiles, &engine.metrics));
    let shared = |list: &[&str]| list.iter().copied().map(Arc::from).collect::<Vec<_>>();
    let batch = Batch {
        tokens: tokens.iter().map(|token| Bytes::copy_from_slice(token.as_bytes())).collect(),
        profile: 0,
        audiences: shared(&world.narrowed),
        scopes: shared(&world.scopes),
    };
    let mut plan = Plan::new(engine.current.load(), batch);
    while plan.advance(engine, 3) {}
    let (pending, slices) = plan.cut();
    let proofs = slices.into_iter().flat_map(|slice| slice.run(engine)).collect();
    let mut finish = Finish::new(engine, pending, proofs, UnixTime::from_seconds(world.now));
    while finish.advance(3) {}
    finish.decisions()
}

fn reasons(engine: &Engine, world: &World, tokens: &[&str]) -> Vec<Reason> {
    decisions(engine, world, tokens).iter().map(Decision::reason).collect()
}

fn claims(extra: &str) -> String {
    let (exp, iat) = (NOW + 600, NOW - 10);
    format!(
        r#"{{"iss":"https://a.example","sub":"s","aud":["api"],"exp":{exp},"iat":{iat}{extra}}}"#
    )
}

fn token(header: &str, claims: &str) -> String {
    KEYS[0].sign_compact(&format!(r#"{{"alg":"EdDSA"{header}}}"#), claims).unwrap()
}

fn good() -> String {
    token(r#","kid":"k0""#, &claims(""))
}

/// Remembers a good token, then asks again in another world: what the memory
/// holds must not matter.
fn after_a_hit(token: &str, change: impl FnOnce(&mut World)) -> Reason {
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

#[test]
fn r71_a_hit_is_judged_by_expiry() {
    let end = NOW + 600 + 60;
    assert_eq!(after_a_hit(&good(), |world| world.now = end - 1), Reason::Ok);
    assert_eq!(after_a_hit(&good(), |world| world.now = end), Reason::Expired);
}

#[test]
fn r71_a_hit_is_judged_by_not_before() {
    let token = token(r#","kid":"k0""#, &claims(&format!(r#","nbf":{NOW}"#)));
    assert_eq!(after_a_hit(&token, |world| world.now = NOW - 60), Reason::Ok);
    assert_eq!(after_a_hit(&token, |world| world.now = NOW - 61), Reason::NotYetValid);
}

#[test]
fn r73_a_clock_set_back_is_noticed_on_a_hit() {
    assert_eq!(after_a_hit(&good(), |world| world.now = NOW - 3600), Reason::IssuedInFuture);
}

#[test]
fn r71_a_hit_is_judged_by_age() {
    assert_eq!(after_a_hit(&good(), |world| world.max_age = Some(0)), Reason::Ok);
    let old = |world: &mut World| {
        world.max_age = Some(5);
        world.now = NOW + 100;
    };
    assert_eq!(after_a_hit(&good(), old), Reason::TooOld);
}

#[test]
fn r71_a_hit_is_judged_by_audience() {
    let mismatch = Reason::AudienceMismatch;
    assert_eq!(after_a_hit(&good(), |world| world.audiences = Some(vec!["web"])), mismatch);
    assert_eq!(after_a_hit(&good(), |world| world.profile_audiences = Some(vec!["web"])), mismatch);
    assert_eq!(after_a_hit(&good(), |world| world.narrowed = vec!["web"]), mismatch);
    assert_eq!(after_a_hit(&good(), |world| world.narrowed = vec!["web", "api"]), Reason::Ok);
}

#[test]
fn r71_a_hit_is_judged_by_type() {
    assert_eq!(
        after_a_hit(&good(), |world| world.types = Some(vec!["at+jwt"])),
        Reason::TypeNotAllowed
    );
}

#[test]
fn r71_a_hit_is_judged_by_required_claims() {
    assert_eq!(after_a_hit(&good(), |world| world.required = vec!["sub"]), Reason::Ok);
    assert_eq!(after_a_hit(&good(), |world| world.required = vec!["tenant"]), Reason::ClaimMissing);
}

#[test]
fn r71_a_hit_is_judged_by_profile() {
    assert_eq!(after_a_hit(&good(), |world| world.trusted = vec!["b"]), Reason::IssuerNotInProfile);
}

#[test]
fn r71_a_hit_is_judged_by_scopes() {
    assert_eq!(after_a_hit(&good(), |world| world.scopes = vec!["admin"]), Reason::ScopeMissing);
}

#[test]
fn r64_a_removed_key_voids_what_it_proved_at_once() {
    assert_eq!(
        after_a_hit(&good(), |world| world.keys = vec![(Some("k2"), 2)]),
        Reason::KeyUnknown
    );
}

#[test]
fn r64_a_key_replaced_under_the_same_id_voids_what_the_old_one_proved() {
    let replaced = |world: &mut World| world.keys = vec![(Some("k0"), 1), (Some("k2"), 2)];
    assert_eq!(after_a_hit(&good(), replaced), Reason::SignatureInvalid);
}

#[test]
fn r67_stale_keys_are_noticed_on_a_hit() {
    assert_eq!(after_a_hit(&good(), |world| world.stale_at = Some(NOW + 1)), Reason::Ok);
    assert_eq!(after_a_hit(&good(), |world| world.stale_at = Some(NOW)), Reason::KeysStale);
    assert_eq!(after_a_hit(&good(), |world| world.available = false), Reason::KeysUnavailable);
}

#[test]
fn a_changed_issuer_voids_what_was_proved() {
    let es256 = |world: &mut World| world.algorithms = vec![Algorithm::Es256];
    assert_eq!(after_a_hit(&good(), es256), Reason::AlgorithmNotAllowed);
    let renamed = |world: &mut World| world.identifier = "https://c.example";
    assert_eq!(after_a_hit(&good(), renamed), Reason::IssuerUnknown);
    assert_eq!(after_a_hit(&good(), |world| world.token_bytes = 50), Reason::TokenTooLarge);
}

#[test]
fn a_token_without_an_id_is_chosen_for_again() {
    let nameless = token("", &claims(""));
    let many = |world: &mut World| {
        world.keys = vec![(None, 0), (None, 1), (None, 1), (None, 3), (None, 3)]
    };
    assert_eq!(after_a_hit(&nameless, many), Reason::KeyAmbiguous);
    assert_eq!(after_a_hit(&nameless, |world| world.keys.swap(0, 1)), Reason::Ok);
}

#[test]
fn a_refresh_that_brings_the_same_keys_keeps_what_was_proved() {
    let engine = engine(1 << 20);
    let mut world = World::default();
    let token = good();
    assert_eq!(reasons(&engine, &world, &[&token]), [Reason::Ok]);
    let checks = |engine: &Engine| engine.metrics.cache_requests.miss.get();
    let before = checks(&engine);
    assert_eq!(reasons(&engine, &world, &[&token]), [Reason::Ok]);
    world.keys.push((Some("k3"), 3));
    assert_eq!(reasons(&engine, &world, &[&token]), [Reason::Ok], "another key was added");
    assert_eq!(checks(&engine), before);
}

#[test]
fn r70_tokens_whose_hashes_collide_never_answer_for_each_other() {
    let mut engine = engine(1 << 20);
    engine.cache.constant_hash = true;
    let world = World::default();
    let (first, second) = (good(), token(r#","kid":"k0""#, &claims(r#","scope":"admin""#)));
    let mut forged = second.clone().into_bytes();
    let last = forged.len() - 10;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for _ in 0..3 {
        let decided = decisions(&engine, &world, &[&first, &second, &forged, &first]);
        let scopes =
            |decision: &Decision| decision.proven.as_ref().unwrap().proven.claims().scopes().len();
        assert_eq!((scopes(&decided[0]), scopes(&decided[1]), scopes(&decided[3])), (0, 1, 0));
        assert_eq!(decided[2].reason(), Reason::SignatureInvalid);
        assert!(decided[2].proven.is_none());
    }
}

#[test]
fn duplicates_are_checked_once_and_answered_in_order() {
    let engine = engine(0);
    let (good, late) = (good(), token(r#","kid":"k0""#, &claims(r#","exp2":1,"nbf":1900000000"#)));
    let bad = good.replacen('.', "..", 1);
    let tokens = [&*good, &late, "x", &good, &bad, &late, &good, "x"];
    let world = World::default();
    let expected: Vec<_> = tokens.iter().map(|token| world.uncached(token)).collect();
    assert_eq!(reasons(&engine, &world, &tokens), expected);
    let text = engine.metrics.render();
    assert!(text.contains(r#"jwtd_signature_checks_total{algorithm="EdDSA",result="good"} 2"#));
    assert!(text.contains(r#"reason="TOKEN_NOT_COMPACT"} 3"#));
}

#[test]
fn r72_refusals_are_not_remembered_and_nothing_outlives_its_token() {
    let engine = engine(1 << 20);
    let mut world = World::default();
    let stranger = KEYS[1].sign_compact(r#"{"alg":"EdDSA","kid":"k0"}"#, &claims("")).unwrap();
    reasons(&engine, &world, &[&stranger, "x"]);
    engine.cache.settle();
    assert_eq!(engine.cache.entries(), 0);
    // Expired already: proven, refused, and not worth remembering.
    world.now = NOW + 10_000;
    assert_eq!(reasons(&engine, &world, &[&good()]), [Reason::Expired]);
    engine.cache.settle();
    assert_eq!(engine.cache.entries(), 0);
}

#[test]
fn r74_the_cache_keeps_to_its_bytes() {
    let engine = engine(100_000);
    let world = World::default();
    for round in 0..40 {
        let tokens: Vec<_> = (0..25)
            .map(|n| token(r#","kid":"k0""#, &claims(&format!(r#","jti":"{round}-{n}""#))))
            .collect();
        let tokens: Vec<_> = tokens.iter().map(String::as_str).collect();
        assert!(reasons(&engine, &world, &tokens).iter().all(|reason| *reason == Reason::Ok));
        engine.cache.settle();
        assert!(engine.cache.bytes() <= 100_000);
    }
    assert!(engine.cache.entries() > 10);
}

#[test]
fn work_is_grouped_and_cut_into_slices() {
    let engine = engine(0);
    let es256 = |n: usize| {
        let claims = claims(&format!(r#","jti":"{n}""#));
        KEYS[2].sign_compact(r#"{"alg":"ES256","kid":"k2"}"#, &claims).unwrap()
    };
    let tokens: Vec<Bytes> = (0..20)
        .map(|n| {
            if n % 2 == 0 {
                es256(n)
            } else {
                token(r#","kid":"k0""#, &claims(&format!(r#","jti":"{n}""#)))
            }
        })
        .map(Bytes::from)
        .collect();
    let batch = Batch { tokens, profile: 0, audiences: Vec::new(), scopes: Vec::new() };
    let mut plan = Plan::new(engine.current.load(), batch);
    while plan.advance(&engine, 64) {}
    let (_, slices) = plan.cut();
    // 10 of 41 and 10 of 33 microseconds in slices of at most 200: 4, 4, 2 and 3, 6, 1.
    assert_eq!(slices.len(), 5);
}
