//! Measures the layers between the socket and the core: the cache, hot, cold and mixed batches, and
//! the messages. `cargo bench --bench engine`.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made should end")]
#![allow(clippy::disallowed_methods, reason = "it measures by the clock of the machine")]

#[path = "common/engine.rs"]
mod engine;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput};
use jwtd::engine::Engine;
use jwtd::pb;
use jwtd_core::jose::{Algorithm, UnixTime};
use jwtd_core::verify::Reason;
use jwtd_testkit::bench::{form, tokens};
use prost::Message as _;
use std::hint::black_box;
use std::time::Instant;

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);
const CACHE: u64 = 64 << 20;
const BATCHES: [usize; 4] = [1, 16, 256, 1000];

/// `count` good tokens, and as many expired ones, which are never cached.
fn supply(algorithm: Algorithm, count: usize) -> (jwtd_core::crypto::SigningKey, [Vec<Bytes>; 2]) {
    let key = tokens::key(algorithm).unwrap();
    let early = UnixTime::from_seconds(NOW.seconds() - 10_000);
    let made = [NOW, early].map(|now| {
        tokens::tokens(&key, count, now).unwrap().into_iter().map(Bytes::from).collect()
    });
    (key, made)
}

/// One cache lookup, for a cached token and for an uncached one.
fn look_ups(criterion: &mut Criterion) {
    let (key, [good, other]) = supply(Algorithm::Es256, 256);
    let engine = engine::engine(&key, CACHE);
    engine::decide(&engine, good.clone(), NOW);
    let mut group = criterion.benchmark_group("cache");
    group.throughput(Throughput::Elements(1));
    for (name, tokens, found) in [("hit", &good, true), ("miss", &other, false)] {
        let mut next = tokens.iter().cycle();
        group.bench_function(name, |bencher| {
            let now = Instant::now();
            bencher.iter(|| {
                let token = next.next().unwrap();
                let entry = engine.cache.find(engine.cache.hash(token), black_box(token), now);
                assert_eq!(entry.is_some(), found);
            });
        });
    }
    group.finish();
}

fn batches(criterion: &mut Criterion) {
    for algorithm in [Algorithm::Hs256, Algorithm::Es256] {
        let (key, [good, expired]) = supply(algorithm, 1000);
        let hot = engine::engine(&key, CACHE);
        engine::decide(&hot, good.clone(), NOW);
        let cold = engine::engine(&key, 0);
        let name = tokens::name(algorithm);
        for count in BATCHES {
            let mut group = criterion.benchmark_group(format!("batch of {count}"));
            group.throughput(Throughput::Elements(count as u64));
            let good = good.get(..count).unwrap();
            // One in ten is verified each time.
            let places = good.iter().zip(&expired).enumerate();
            let pick = |(place, (good, expired))| if place % 10 == 9 { expired } else { good };
            let mixed: Vec<Bytes> = places.map(pick).cloned().collect();
            let mut measure = |kind: &str, engine: &Engine, tokens: &[Bytes], permitted: usize| {
                let decisions = engine::decide(engine, tokens.to_vec(), NOW);
                let ok = decisions.iter().filter(|one| one.reason() == Reason::Ok).count();
                assert_eq!(ok, permitted, "{name}, {kind}");
                group.bench_function(format!("{name}, {kind}"), |bencher| {
                    bencher.iter_batched(
                        || tokens.to_vec(),
                        |tokens| engine::decide(engine, tokens, NOW),
                        BatchSize::SmallInput,
                    );
                });
            };
            measure("hot", &hot, good, count);
            measure("cold", &cold, good, count);
            measure("one in ten cold", &hot, &mixed, count - count / 10);
            group.finish();
        }
    }
}

/// A request of 256 tokens as received from the wire, and its response.
fn messages(criterion: &mut Criterion) {
    let (_, [good, _]) = supply(Algorithm::Es256, 256);
    let request = pb::VerifyBatchRequest { tokens: good, ..Default::default() };
    let request = Bytes::from(request.encode_to_vec());
    let verdict = pb::Verdict {
        permit: true,
        reason: Reason::Ok.number().into(),
        enforced: true,
        issuer: Bytes::from_static(b"https://es256.issuer.example"),
        subject: "user-000001".to_owned(),
        audiences: vec![form::AUDIENCE.to_owned()],
        scopes: vec!["orders:read".to_owned(), "orders:write".to_owned()],
        key_id: tokens::KEY_ID.to_owned(),
        algorithm: Bytes::from_static(b"ES256"),
        expires_at: Some(NOW.seconds() + 3600),
        issued_at: Some(NOW.seconds()),
        ..Default::default()
    };
    let answer = pb::VerifyBatchResponse { verdicts: vec![verdict; 256] };
    let mut group = criterion.benchmark_group("messages of 256");
    group.throughput(Throughput::Elements(256));
    group.bench_function("decode the request", |bencher| {
        bencher.iter(|| pb::VerifyBatchRequest::decode(black_box(request.clone())).unwrap());
    });
    group.bench_function("encode the answer", |bencher| {
        bencher.iter(|| black_box(&answer).encode_to_vec());
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    look_ups(&mut criterion);
    batches(&mut criterion);
    messages(&mut criterion);
    criterion.final_summary();
}
