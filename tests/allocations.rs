//! Counts the allocations of the hot path: each one costs time, and a path that begins to copy
//! shows here before it shows in a benchmark.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "it measures by the clock of the machine")]

#[path = "../benches/common/engine.rs"]
mod engine;

use allocation_counter::{AllocationInfo, measure};
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::FutureExt as _;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use jwtd::clock::VirtualClock;
use jwtd::config::ServerLimits;
use jwtd::dispatch::{Admission, Amounts, Dispatcher, Peer, Workers};
use jwtd::grpc::{Answer, Calls, Door, Front, MeteredLayer, Services};
use jwtd::http::{self as plain, Bounds, Routes};
use jwtd::pb;
use jwtd::sources::KeyWatches;
use jwtd::transport::{Door as _, Origin};
use jwtd_core::jose::{Algorithm, UnixTime};
use jwtd_core::policy::Caller;
use jwtd_core::verify::Reason;
use jwtd_testkit::bench::{form, tokens};
use prost::Message as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);
const BATCH: usize = 256;

/// Counts the allocations of a batch in the engine, on its second verification.
fn judged(max_bytes: u64) -> AllocationInfo {
    let key = tokens::key(Algorithm::Es256).unwrap();
    let made = tokens::tokens(&key, BATCH, NOW).unwrap();
    let made: Vec<Bytes> = made.into_iter().map(Bytes::from).collect();
    let engine = engine::engine(&key, max_bytes);
    for _ in 0..2 {
        let decisions = engine::decide(&engine, made.clone(), NOW);
        assert!(decisions.iter().all(|one| one.reason() == Reason::Ok));
    }
    // moka does its maintenance in the first call that comes 300 ms after the last one; this keeps
    // it out of the measured call.
    engine.cache.settle();
    measure(|| drop(engine::decide(&engine, made, NOW)))
}

#[test]
fn a_remembered_token_is_judged_without_an_allocation_of_its_own() {
    let seen = judged(64 << 20);
    // Two lists for the whole batch.
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

/// Answers the calls of one connection on this thread.
fn front(runtime: Handle) -> (Front<Services, plain::Front>, Bytes) {
    const MINUTE: Duration = Duration::from_secs(60);

    let key = tokens::key(Algorithm::Es256).unwrap();
    let token = tokens::tokens(&key, 1, NOW).unwrap().remove(0);
    let engine = Arc::new(engine::engine(&key, 64 << 20));
    let (clock, metrics) = (VirtualClock::at(NOW).clock(), Arc::clone(&engine.metrics));
    let admission = Admission::new(Amounts {
        bytes: 1 << 20,
        connections: 1,
        streams: 1,
        tokens: 16,
        ..Amounts::default()
    });
    let origin = Origin { caller: Caller::Unknown, account: admission.account(Peer::Unknown) };
    let limits = ServerLimits {
        batch_tokens: 16,
        message_bytes: 1 << 16,
        in_flight_tokens: 16,
        in_flight_bytes: 1 << 20,
        connections: 1,
        streams_per_connection: 1,
        call_timeout: MINUTE,
        queue_delay: MINUTE,
    };
    let dispatcher = Dispatcher::new(
        Arc::clone(&engine),
        KeyWatches::default(),
        admission,
        Workers::new(runtime, [], &clock),
        &limits,
        clock.clone(),
    );
    let bounds = Bounds { receive_timeout: MINUTE, call_timeout: MINUTE };
    let routes = Routes::new(Vec::new());
    let door = Door {
        service: Services::new(dispatcher, &limits, None, tonic::service::Routes::default()),
        metered: MeteredLayer {
            message_bytes: limits.message_bytes,
            metrics: Arc::clone(&metrics),
        },
        plain: plain::Door::new(routes, bounds, Arc::clone(&metrics), clock.clone()),
        calls: Calls::new(&metrics),
        engine,
        clock,
        patience: MINUTE,
    };
    (door.open(Arc::new(origin)), token.into())
}

#[test]
fn a_call_with_one_remembered_token_takes_fourteen_allocations() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (front, token) = front(runtime.handle().clone());
    let options = pb::VerifyOptions { view: pb::View::Claims.into(), ..Default::default() };
    let message = pb::VerifyRequest { token, context: None, options: Some(options) };
    let message = message.encode_to_vec();
    let mut body = BytesMut::new();
    body.put_u8(0);
    body.put_u32(u32::try_from(message.len()).unwrap());
    body.put_slice(&message);
    let body = body.freeze();
    let request = || {
        Request::post("http://localhost/jwtd.v1.VerifierService/Verify")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(body.clone()))
            .unwrap()
    };
    let end = |answer: Response<Answer>| {
        let body = answer.into_body().collect().now_or_never().unwrap().unwrap();
        let status = body.trailers().unwrap()["grpc-status"].to_str().unwrap().to_owned();
        (status, body.to_bytes().slice(5..))
    };
    for _ in 0..2 {
        runtime.block_on(async { drop(end(front.call(request()).await)) });
    }
    // A cache hit is answered synchronously.
    let (asked, mut answer) = (request(), None);
    // A stream keeps this future while it is open, and must not use memory that other calls need.
    assert!(size_of_val(&front.call(request())) < 256);
    let seen = measure(|| answer = front.call(asked).now_or_never());
    let (status, message) = end(answer.unwrap());
    let verdict = pb::VerifyResponse::decode(message).unwrap().verdict.unwrap();
    assert_eq!((&*status, verdict.permit), ("0", true));
    assert!(!verdict.claims_json.is_empty());
    assert!(seen.count_total <= 14, "{seen:?}");
}
