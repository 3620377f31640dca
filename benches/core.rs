//! Measures the steps of the core one by one, and signature checks beside direct calls of the
//! crypto library. It needs no feature: `cargo bench --bench core`.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made should end")]

use criterion::{BatchSize, Criterion, Throughput};
use jwtd_core::crypto::{SigningError, SigningKey};
use jwtd_core::jose::{Algorithm, Header, JwkSet, Limits, UnixTime};
use jwtd_core::keys::KeySet;
use jwtd_core::verify::{Matter, Profile, TokenContext, judge, read};
use jwtd_testkit::bench::{bare, issuers, tokens};
use jwtd_testkit::tokens::set_of;
use std::hint::black_box;

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

const ALGORITHMS: [Algorithm; 7] = [
    Algorithm::Hs256,
    Algorithm::Rs256,
    Algorithm::Ps256,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::EdDsa,
];

/// The keys that this build can generate: RSA and P-521 need `aws-lc`.
fn keys() -> Vec<SigningKey> {
    let made = ALGORITHMS.iter().filter_map(|one| match tokens::key(*one) {
        Err(SigningError::NotBuiltIn) => None,
        key => Some(key.unwrap()),
    });
    made.collect()
}

fn token(key: &SigningKey) -> String {
    tokens::tokens(key, 1, NOW).unwrap().remove(0)
}

/// Parsing, and checking proven tokens. It uses two algorithms, because the payload of an ES256
/// token is twice as long as that of an RS256 token of the same length.
fn steps(criterion: &mut Criterion, keys: &[SigningKey]) {
    let mut group = criterion.benchmark_group("steps");
    group.throughput(Throughput::Elements(1));
    let wanted = [Algorithm::Rs256, Algorithm::Es256];
    for key in keys.iter().filter(|key| wanted.contains(&key.algorithm())) {
        let (name, issuers, token) = (tokens::name(key.algorithm()), issuers(key), token(key));
        let profile = Profile::new("default", &[&name], &issuers).unwrap();
        group.bench_function(format!("read/{name}"), |bencher| {
            bencher.iter(|| read(black_box(token.as_bytes()), &issuers).unwrap());
        });
        let proven = read(token.as_bytes(), &issuers).unwrap().prove().unwrap();
        group.bench_function(format!("judge/{name}"), |bencher| {
            let (issuers, profile, audiences, now) = (&issuers, &profile, &[], NOW);
            let context = TokenContext::none();
            let matter = |proven| Matter {
                proven,
                issuers,
                profile,
                audiences,
                context,
                proof: None,
                revoked: None,
                now,
            };
            bencher.iter(|| judge(&matter(black_box(&proven))).unwrap());
        });
        group.bench_function(format!("issuer_if_current/{name}"), |bencher| {
            bencher.iter(|| black_box(&proven).issuer_if_current(&issuers).is_some());
        });
        group.bench_function(format!("read_prove_judge/{name}"), |bencher| {
            bencher.iter_batched(
                || token.as_bytes(),
                |token| jwtd_core::verify::verify(token, &issuers, &profile, &[], NOW).unwrap(),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// The selection among as many keys as issuers usually publish, and among the most allowed.
fn selection(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("select");
    let key = tokens::key(Algorithm::EdDsa).unwrap();
    for count in [1, 3, 100] {
        let jwks: Vec<_> = (0..count).map(|number| key.to_jwk(&format!("key-{number}"))).collect();
        let jwks = JwkSet::parse(set_of(&jwks).as_bytes()).unwrap();
        let (set, _) = KeySet::of_public(&jwks.keys, &[Algorithm::EdDsa]);
        let header = format!(r#"{{"alg":"EdDSA","kid":"key-{}"}}"#, count - 1);
        let header = Header::parse(header.as_bytes(), &Limits::DEFAULT).unwrap();
        group.bench_function(format!("{count}_keys"), |bencher| {
            bencher.iter(|| set.select(black_box(&header)).unwrap());
        });
    }
    group.finish();
}

fn signatures(criterion: &mut Criterion, keys: &[SigningKey]) {
    for key in keys {
        let mut group = criterion.benchmark_group(tokens::name(key.algorithm()));
        group.throughput(Throughput::Elements(1));
        let (message, signature) = bare::parts(&token(key));
        let (ours, check) = (key.verifying_key().unwrap(), bare::used(key));
        assert!(check(&message, &signature), "{}", key.algorithm());
        group.bench_function("verify", |bencher| {
            bencher.iter(|| ours.verify(black_box(&message), &signature).unwrap());
        });
        group.bench_function("verify_bare", |bencher| {
            bencher.iter(|| assert!(check(black_box(&message), &signature)));
        });
        group.bench_function("sign", |bencher| {
            bencher.iter(|| key.sign(black_box(&message)).unwrap());
        });
        group.finish();
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let keys = keys();
    steps(&mut criterion, &keys);
    selection(&mut criterion);
    signatures(&mut criterion, &keys);
    criterion.final_summary();
}
