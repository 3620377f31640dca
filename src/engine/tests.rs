//! Whether a remembered signature changes any verdict: it must not, whatever
//! becomes of the clock, the keys, the issuer and the profile.

use super::cache::OwnLifetime;
use super::hot_index::HotIndex;
use super::*;
use bytes::Bytes;
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, Limits, UnixTime};
use jwtd_core::keys::{Issuer, Issuers, Key, KeySet, KeyState, Leeway};
use jwtd_core::verify::{AcceptedTypes, Profile, Reason, Reject, WhenStale, verify};
use moka::Expiry as _;
use std::sync::LazyLock;
use std::time::Duration;
use world::*;

mod access;
mod explain;
mod panic;
mod property;
mod remember;
mod revocation;
mod stale;
mod trust;
mod world;

#[test]
fn a_profile_of_another_configuration_is_an_error_and_no_shorter_answer() {
    let engine = engine(0);
    let (world, issuers) = (World::default(), World::default().issuers());
    let two = [world.profile(&issuers), world.profile(&issuers)];
    let longer = Configuration::new(two, &issuers, &engine.metrics);
    let later = world.configuration(&issuers, &engine.metrics).with_generation(2);
    for (index, _) in [longer.profiles().last().unwrap(), later.profiles().next().unwrap()] {
        let batch = Batch::new(vec![Bytes::from_static(b"a.b.c")], index);
        let lookup = Lookup::new(engine.current.load(), batch, *BEGIN);
        assert_eq!(lookup.map(drop), Err(ForeignProfile));
    }
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
fn r64_t42_a_removed_key_voids_what_it_proved_at_once() {
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
        world.keys = [vec![(None, 0)], vec![(None, 1); 4], vec![(None, 3); 4]].concat()
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
        let scopes = |decision: &Decision| {
            decision.proven.as_ref().unwrap().proven.claims().scopes().count()
        };
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
    assert_eq!(engine.cache.max_bytes(), 100_000);
    let world = World::default();
    reasons(&engine, &world, &[&good()]);
    engine.cache.settle();
    assert_eq!(engine.cache.entries(), 1);
    for round in 0..40 {
        let tokens: Vec<_> = (0..25)
            .map(|n| token(r#","kid":"k0""#, &claims(&format!(r#","jti":"{round}-{n}""#))))
            .collect();
        let tokens: Vec<_> = tokens.iter().map(String::as_str).collect();
        assert!(reasons(&engine, &world, &tokens).iter().all(|reason| *reason == Reason::Ok));
        engine.cache.settle();
        assert!(engine.cache.bytes() <= 100_000);
    }
    assert!(engine.cache.bytes() > 50_000);
    // Each counts with its text and what is kept beside it.
    assert!((10..100).contains(&engine.cache.entries()), "{}", engine.cache.entries());
}

#[test]
fn r74_an_entry_ends_in_its_time_also_one_that_took_the_place_of_another() {
    let mut engine = engine(1 << 20);
    engine.cache.constant_hash = true;
    let (first, second) = (good(), token(r#","kid":"k0""#, &claims(r#","jti":"2""#)));
    let mut world = World::default();
    // Both expire after this, the leeway included.
    let lifetime = Duration::from_secs(660);
    let find = |token: &str, passed| engine.cache.find(7, token.as_bytes(), *BEGIN + passed);
    assert_eq!(reasons(&engine, &world, &[&first]), [Reason::Ok]);
    world.passed = Duration::from_secs(60);
    assert_eq!(reasons(&engine, &world, &[&second]), [Reason::Ok]);
    assert!(engine.cache.entries.contains_key(&7), "not only what stands in front has it");
    let end = world.passed + lifetime;
    assert!(find(&first, world.passed).is_none());
    // Often enough for the front and for the cache behind it.
    for _ in 0..32 {
        assert!(find(&second, end - Duration::from_nanos(1)).is_some());
        assert!(find(&second, end).is_none());
    }
    world.passed = end;
    assert_eq!(reasons(&engine, &world, &[&first]), [Reason::Ok]);
    for _ in 0..32 {
        assert!(find(&first, end + lifetime - Duration::from_nanos(1)).is_some());
        assert!(find(&first, end + lifetime).is_none());
    }
}

#[test]
fn r74_what_stands_in_front_of_the_cache_keeps_nothing_alive() {
    let engine = engine(1 << 20);
    let token = good();
    let hash = engine.cache.hash(token.as_bytes());
    let find = |hash, passed| engine.cache.hot_index.find(hash, *BEGIN + passed);
    assert!(find(hash, Duration::ZERO).is_none());
    assert_eq!(reasons(&engine, &World::default(), &[&token]), [Reason::Ok]);
    assert!(find(hash ^ 4096, Duration::ZERO).is_none(), "of another hash");
    assert!(find(hash, Duration::from_secs(3700)).is_none(), "it has ended");
    let found = (0..64).filter(|_| find(hash, Duration::ZERO).is_some()).count();
    assert_eq!(found, 60, "one in sixteen is for the cache to find");

    // Of an entry that nobody else holds.
    let (end, nobody) = (Duration::from_secs(5), self::engine(0));
    let proven = decisions(&nobody, &World::default(), &[&token])[0].proven.take().unwrap();
    let entry = Arc::new(Arc::try_unwrap(proven).unwrap().until(*BEGIN + end));
    let front = HotIndex::new();
    front.note(hash, &entry);
    assert!(front.find(hash, *BEGIN).is_some());
    drop(entry);
    assert!(front.find(hash, *BEGIN).is_none(), "nothing but the front could hold it");
}

#[test]
fn r74_moka_is_told_the_lifetime_of_each_entry() {
    let engine = engine(1 << 20);
    let token = good();
    assert_eq!(reasons(&engine, &World::default(), &[&token]), [Reason::Ok]);
    let hash = engine.cache.hash(token.as_bytes());
    let entry = engine.cache.entries.get(&hash).unwrap();
    let (lifetime, before) = (Some(Duration::from_secs(660)), Some(Duration::from_secs(1)));
    assert_eq!(OwnLifetime.expire_after_create(&hash, &entry, *BEGIN), lifetime);
    assert_eq!(OwnLifetime.expire_after_update(&hash, &entry, *BEGIN, before), lifetime);
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
    let bytes: usize = tokens.iter().map(Bytes::len).sum();
    let snapshot = engine.current.load();
    let batch = Batch::new(tokens, only(&snapshot));
    let (_, slices) = read(&engine, Arc::clone(&snapshot), batch, *BEGIN);
    // 10 of 41 and 10 of 33 microseconds in slices of at most 200: 4, 4, 2 and 6, 4.
    assert_eq!(slices.len(), 5);
    let costs = slices.iter().map(Slice::cost);
    let checks = Duration::from_micros(10 * 41 + 10 * 33);
    let each_byte = Duration::from_nanos(u64::try_from(bytes).unwrap());
    assert_eq!(costs.sum::<Duration>(), checks + each_byte);

    // Long tokens take longer, to read and to check.
    let long = |n: usize| claims(&format!(r#","jti":"{n}","text":"{}""#, "x".repeat(10_000)));
    let long = (0..64).map(|n| token(r#","kid":"k0""#, &long(n)).into()).collect();
    let mut lookup = Lookup::new(Arc::clone(&snapshot), Batch::new(long, only(&snapshot)), *BEGIN);
    while lookup.as_mut().unwrap().advance(&engine, 64) {}
    let (pending, unread) = lookup.unwrap().end();
    let slices = pending.to_read(unread);
    assert_eq!(slices.len(), 16, "40 microseconds each");
    assert!(slices.iter().all(|slice| slice.cost() <= Slice::TARGET));
}
