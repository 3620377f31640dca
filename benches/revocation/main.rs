//! The cost of revocation: memory and disk of each entry, the time to load them, and a hot batch
//! beside one of a daemon without entries. `cargo bench --bench revocation -- [--quick]
//! [--only TEXT] [--json FILE] [--ten-million]`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::as_conversions,
    clippy::disallowed_methods,
    reason = "a measurement that cannot be made should end"
)]

#[path = "../common/engine.rs"]
mod engine;
mod start;

use bytes::Bytes;
use jwtd::engine::Engine;
use jwtd_core::crypto::{SigningKey, digest};
use jwtd_core::jose::{Algorithm, UnixTime, base64url};
use jwtd_core::verify::{Reason, RevocationKind, RevocationTarget, Standing};
use jwtd_testkit::bench::{Figure, Spread, form, tokens};
use serde_json::{Value, json};
use std::time::Instant;

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);
const ALGORITHM: Algorithm = Algorithm::Es256;

/// The command-line flags.
pub(crate) struct Plan {
    pub(crate) quick: bool,
    only: String,
    json: Option<String>,
    /// Also starts the daemon with ten million entries: minutes, and gigabytes of disk.
    pub(crate) ten_million: bool,
}

impl Plan {
    fn of_arguments() -> Self {
        let (only, json) = Default::default();
        let mut plan = Self { quick: false, only, json, ten_million: false };
        let mut arguments = std::env::args().skip(1);
        while let Some(one) = arguments.next() {
            match &*one {
                "--quick" => plan.quick = true,
                "--ten-million" => plan.ten_million = true,
                "--only" => plan.only = arguments.next().unwrap(),
                "--json" => plan.json = arguments.next(),
                _ => {}
            }
        }
        plan
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }
}

/// The value of an entry, which no token of the hot batches has.
pub(crate) fn value(number: u64) -> String {
    format!("5a1d6f0e-7c44-4c0b-9b63-{number:012}")
}

/// An entry; the kinds alternate.
pub(crate) fn entry(number: u64) -> (RevocationTarget, Standing) {
    use RevocationKind::{Client, Key, Session, Subject, Token};
    let kind = [Token, Session, Subject, Client, Key][(number % 5) as usize];
    let value = match kind {
        Key => base64url::encode(&digest([number.to_be_bytes().as_slice()])),
        _ => value(number),
    };
    let standing = if kind.has_time() { Standing::Until(NOW) } else { Standing::Always };
    (RevocationTarget::new(kind, &tokens::issuer(ALGORITHM), &value).unwrap(), standing)
}

/// A token with every claim that can be revoked.
pub(crate) fn token(key: &SigningKey, number: usize, jti: &str, now: UnixTime) -> Bytes {
    let (issuer, kid) = (tokens::issuer(ALGORITHM), tokens::KEY_ID);
    let header = format!(r#"{{"alg":"{ALGORITHM}","typ":"at+jwt","kid":"{kid}"}}"#);
    let (audience, now, filler) = (form::AUDIENCE, now.seconds(), "x".repeat(100));
    let claims = format!(
        r#"{{"iss":"{issuer}","sub":"user-{number:06}","aud":"{audience}","iat":{now},"exp":{},"jti":"{jti}","sid":"session-{number:012}","client_id":"web","scope":"orders:read orders:write","x":"{filler}"}}"#,
        now + 3600
    );
    Bytes::from(key.sign_compact(&header, &claims).unwrap())
}

/// Nanoseconds per token of hot batches of 256, over all tokens once.
fn hot(engine: &Engine, tokens: &[Bytes], before_each: impl Fn()) -> f64 {
    let batches: Vec<_> = tokens.chunks_exact(256).map(<[Bytes]>::to_vec).collect();
    let mut spent = std::time::Duration::ZERO;
    let count = batches.len() * 256;
    for batch in batches {
        before_each();
        let begin = Instant::now();
        let decisions = engine::decide(engine, batch, NOW);
        spent += begin.elapsed();
        assert!(decisions.iter().all(|one| one.reason() == Reason::Ok));
    }
    spent.as_secs_f64() * 1e9 / count as f64
}

/// Hot batches without entries and with many, measured alternately.
fn batches(plan: &Plan, rows: &mut Vec<Value>) {
    if !plan.wants("hot batch") {
        return;
    }
    let (count, entries, rounds) =
        if plan.quick { (2_560, 50_000, 3) } else { (25_600, 1_000_000, 25) };
    let key = tokens::key(ALGORITHM).unwrap();
    let one = |number| token(&key, number, &format!("9d2c-{number:012}"), NOW);
    let all: Vec<_> = (0..count).map(one).collect();
    let [without, with] = [(); 2].map(|()| engine::engine(&key, 1 << 30));
    let set = with.revocations.load_full().load((0..entries).map(entry), 1);
    let each = set.bytes() as f64 / entries as f64;
    with.revocations.publish(set);
    for engine in [&without, &with] {
        // Once cold, and then once more, so that everything is cached.
        all.chunks(256).for_each(|batch| drop(engine::decide(engine, batch.to_vec(), NOW)));
        hot(engine, &all, || ());
    }
    let change = || {
        let set = with.revocations.load_full();
        with.revocations.publish(set.changed([], set.position() + 1));
    };
    let (mut empty, mut full, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        empty.push(hot(&without, &all, || ()));
        full.push(hot(&with, &all, || ()));
        changed.push(hot(&with, &all, change));
        // After a change each token is looked up once, which the next round must not include.
        hot(&with, &all, || ());
    }
    let ratios = |all: &[f64]| Spread::of(all.iter().zip(&empty).map(|(one, empty)| one / empty));
    let figure = |all: &[f64]| Figure::new(Spread::of(all.iter().copied()), " ns");
    for (what, all) in [("unchanged", &full), ("changed before each batch", &changed)] {
        rows.push(json!({
            "what": format!("hot batch, token beside {entries} entries, {what}"),
            "measured": figure(all).json(),
            "beside": figure(&empty).json(),
            "ratio": Figure::new(ratios(all), " x").json(),
        }));
    }
    let each = Figure::one(each, " bytes").json();
    rows.push(json!({ "what": format!("hot batch, memory of each of {entries} entries"), "measured": each }));
}

fn main() {
    // `cargo test --all-targets` runs benches too, but without asking for a measurement.
    if !std::env::args().any(|one| one == "--bench") {
        println!("nothing measured; use `cargo bench --bench revocation [-- --quick]`");
        return;
    }
    let plan = Plan::of_arguments();
    let mut rows = Vec::new();
    batches(&plan, &mut rows);
    start::rows(&plan, &mut rows);
    for row in &rows {
        let part = |name: &str| {
            let figure = &row[name];
            let middle = figure["median"].as_f64()?;
            Some(format!("{name} {middle:.3} {}", figure["unit"].as_str()?))
        };
        let parts: Vec<_> = ["measured", "beside", "ratio"].into_iter().filter_map(part).collect();
        println!("{}: {}", row["what"].as_str().unwrap(), parts.join(", "));
    }
    if let Some(path) = plan.json {
        std::fs::write(path, Value::from(rows).to_string()).unwrap();
    }
}
