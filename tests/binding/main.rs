//! The corpus of tokens that are bound to their sender (`corpus/binding`): it is made here, and run
//! through the core, the engine, and each method of the real daemon. `UPDATE_CORPUS=1 cargo test
//! --test binding` writes it anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod attacks;
mod bindings;
mod case;
#[expect(dead_code, reason = "these tests ask for whole verdicts")]
#[path = "../client/mod.rs"]
mod client;
mod daemon_way;
mod engine_way;
mod library_way;
mod maker;
mod open;
mod outline;
mod proofs;
mod proxy_way;

use case::Corpus;
use jwtd_core::jose::base64url;
use jwtd_testkit::tokens::Signer;
use maker::{AUDIENCE, ISSUER, Maker, NONCE_KEY, NONCE_LIFETIME};
use outline::outline;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The clock of the published corpus.
const CLOCK: i64 = 1_800_000_000;

/// Makes all cases, for a clock at `now`.
fn made(now: i64) -> Corpus {
    made_by(Arc::new(Signer::new("issuer-1")), now)
}

fn made_by(issuer: Arc<Signer>, now: i64) -> Corpus {
    let mut maker = Maker::new(issuer, now);
    proofs::add(&mut maker);
    bindings::add(&mut maker);
    attacks::add(&mut maker);
    Corpus {
        about: "Tokens bound to their sender, with proofs, good and bad: see README.md.".to_owned(),
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        jwks: serde_json::from_str(&jwtd_testkit::tokens::set(&[&maker.issuer])).unwrap(),
        clock: now,
        max_age: 60,
        clock_skew: 5,
        nonce_key: base64url::encode(&NONCE_KEY),
        nonce_lifetime: NONCE_LIFETIME,
        cases: maker.cases,
    }
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/binding/corpus.json")
}

/// The published cases.
fn published() -> Corpus {
    serde_json::from_str(&std::fs::read_to_string(file()).unwrap()).unwrap()
}

#[test]
fn the_published_corpus_is_fresh() {
    let made = made(CLOCK);
    if std::env::var_os("UPDATE_CORPUS").is_some() {
        let text = serde_json::to_string_pretty(&made).unwrap();
        std::fs::write(file(), text + "\n").unwrap();
    }
    let [old, new] = [outline(&published()), outline(&made)];
    let other = old.iter().zip(&new).find(|(old, new)| old != new);
    let is_fresh = other.is_none() && old.len() == new.len();
    assert!(is_fresh, "{other:#?}: UPDATE_CORPUS=1 cargo test --test binding");
}

#[test]
fn the_corpus_is_large_and_names_every_reason() {
    let corpus = published();
    assert!(corpus.cases.len() >= 150, "{}", corpus.cases.len());
    let mut names = HashSet::new();
    for case in &corpus.cases {
        assert!(names.insert(&case.name), "{} twice", case.name);
    }
    let mut reasons = BTreeMap::<&str, usize>::new();
    for one in corpus.cases.iter().flat_map(|case| &case.presentations) {
        *reasons.entry(&one.reason).or_default() += 1;
    }
    for reason in [
        "OK",
        "BINDING_REQUIRED",
        "TOKEN_NOT_BOUND",
        "BINDING_MISMATCH",
        "PROOF_INVALID",
        "PROOF_EXPIRED",
        "NONCE_REQUIRED",
        "REPLAYED",
    ] {
        assert!(reasons.get(reason).is_some_and(|count| *count >= 3), "{reason}: {reasons:?}");
    }
}
