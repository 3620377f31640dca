//! The corpus against the engine: cold, with remembered tokens, and all in one batch.

use crate::case::{Case, Corpus, Presentation};
use crate::library_way::{context, issuers, profile, rules};
use bytes::Bytes;
use jwtd::clock::Clock;
use jwtd::engine::{Batch, CacheLimits, Configuration, Engine, Senders, Snapshot};
use jwtd::telemetry::Metrics;
use jwtd_core::jose::UnixTime;
use jwtd_core::policy::Caller;
use jwtd_core::verify::Reason;
use std::sync::Arc;
use std::time::Duration;

/// An engine with the settings of one case.
fn engine(corpus: &Corpus, case: &Case, max_bytes: u64) -> Engine {
    let (metrics, issuers) = (Arc::new(Metrics::new()), issuers(corpus));
    let profile = profile("p", &case.settings, &issuers);
    let configuration = Configuration::new([profile], &issuers, &metrics);
    let limits = CacheLimits { max_bytes, max_ttl: Duration::from_secs(3600) };
    let mut engine = Engine::new(Snapshot::new(configuration, issuers), limits, metrics);
    let started = UnixTime::from_seconds(corpus.clock - 1000);
    engine.senders = Senders::new(rules(corpus), "corpus", 1 << 20, started);
    engine
}

/// The verdicts on these, in one batch at one time.
fn reasons(engine: &Engine, shown: &[&Presentation], now: i64, known: bool) -> Vec<Reason> {
    let snapshot = engine.current.load();
    let only = snapshot.configuration().find_profile("", &Caller::Unknown).unwrap();
    let tokens = shown.iter().map(|one| Bytes::copy_from_slice(one.token.as_bytes())).collect();
    let mut batch = Batch::new(tokens, only);
    if known {
        batch.contexts = shown.iter().map(|one| context(one)).collect();
    }
    let (now, at) = (UnixTime::from_seconds(now), Clock::system().monotonic());
    let decisions = engine.decide(snapshot, batch, now, at).unwrap();
    // A nonce comes with what needs one.
    for decision in &decisions {
        let is_needed = decision.reason() == Reason::NonceRequired;
        assert!(!is_needed || decision.dpop_nonce.is_some());
    }
    decisions.iter().map(jwtd::engine::Decision::reason).collect()
}

#[test]
fn r37_the_engine_judges_every_binding_as_the_corpus_says() {
    let corpus = crate::published();
    for case in &corpus.cases {
        for (way, max_bytes, is_warm) in
            [("cold", 1 << 20, false), ("without memory", 0, false), ("warm", 1 << 20, true)]
        {
            let engine = engine(&corpus, case, max_bytes);
            for one in &case.presentations {
                let now = corpus.clock + one.after;
                if is_warm {
                    let _remembered = reasons(&engine, &[one], now, false);
                }
                let found = reasons(&engine, &[one], now, true);
                assert_eq!(found[0].code(), one.reason, "{way}: {}", case.name);
            }
        }
    }
}

/// In one batch each use is a use of its own, also of one token; the second of one proof is a
/// replay.
#[test]
fn r37_the_engine_judges_copies_in_a_batch_one_by_one() {
    let corpus = crate::published();
    for case in corpus.cases.iter().filter(|case| case.presentations.len() == 1) {
        let engine = engine(&corpus, case, 1 << 20);
        let one = &case.presentations[0];
        let bare = Presentation { dpop_proof: None, ..one.clone() };
        let now = corpus.clock + one.after;
        let expected_bare = reasons(&engine, &[&bare], now, true)[0];
        let found = reasons(&engine, &[one, &bare, one, one], now, true);
        let first = Reason::ALL.iter().find(|reason| reason.code() == one.reason).unwrap();
        let is_used_up = *first == Reason::Ok && found[2] == Reason::Replayed;
        let again = if is_used_up { Reason::Replayed } else { *first };
        assert_eq!(found, [*first, expected_bare, again, again], "{}", case.name);
        // What needs a proof is used up by it.
        let needs_proof = *first == Reason::Ok && expected_bare != Reason::Ok;
        assert_eq!(is_used_up, needs_proof && one.dpop_proof.is_some(), "{}", case.name);
    }
}
