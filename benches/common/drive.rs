//! The load generator. It sends requests that were encoded once, keeps several in flight, and
//! checks every response. The daemon and the baseline servers get the same load.

use crate::raw::Raw;
use bytes::Bytes;
use http::uri::PathAndQuery;
use jwtd_testkit::measured::{Outcome, Server};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

pub(crate) const BATCH: &str = "/jwtd.v1.VerifierService/VerifyBatch";
pub(crate) const STREAM: &str = "/jwtd.v1.VerifierService/VerifyStream";

/// The messages in flight on one stream, and the number of responses after which as many messages
/// follow: pipelining callers write in bursts.
const WINDOW: usize = 256;
const BURST: usize = 64;

/// The requests, and the expected responses.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) path: &'static str,
    /// The requests, sent in turn.
    pub(crate) requests: Vec<Bytes>,
    /// The response to the first request; the others have the same length.
    pub(crate) reply: Bytes,
    /// True if all responses are equal byte for byte.
    pub(crate) same: bool,
    /// The tokens in one request.
    pub(crate) tokens: u32,
}

impl Load {
    fn check(&self, answer: &Bytes) -> Outcome<()> {
        let fits = if self.same { *answer == self.reply } else { answer.len() == self.reply.len() };
        fits.then_some(()).ok_or_else(|| "an answer is not what it was before".into())
    }
}

/// The measurement of one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    /// CPU time per token, in microseconds.
    pub(crate) cpu: f64,
    /// Tokens per second, on all workers.
    pub(crate) rate: f64,
}

impl Round {
    pub(crate) fn new(tokens: u64, cpu: Duration, elapsed: Duration) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts of seconds, not of years")]
        let tokens = tokens as f64;
        Self { cpu: cpu.as_secs_f64() * 1e6 / tokens, rate: tokens / elapsed.as_secs_f64() }
    }
}

/// The number of connections, and the number of calls in flight on all of them together.
#[derive(Clone, Copy)]
pub(crate) struct Width {
    pub(crate) connections: usize,
    pub(crate) calls: usize,
}

/// Enough that no worker is ever idle.
pub(crate) const BUSY: Width = Width { connections: 2, calls: 8 };

/// Connections to a server.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) channels: Vec<Channel>,
    /// The calls in flight on all connections together.
    pub(crate) calls: usize,
}

impl Caller {
    pub(crate) async fn connect(server: &Server, width: Width) -> Outcome<Self> {
        let mut channels = Vec::new();
        for _ in 0..width.connections {
            let target = format!("unix://{}", server.socket().display());
            channels.push(Endpoint::from_shared(target)?.connect().await?);
        }
        Ok(Self { channels, calls: width.calls })
    }

    /// Makes one call; returns the encoded response.
    pub(crate) async fn ask(&self, path: &'static str, request: Bytes) -> Outcome<Bytes> {
        let mut grpc = Grpc::new(self.channels.first().ok_or("not connected")?.clone());
        grpc.ready().await?;
        if path != STREAM {
            return Ok(unary(&mut grpc, path, request).await?);
        }
        let one = futures_util::stream::once(async { request });
        let path = PathAndQuery::from_static(path);
        let mut answers = grpc.streaming(Request::new(one), path, Raw).await?.into_inner();
        let answer = answers.message().await?;
        // Dropping a stream before its end resets it, and many resets close the connection.
        while answers.message().await?.is_some() {}
        Ok(answer.ok_or("the stream ended")?)
    }

    /// Keeps `server` busy for `span`, and measures its CPU time.
    pub(crate) async fn round(
        &self,
        server: &Server,
        load: &Arc<Load>,
        span: Duration,
    ) -> Outcome<Round> {
        // Warms up, because caches and branch predictors adapt to the other server in between.
        self.drive(load, span / 10).await?;
        let (before, start) = (server.cpu()?, Instant::now());
        let tokens = self.drive(load, span).await?;
        // The CPU time of an exited thread is no longer counted, so the sum may decrease.
        let used = server.cpu()?.saturating_sub(before);
        Ok(Round::new(tokens, used, start.elapsed()))
    }

    /// Keeps a server busy for `span`; returns the number of verified tokens.
    pub(crate) async fn drive(&self, load: &Arc<Load>, span: Duration) -> Outcome<u64> {
        let end = Instant::now() + span;
        let mut tasks = tokio::task::JoinSet::new();
        if load.path == STREAM {
            for channel in &self.channels {
                tasks.spawn(pipeline(channel.clone(), Arc::clone(load), end));
            }
        } else {
            for number in 0..self.calls {
                // The tasks start at different requests, so that one does not find in the CPU
                // caches what another has just loaded.
                let first = number * load.requests.len() / self.calls;
                tasks.spawn(calls(self.own(number), Arc::clone(load), first, end));
            }
        }
        let mut tokens = 0;
        while let Some(done) = tasks.join_next().await {
            tokens += done??;
        }
        Ok(tokens)
    }

    /// The connections that the task with this number uses in turn. All connections are used
    /// equally often.
    fn own(&self, number: usize) -> Vec<Grpc<Channel>> {
        let all = self.channels.iter().cycle().skip(number).step_by(self.calls);
        let own = self.channels.len().div_ceil(self.calls);
        all.take(own).map(|channel| Grpc::new(channel.clone())).collect()
    }
}

async fn unary(
    grpc: &mut Grpc<Channel>,
    path: &'static str,
    request: Bytes,
) -> Result<Bytes, Status> {
    let answer = grpc.unary(Request::new(request), PathAndQuery::from_static(path), Raw).await?;
    Ok(answer.into_inner())
}

/// Makes one call after another.
async fn calls(
    mut connections: Vec<Grpc<Channel>>,
    load: Arc<Load>,
    first: usize,
    end: Instant,
) -> Outcome<u64> {
    let (mut tokens, mut requests) = (0, load.requests.iter().cycle().skip(first));
    while Instant::now() < end {
        for grpc in &mut connections {
            let request = requests.next().ok_or("nothing to send")?;
            grpc.ready().await?;
            load.check(&unary(grpc, load.path, request.clone()).await?)?;
            tokens += u64::from(load.tokens);
        }
    }
    Ok(tokens)
}

/// Keeps one stream as full as the window allows.
async fn pipeline(channel: Channel, load: Arc<Load>, end: Instant) -> Outcome<u64> {
    let window = Arc::new(Semaphore::new(WINDOW));
    let (source, free) = (Arc::clone(&load), Arc::clone(&window));
    let messages = futures_util::stream::unfold(0, move |number: usize| {
        let (source, free) = (Arc::clone(&source), Arc::clone(&free));
        async move {
            // An error means that the semaphore was closed: enough was sent.
            free.acquire().await.ok()?.forget();
            let place = number % source.requests.len();
            let message = source.requests.get(place)?.clone();
            Some((message, number.wrapping_add(1)))
        }
    });
    let mut grpc = Grpc::new(channel);
    grpc.ready().await?;
    let path = PathAndQuery::from_static(load.path);
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
