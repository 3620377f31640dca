//! The caller. It sends requests that were encoded once, keeps several in flight,
//! and looks at every answer; it is the same for the daemon and for the floor.

use crate::child::{Outcome, Server, cpu};
use crate::echo::{RawEncoder, STREAM};
use bytes::{Buf as _, Bytes};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// Connections, and calls in flight on each: enough that no worker is ever idle.
const CONNECTIONS: usize = 2;
const CALLS: usize = 4;

/// Messages in flight on one stream, and how many answers are awaited before as
/// many follow: pipelined callers write in bursts.
const WINDOW: usize = 256;
const BURST: usize = 64;

/// What is sent, and what must come back.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) path: &'static str,
    /// Sent in turn.
    pub(crate) requests: Vec<Bytes>,
    /// The answer to the first; the others are as long.
    pub(crate) reply: Bytes,
    /// Tokens in one request.
    pub(crate) tokens: u32,
}

impl Load {
    fn check(&self, answer: &Bytes) -> Outcome<()> {
        let fits = match self.requests.len() {
            1 => *answer == self.reply,
            _ => answer.len() == self.reply.len(),
        };
        fits.then_some(()).ok_or_else(|| "an answer is not what it was before".into())
    }
}

/// What one round measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    /// CPU microseconds a token.
    pub(crate) cpu: f64,
    /// Tokens a second, on all workers.
    pub(crate) rate: f64,
}

impl Round {
    pub(crate) fn new(tokens: u64, cpu: Duration, elapsed: Duration) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts of seconds, not of years")]
        let tokens = tokens as f64;
        Self { cpu: cpu.as_secs_f64() * 1e6 / tokens, rate: tokens / elapsed.as_secs_f64() }
    }
}

/// Connections to a server.
pub(crate) struct Caller(Vec<Channel>);

impl Caller {
    pub(crate) async fn connect(server: &Server) -> Outcome<Self> {
        let mut channels = Vec::new();
        for _ in 0..CONNECTIONS {
            let target = format!("unix://{}", server.socket().display());
            channels.push(Endpoint::from_shared(target)?.connect().await?);
        }
        Ok(Self(channels))
    }

    /// One answer, as bytes.
    pub(crate) async fn ask(&self, path: &'static str, request: Bytes) -> Outcome<Bytes> {
        let channel = self.0.first().ok_or("not connected")?.clone();
        let mut grpc = tonic::client::Grpc::new(channel);
        grpc.ready().await?;
        let path = http::uri::PathAndQuery::from_static(path);
        if path.as_str() != STREAM {
            let answer = grpc.unary(Request::new(request), path, Raw).await?;
            return Ok(answer.into_inner());
        }
        let one = futures_util::stream::once(async { request });
        let answers = grpc.streaming(Request::new(one), path, Raw).await?;
        let answer = answers.into_inner().message().await?;
        Ok(answer.ok_or("the stream ended")?)
    }

    /// Keeps `server` busy for `span` and reads its clock.
    pub(crate) async fn round(
        &self,
        server: &Server,
        load: &Arc<Load>,
        span: Duration,
    ) -> Outcome<Round> {
        // Caches and branch predictors forget while the other one runs.
        self.drive(load, span / 10).await?;
        let (before, start) = (server.cpu()?, Instant::now());
        let tokens = self.drive(load, span).await?;
        Ok(Round::new(tokens, server.cpu()? - before, start.elapsed()))
    }

    async fn drive(&self, load: &Arc<Load>, span: Duration) -> Outcome<u64> {
        let end = Instant::now() + span;
        let mut tasks = tokio::task::JoinSet::new();
        for channel in &self.0 {
            if load.path == STREAM {
                tasks.spawn(pipeline(channel.clone(), Arc::clone(load), end));
            } else {
                for _ in 0..CALLS {
                    tasks.spawn(call(channel.clone(), Arc::clone(load), end));
                }
            }
        }
        let mut tokens = 0;
        while let Some(done) = tasks.join_next().await {
            tokens += done??;
        }
        Ok(tokens)
    }
}

/// One call after another.
async fn call(channel: Channel, load: Arc<Load>, end: Instant) -> Outcome<u64> {
    let mut grpc = tonic::client::Grpc::new(channel);
    let mut tokens = 0;
    for request in load.requests.iter().cycle() {
        if Instant::now() >= end {
            break;
        }
        grpc.ready().await?;
        let path = http::uri::PathAndQuery::from_static(load.path);
        let request = Request::new(request.clone());
        load.check(&grpc.unary(request, path, Raw).await?.into_inner())?;
        tokens += u64::from(load.tokens);
    }
    Ok(tokens)
}

/// One stream, as full as the window allows.
async fn pipeline(channel: Channel, load: Arc<Load>, end: Instant) -> Outcome<u64> {
    let window = Arc::new(Semaphore::new(WINDOW));
    let (source, free) = (Arc::clone(&load), Arc::clone(&window));
    let messages = futures_util::stream::unfold(0, move |number: usize| {
        let (source, free) = (Arc::clone(&source), Arc::clone(&free));
        async move {
            // An error means that the window was closed: enough was sent.
            free.acquire().await.ok()?.forget();
            let place = number % source.requests.len();
            let message = source.requests.get(place)?.clone();
            Some((message, number.wrapping_add(1)))
        }
    });
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await?;
    let path = http::uri::PathAndQuery::from_static(load.path);
    let answers = grpc.streaming(Request::new(messages), path, Raw).await?;
    let mut answers = answers.into_inner();
    let (mut tokens, mut waiting) = (0, 0);
    while let Some(answer) = answers.message().await? {
        load.check(&answer)?;
        tokens += u64::from(load.tokens);
        waiting += 1;
        if waiting == BURST {
            waiting = 0;
            if Instant::now() >= end {
                window.close();
            }
            window.add_permits(BURST);
        }
    }
    Ok(tokens)
}

/// Does `work` on `threads` threads for `span`, with the number of each repetition,
/// and reads our own clock.
pub(crate) fn bare(
    threads: usize,
    span: Duration,
    work: impl Fn(usize) -> bool + Sync,
) -> Outcome<Round> {
    let (before, start) = (cpu("self")?, Instant::now());
    let end = start + span;
    let spin = || {
        let mut done = 0;
        // As many as in a slice of the daemon between two looks at the clock.
        while Instant::now() < end {
            for _ in 0..8 {
                assert!(work(done), "a good signature is refused");
                done += 1;
            }
        }
        done
    };
    #[expect(clippy::needless_collect, reason = "all start before one is awaited")]
    let done: usize = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(spin)).collect();
        all.into_iter().map(|one| one.join().unwrap_or(0)).sum()
    });
    let used = cpu("self")? - before;
    Ok(Round::new(u64::try_from(done)?, used, start.elapsed()))
}

/// Bytes in both directions.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = RawEncoder;
    type Decoder = RawDecoder;

    fn encoder(&mut self) -> RawEncoder {
        RawEncoder
    }

    fn decoder(&mut self) -> RawDecoder {
        RawDecoder
    }
}

struct RawDecoder;

impl Decoder for RawDecoder {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
