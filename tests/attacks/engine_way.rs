//! Runs the attacks against the engine, with a cold and a warm cache. Cached signatures must not
//! change any verdict.

use bytes::Bytes;
use jwtd::clock::Clock;
use jwtd::engine::{Batch, CacheLimits, Configuration, Decision, Engine, Snapshot};
use jwtd::telemetry::Metrics;
use jwtd_core::jose::UnixTime;
use jwtd_core::policy::Caller;
use jwtd_core::verify::Reason;
use jwtd_testkit::attacks::WORLD;
use jwtd_testkit::attacks::corpus::sample;
use jwtd_testkit::attacks::{Attack, CORPUS};
use std::sync::Arc;
use std::time::Duration;

fn engine(max_bytes: u64) -> Engine {
    let metrics = Arc::new(Metrics::new());
    let issuers = WORLD.issuers().clone();
    let configuration = Configuration::new([WORLD.profile().clone()], &issuers, &metrics);
    let limits = CacheLimits { max_bytes, max_ttl: Duration::from_secs(3600) };
    Engine::new(Snapshot::new(configuration, issuers), limits, metrics)
}

/// The verdicts on a batch.
fn reasons<'a>(engine: &Engine, tokens: &[&'a Attack]) -> Vec<(&'a Attack, Reason)> {
    let bytes = tokens.iter().map(|one| Bytes::copy_from_slice(&one.token)).collect();
    let snapshot = engine.current.load();
    let only = snapshot.configuration().find_profile("", &Caller::Unknown).unwrap();
    let batch = Batch::new(bytes, only);
    let (now, at) = (UnixTime::from_seconds(WORLD.now), Clock::system().monotonic());
    let decisions = engine.decide(snapshot, batch, now, at).unwrap();
    assert_eq!(decisions.len(), tokens.len());
    tokens.iter().copied().zip(decisions.iter().map(Decision::reason)).collect()
}

/// Requires exactly the core's reason, which is stricter than the expected reasons.
fn judge(way: &str, found: Vec<(&Attack, Reason)>) {
    for (attack, reason) in &found {
        let core = WORLD.verify(&attack.token);
        assert_eq!(*reason, core, "{way}: {} {}", attack.rule, attack.name);
    }
    CORPUS.judge(way, found.into_iter());
}

#[test]
fn r71_the_engine_refuses_every_attack_cold() {
    let all: Vec<_> = CORPUS.all().collect();
    judge("engine, no memory", reasons(&engine(0), &all));
    judge("engine, empty memory", reasons(&engine(64 << 20), &all));
    // Each token alone, with an empty cache.
    let alone = all.iter().step_by(7).flat_map(|one| reasons(&engine(1 << 20), &[one]));
    judge("engine, cold", alone.collect());
}

#[test]
fn r71_t40_the_engine_refuses_every_attack_warm() {
    let engine = engine(64 << 20);
    let good: Vec<_> = CORPUS.good.iter().collect();
    judge("engine, good tokens", reasons(&engine, &good));
    engine.cache.settle();
    judge("engine, good tokens remembered", reasons(&engine, &good));
    let hits = usize::try_from(engine.metrics.cache_requests.hit.get()).unwrap();
    assert_eq!(hits, good.len(), "every good token is remembered");
    // Good tokens among them, which are cache hits, and each attack twice: first as a copy in the
    // same batch, then when it might have been cached.
    let mixed: Vec<_> = CORPUS
        .attacks
        .iter()
        .zip(good.iter().cycle())
        .flat_map(|(attack, good)| [attack, good, attack])
        .collect();
    judge("engine, warm", reasons(&engine, &mixed));
    engine.cache.settle();
    judge("engine, warm again", reasons(&engine, &mixed));
    let backwards: Vec<_> = mixed.iter().rev().step_by(3).copied().collect();
    judge("engine, warm and backwards", reasons(&engine, &backwards));
}

#[test]
fn t13_the_engine_says_the_same_a_thousand_times() {
    let engine = engine(64 << 20);
    let sample = sample();
    for one in &sample {
        let found = (0..10).flat_map(|_| reasons(&engine, &[*one; 100])).collect::<Vec<_>>();
        let first = found[0].1;
        assert!(found.iter().all(|(_, reason)| *reason == first), "{} {}", one.rule, one.name);
        assert!(one.expected.contains(&first), "{} {}", one.rule, one.name);
        assert_eq!(found.len(), 1000);
    }
}
