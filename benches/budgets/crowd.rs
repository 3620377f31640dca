//! Many connections that request as much as they can, and accept refusals.

use crate::drive::{Load, STREAM};
use crate::raw::Raw;
use bytes::Bytes;
use http::uri::PathAndQuery;
use jwtd::pb::{self, verify_stream_response::Result as Answer};
use jwtd_testkit::measured::{Outcome, Server};
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// The calls in flight on a connection, and the messages in flight on a stream.
const CALLS: usize = 2;
const WINDOW: usize = 128;

/// The pause of a refused caller: with a shorter one, nobody would be served.
const PAUSE: Duration = Duration::from_millis(2);

/// The load of a connection.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    HotBatch,
    HotStream,
    ColdBatch,
    ColdStream,
    /// A batch whose signatures are slow to verify.
    SlowBatch,
}

impl Kind {
    pub(crate) fn is_batch(self) -> bool {
        matches!(self, Self::HotBatch | Self::ColdBatch | Self::SlowBatch)
    }
}

/// The numbers of messages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) answered: u64,
    pub(crate) refused: u64,
}

/// Calls over `count` connections for `span`, each with one of the loads.
pub(crate) async fn press(
    server: &Server,
    loads: &[(Kind, Arc<Load>)],
    connections: usize,
    span: Duration,
) -> Outcome<BTreeMap<Kind, Tally>> {
    let mut tasks = tokio::task::JoinSet::new();
    let end = Instant::now() + span;
    for (number, (kind, load)) in (0..connections).zip(loads.iter().cycle()) {
        let target = format!("unix://{}", server.socket().display());
        let channel = Endpoint::from_shared(target)?.connect().await?;
        let at_once = if load.path == STREAM { 1 } else { CALLS };
        for call in 0..at_once {
            let (channel, load, kind) = (channel.clone(), Arc::clone(load), *kind);
            // Each caller starts at a different request, so that cold tokens stay cold.
            let first = (number * CALLS + call) * 97;
            tasks.spawn(async move { (kind, one(channel, &load, first, end).await) });
        }
    }
    let mut all = BTreeMap::<Kind, Tally>::new();
    while let Some(done) = tasks.join_next().await {
        let (kind, tally) = done?;
        let sum = all.entry(kind).or_default();
        sum.answered += tally.answered;
        sum.refused += tally.refused;
    }
    Ok(all)
}

/// Makes one call after another, or opens one stream after another.
async fn one(channel: Channel, load: &Arc<Load>, first: usize, end: Instant) -> Tally {
    let (mut tally, mut next) = (Tally::default(), first);
    while Instant::now() < end {
        let outcome = if load.path == STREAM {
            stream(channel.clone(), load, next, end, &mut tally).await
        } else {
            batch(channel.clone(), load, next, &mut tally).await
        };
        next = next.wrapping_add(1);
        if outcome.is_err() {
            tally.refused += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }
    tally
}

fn request(load: &Load, number: usize) -> Option<Bytes> {
    load.requests.get(number % load.requests.len()).cloned()
}

async fn batch(
    channel: Channel,
    load: &Load,
    number: usize,
    tally: &mut Tally,
) -> Result<(), Status> {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let request = request(load, number).unwrap_or_default();
    let path = PathAndQuery::from_static(load.path);
    let answer = grpc.unary(Request::new(request), path, Raw).await?.into_inner();
    if answer.len() != load.reply.len() {
        return Err(Status::unknown("an answer is not what it was before"));
    }
    tally.answered += 1;
    Ok(())
}

async fn stream(
    channel: Channel,
    load: &Arc<Load>,
    first: usize,
    end: Instant,
    tally: &mut Tally,
) -> Result<(), Status> {
    let window = Arc::new(Semaphore::new(WINDOW));
    let (source, free) = (Arc::clone(load), Arc::clone(&window));
    let messages = futures_util::stream::unfold(first, move |number| {
        let (source, free) = (Arc::clone(&source), Arc::clone(&free));
        async move {
            free.acquire().await.ok()?.forget();
            let message = request(&source, number).filter(|_| Instant::now() < end)?;
            Some((message, number.wrapping_add(1)))
        }
    });
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::from_static(load.path);
    let mut answers = grpc.streaming(Request::new(messages), path, Raw).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        let answer = pb::VerifyStreamResponse::decode(answer);
        match answer.map_err(|error| Status::unknown(error.to_string()))?.result {
            Some(Answer::Verdicts(_)) => tally.answered += 1,
            Some(Answer::Error(_)) | None => tally.refused += 1,
        }
        window.add_permits(1);
    }
    Ok(())
}
