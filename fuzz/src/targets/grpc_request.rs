//! Fuzzes requests from the wire through prost and the engine, with a cold and a warm cache: every
//! verdict equals that of the core, and no message causes an internal error.

use crate::world::{WORLD, now, profiles};
use bytes::{Buf as _, Bytes};
use http_body_util::{BodyExt as _, Full};
use jwtd::clock::VirtualClock;
use jwtd::config::ServerLimits;
use jwtd::dispatch::{Admission, Amounts, Dispatcher, Peer, Workers};
use jwtd::engine::{CacheLimits, Configuration, Engine, Snapshot};
use jwtd::grpc::{Calls, Door, Front, MeteredLayer, Services};
use jwtd::http::{self as plain, Bounds, Routes};
use jwtd::pb::{self, verify_stream_response};
use jwtd::sources::KeyWatches;
use jwtd::telemetry::Metrics;
use jwtd::transport::{Door as _, Origin};
use jwtd_core::policy::{Caller, check_scopes};
use jwtd_core::verify::{Reason, Reject, verify};
use prost::Message;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::runtime::Runtime;

const LIMITS: ServerLimits = ServerLimits {
    batch_tokens: 32,
    message_bytes: 64 * 1024,
    in_flight_tokens: 64,
    in_flight_bytes: 1 << 20,
    connections: 1,
    streams_per_connection: 1,
    call_timeout: Duration::from_secs(4),
    queue_delay: Duration::from_secs(4),
};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap());

static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    let metrics = Arc::new(Metrics::new());
    let limits = CacheLimits { max_bytes: 1 << 20, max_ttl: Duration::from_secs(3600) };
    let configuration = Configuration::new(profiles(), &WORLD, &metrics);
    Arc::new(Engine::new(Snapshot::new(configuration, WORLD.clone()), limits, metrics))
});

static FRONT: LazyLock<Front<Services, plain::Front>> = LazyLock::new(|| {
    let admission = Admission::new(Amounts {
        bytes: LIMITS.in_flight_bytes,
        connections: LIMITS.connections,
        streams: 1,
        tokens: LIMITS.in_flight_tokens,
        ..Amounts::default()
    });
    let origin = Origin { caller: Caller::Unknown, account: admission.account(Peer::Unknown) };
    let (engine, clock) = (Arc::clone(&ENGINE), VirtualClock::at(now()).clock());
    let dispatcher = Dispatcher::new(
        Arc::clone(&engine),
        KeyWatches::default(),
        admission,
        Workers::new(RUNTIME.handle().clone(), [RUNTIME.handle().clone()], &clock),
        &LIMITS,
        clock.clone(),
    );
    let service = Services::new(dispatcher, &LIMITS, None, tonic::service::Routes::default());
    let metrics = Arc::clone(&engine.metrics);
    let metered = MeteredLayer { message_bytes: LIMITS.message_bytes, metrics };
    let patience = LIMITS.call_timeout;
    let bounds = Bounds { receive_timeout: patience, call_timeout: patience };
    let routes = Routes::new(Vec::new());
    let plain = plain::Door::new(routes, bounds, Arc::clone(&metered.metrics), clock.clone());
    let calls = Calls::new(&metered.metrics);
    Door { service, metered, engine, calls, clock, patience, plain }.open(Arc::new(origin))
});

/// The response to a call: the messages of the body, the status, and its message.
struct Answer {
    messages: Vec<Bytes>,
    status: i32,
    what: String,
}

fn call(method: &str, body: Bytes) -> Answer {
    let request = http::Request::builder()
        .method("POST")
        .uri(format!("http://localhost/jwtd.v1.VerifierService/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(body))
        .unwrap();
    RUNTIME.block_on(async {
        let response = FRONT.call(request).await;
        let headers = response.headers().clone();
        let (mut body, mut data) = (response.into_body(), Vec::new());
        let mut trailers = http::HeaderMap::new();
        // Reads up to the trailers, as hyper does: tonic does not report the end of the stream by
        // itself.
        while let Some(frame) = body.frame().await {
            match frame.unwrap().into_data() {
                Ok(bytes) => data.extend_from_slice(&bytes),
                Err(frame) => {
                    trailers = frame.into_trailers().unwrap();
                    break;
                }
            }
        }
        let text = |name: &str| {
            let value = trailers.get(name).or_else(|| headers.get(name));
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        Answer {
            messages: frames(data.into()).0,
            status: text("grpc-status").unwrap().parse().unwrap(),
            what: text("grpc-message").unwrap_or_default(),
        }
    })
}

/// The messages of a body (gRPC over HTTP/2, Length-Prefixed-Message), and true if it ends with a
/// complete one.
fn frames(mut body: Bytes) -> (Vec<Bytes>, bool) {
    let mut messages = Vec::new();
    while body.len() >= 5 && body[0] == 0 {
        let length = u32::from_be_bytes([body[1], body[2], body[3], body[4]]) as usize;
        if body.len() - 5 < length || length > LIMITS.message_bytes {
            break;
        }
        body.advance(5);
        messages.push(body.split_to(length));
    }
    let whole = body.is_empty();
    (messages, whole)
}

fn frame(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat().into()
}

/// The verdict of the core alone.
fn expected(token: &[u8], options: &pb::VerifyOptions) -> Result<Reason, ()> {
    let snapshot = ENGINE.current.load();
    let configuration = snapshot.configuration();
    let place = configuration.find_profile(&options.profile, &Caller::Unknown).map_err(|_| ())?;
    let profile = &configuration.profile(place).unwrap().profile;
    let shared = |list: &[String]| list.iter().map(|one| Arc::from(&**one)).collect::<Vec<_>>();
    let audiences = shared(&options.audiences);
    let outcome = verify(token, snapshot.issuers(), profile, &audiences, now())
        .and_then(|proven| check_scopes(&proven, &shared(&options.scopes)));
    Ok(outcome.as_ref().map_or_else(Reject::reason, |()| Reason::Ok))
}

fn check(tokens: &[Bytes], options: Option<pb::VerifyOptions>, verdicts: &[pb::Verdict]) {
    assert_eq!(tokens.len(), verdicts.len());
    let options = options.unwrap_or_default();
    for (token, verdict) in tokens.iter().zip(verdicts) {
        let reason = expected(token, &options).unwrap();
        assert_eq!(verdict.reason, i32::from(reason.number()), "{token:?}");
        assert_eq!(verdict.permit, reason == Reason::Ok);
        assert!(reason != Reason::Internal && verdict.enforced && verdict.detail.len() < 512);
        // A refusal returns no claims.
        assert!(verdict.permit || verdict.claims_json.is_empty());
        assert!(verdict.permit || verdict.valid_until.is_none());
    }
}

/// Asserts a status that the caller caused: too much data, or invalid data. INTERNAL would be a bug
/// of jwtd.
fn check_status(answer: &Answer) {
    assert!(matches!(answer.status, 0 | 3 | 4 | 8 | 11 | 12), "{}", answer.what);
    assert!(answer.what.len() < 1024, "{} bytes", answer.what.len());
}

/// The tokens of a request, the number of its contexts, and its options.
type Asked = (Vec<Bytes>, usize, Option<pb::VerifyOptions>);

fn unary<Q: Message + Default, A: Message + Default>(
    method: &str,
    message: &[u8],
    take: fn(Q) -> Asked,
    verdicts: fn(A) -> Vec<pb::Verdict>,
) {
    let cold = call(method, frame(message));
    let warm = call(method, frame(message));
    check_status(&cold);
    assert_eq!((cold.status, &cold.what), (warm.status, &warm.what));
    assert_eq!(cold.messages, warm.messages, "a remembered signature changes the answer");
    let decoded = Q::decode(message);
    if cold.status != 0 {
        return;
    }
    let (tokens, contexts, options) = take(decoded.unwrap());
    assert!(contexts == 0 || contexts == tokens.len());
    let [reply] = &cold.messages[..] else { panic!("{} replies", cold.messages.len()) };
    check(&tokens, options, &verdicts(A::decode(reply.clone()).unwrap()));
}

fn stream(body: Bytes) {
    let (requests, whole) = frames(body.clone());
    let answer = call("VerifyStream", body);
    check_status(&answer);
    let requests: Vec<_> = requests.into_iter().map(pb::VerifyStreamRequest::decode).collect();
    let good: Vec<_> = requests.iter().map_while(|request| request.as_ref().ok()).collect();
    if whole && good.len() == requests.len() {
        assert_eq!((answer.messages.len(), answer.status), (good.len(), 0), "{}", answer.what);
    }
    for reply in answer.messages {
        let reply = pb::VerifyStreamResponse::decode(reply).unwrap();
        let asked: Vec<_> = good.iter().filter(|request| request.id == reply.id).collect();
        match (reply.result.unwrap(), &asked[..]) {
            (_, []) => panic!("an answer to a question that was not asked"),
            (verify_stream_response::Result::Verdicts(all), [one]) => {
                check(&one.tokens, one.options.clone(), &all.verdicts);
            }
            // If several tokens share an ID, the response cannot be matched.
            (verify_stream_response::Result::Verdicts(_), _) => {}
            (verify_stream_response::Result::Error(error), _) => {
                assert!(matches!(error.code, 3 | 4 | 8), "{}", error.message);
                assert!(error.message.len() < 1024);
            }
        }
    }
}

/// Runs the target on one input.
pub fn run(input: &[u8]) {
    let Some((kind, message)) = input.split_first() else { return };
    match kind % 4 {
        0 => unary(
            "Verify",
            message,
            |ask: pb::VerifyRequest| (vec![ask.token], ask.context.iter().count(), ask.options),
            |answer: pb::VerifyResponse| answer.verdict.into_iter().collect(),
        ),
        1 => unary(
            "VerifyBatch",
            message,
            |ask: pb::VerifyBatchRequest| (ask.tokens, ask.contexts.len(), ask.options),
            |answer: pb::VerifyBatchResponse| answer.verdicts,
        ),
        2 => stream(frame(message)),
        _ => stream(Bytes::copy_from_slice(message)),
    }
}
