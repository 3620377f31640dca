//! The cost of sender binding: a token with a DPoP proof beside one without, and a million proofs in
//! memory. `cargo bench --bench binding -- [--quick] [--only TEXT] [--json FILE]`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a measurement that cannot be made should end"
)]

#[path = "common/engine.rs"]
mod engine;

use bytes::Bytes;
use jwtd::engine::{Batch, Decision, Engine};
use jwtd::replay::{Presentation, Presented, ReplayMemory};
use jwtd_core::crypto::digest;
use jwtd_core::jose::{Algorithm, UnixTime};
use jwtd_core::policy::Caller;
use jwtd_core::verify::{Reason, TokenContext};
use jwtd_testkit::bench::{Figure, Spread, tokens};
use jwtd_testkit::tokens::sender::{METHOD, Sender, URL};
use jwtd_testkit::tokens::{Signer, now};
use serde_json::{Value, json};
use std::time::Instant;

/// The algorithm of the tokens.
const ALGORITHM: Algorithm = Algorithm::Es256;

/// A token with its context, as it is used once.
type Use = (Bytes, TokenContext);

/// Microseconds for each of these uses, one call for each, as a service asks.
fn spent(engine: &Engine, uses: &[Use]) -> f64 {
    let at = UnixTime::from_seconds(now());
    let snapshot = engine.current.load();
    let only = snapshot.configuration().find_profile("", &Caller::Unknown).unwrap();
    let begin = Instant::now();
    for (token, context) in uses {
        let mut batch = Batch::new(vec![token.clone()], only);
        batch.contexts.push(context.clone());
        let decisions = engine.decide(snapshot.clone(), batch, at, begin).unwrap();
        assert!(decisions.iter().map(Decision::reason).all(|reason| reason == Reason::Ok));
    }
    begin.elapsed().as_secs_f64() * 1e6 / uses.len() as f64
}

/// A token of this `cnf`, and so many uses of it.
fn uses(
    issuer: &Signer,
    sender: Option<&Sender>,
    count: usize,
    round: usize,
    same: bool,
) -> Vec<Use> {
    let name = tokens::issuer(ALGORITHM);
    let token = |number: usize| {
        let claims = match sender {
            Some(sender) => sender.claims(&name),
            None => jwtd_testkit::tokens::Claims::of(&name),
        };
        let claims = claims.set("aud", jwtd_testkit::bench::form::AUDIENCE);
        issuer.sign(
            &format!(r#"{{"alg":"{ALGORITHM}","kid":"{}"}}"#, tokens::KEY_ID),
            &claims.set("jti", format!("{round}-{number}")).to_string(),
        )
    };
    let one = token(0);
    let each = (0..count).map(|number| {
        let token = if same { one.clone() } else { token(number + 1) };
        let context = sender.map_or_else(TokenContext::default, |sender| TokenContext {
            dpop_proof: Some(sender.proof(&token, &format!("{round}-{number}-{same}")).into()),
            method: Some(METHOD.into()),
            url: Some(URL.into()),
            ..TokenContext::default()
        });
        (Bytes::from(token), context)
    });
    each.collect()
}

/// Bound tokens beside unbound ones, in turns.
fn proofs(quick: bool, only: &str, rows: &mut Vec<Value>) {
    let (count, rounds) = if quick { (50, 3) } else { (500, 21) };
    let issuer = Signer { id: None, key: tokens::key(ALGORITHM).unwrap() };
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        for (what, same) in [("a remembered token", true), ("a new token", false)] {
            let what = format!("{what} with a proof of {algorithm}");
            if !what.contains(only) {
                continue;
            }
            let engine = engine::engine(&issuer.key, 1 << 28);
            let sender = Sender::new(algorithm);
            let (mut bound, mut bare) = (Vec::new(), Vec::new());
            for round in 0..rounds {
                let [with, without] =
                    [Some(&sender), None].map(|sender| uses(&issuer, sender, count, round, same));
                if same {
                    // The token alone, so that it is remembered; without its proof it is refused.
                    engine::decide(&engine, vec![with[0].0.clone()], UnixTime::from_seconds(now()));
                    engine::decide(
                        &engine,
                        vec![without[0].0.clone()],
                        UnixTime::from_seconds(now()),
                    );
                }
                bound.push(spent(&engine, &with));
                bare.push(spent(&engine, &without));
            }
            let figure = |all: &[f64]| Figure::new(Spread::of(all.iter().copied()), " us").json();
            let more = bound.iter().zip(&bare).map(|(one, bare)| one - bare);
            rows.push(json!({
                "what": what,
                "measured": figure(&bound),
                "beside": figure(&bare),
                "difference": Figure::new(Spread::of(more), " us").json(),
            }));
        }
    }
}

/// Presentations that are remembered.
fn memory(quick: bool, only: &str, rows: &mut Vec<Value>) {
    if !"memory".contains(only) && !only.is_empty() {
        return;
    }
    let most: u64 = if quick { 100_000 } else { 1_000_000 };
    let one = |number: u64| {
        let [key, owner] = [0, 1].map(|kind: u8| {
            let hash = digest([&[kind][..], &number.to_be_bytes()]);
            *hash.first_chunk().unwrap()
        });
        Presentation { key, owner: Some(owner), until: UnixTime::from_seconds(65), retry: None }
    };
    let presentations: Vec<_> = (0..most + most / 10).map(one).collect();
    let memory = ReplayMemory::new(128 << 20);
    let begin_at = UnixTime::from_seconds(0);
    let add = |from: u64, count: u64| {
        let (from, end) = (from as usize, (from + count) as usize);
        let begin = Instant::now();
        for one in &presentations[from..end] {
            assert_eq!(memory.insert(one, begin_at), Presented::Fresh);
        }
        begin.elapsed().as_secs_f64() * 1e9 / count as f64
    };
    let few = most / 10;
    let first = add(0, few);
    add(few, most - few);
    let bytes = memory.bytes() as f64 / memory.entries() as f64;
    let last = add(most, few);
    let begin = Instant::now();
    memory.settle(UnixTime::from_seconds(100));
    let swept = begin.elapsed().as_secs_f64() * 1e3;
    for (what, value, unit) in [
        (format!("memory, one more of at most {few}"), first, " ns"),
        (format!("memory, one more beside {most}"), last, " ns"),
        (format!("memory, each of {most}"), bytes, " bytes"),
        (format!("memory, all {most} forgotten, in 64 pieces"), swept, " ms"),
    ] {
        rows.push(json!({ "what": what, "measured": Figure::one(value, unit).json() }));
    }
}

fn main() {
    // `cargo test --all-targets` runs benches too, but without asking for a measurement.
    let arguments: Vec<_> = std::env::args().collect();
    if !arguments.iter().any(|one| one == "--bench") {
        println!("nothing measured; use `cargo bench --bench binding [-- --quick]`");
        return;
    }
    let value = |name: &str| {
        let place = arguments.iter().position(|one| one == name)?;
        arguments.get(place + 1).cloned()
    };
    let (quick, only) = (arguments.iter().any(|one| one == "--quick"), value("--only"));
    let (only, mut rows) = (only.unwrap_or_default(), Vec::new());
    proofs(quick, &only, &mut rows);
    memory(quick, &only, &mut rows);
    for row in &rows {
        let part = |name: &str| {
            let figure = &row[name];
            let middle = figure["median"].as_f64()?;
            Some(format!("{name} {middle:.2}{}", figure["unit"].as_str()?))
        };
        let parts: Vec<_> =
            ["measured", "beside", "difference"].into_iter().filter_map(part).collect();
        println!("{}: {}", row["what"].as_str().unwrap(), parts.join(", "));
    }
    if let Some(path) = value("--json") {
        std::fs::write(path, Value::from(rows).to_string()).unwrap();
    }
}
