//! What the hot path allocates, counted: each allocation is time, and a path that begins to
//! copy shows here before it shows in a benchmark.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "it measures by the clock of the machine")]

#[path = "../benches/common/engine.rs"]
mod engine;

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use jwtd::pb;
use jwtd_core::jose::{Algorithm, UnixTime};
use jwtd_core::verify::Reason;
use jwtd_testkit::bench::{form, tokens};
use prost::Message as _;

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);
const BATCH: usize = 256;

/// Counts what a batch allocates in the engine, after it was judged once.
fn judged(max_bytes: u64) -> AllocationInfo {
    let key = tokens::key(Algorithm::Es256).unwrap();
    let made = tokens::tokens(&key, BATCH, NOW).unwrap();
    let made: Vec<Bytes> = made.into_iter().map(Bytes::from).collect();
    let engine = engine::engine(&key, max_bytes);
    for _ in 0..2 {
        let decisions = engine::decide(&engine, made.clone(), NOW);
        assert!(decisions.iter().all(|one| one.reason() == Reason::Ok));
    }
    // moka does its housekeeping in whichever call comes 300 ms after the last: not in this one.
    engine.cache.settle();
    measure(|| drop(engine::decide(&engine, made, NOW)))
}

#[test]
fn a_remembered_token_is_judged_without_an_allocation_of_its_own() {
    let seen = judged(64 << 20);
    // Two lists for all of them.
    assert_eq!(seen.count_total, 2, "{seen:?}");
}

#[test]
fn a_new_token_takes_ten_allocations() {
    let seen = judged(0);
    assert!(seen.count_total < 10 * BATCH as u64, "{seen:?}");
    assert!(seen.bytes_total < 6 * 1024 * BATCH as u64, "{seen:?}");
}

#[test]
fn a_request_is_read_without_copies_of_its_tokens() {
    let tokens = vec![Bytes::from(vec![b'a'; form::LENGTH]); BATCH];
    let request = pb::VerifyBatchRequest { tokens, ..Default::default() };
    let request = Bytes::from(request.encode_to_vec());
    let seen = measure(|| drop(pb::VerifyBatchRequest::decode(request.clone()).unwrap()));
    // The list grows a few times.
    assert!(seen.count_total < 16, "{seen:?}");
    assert!(seen.bytes_total < 64 * 1024, "{seen:?}");
}
