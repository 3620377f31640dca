//! More work than the daemon can do: it must finish accepted work in time and refuse the rest at
//! once. Caller and daemon share the machine, so capacity and goodput are those that this caller
//! can observe.

use crate::client::{Calls as _, JWTD};
use crate::{Plan, run};
use bytes::{Buf as _, BufMut as _, Bytes};
use jwtd::pb::VerifyBatchRequest;
use jwtd_core::jose::Algorithm;
use jwtd_testkit::launcher::{Limits, Setup};
use jwtd_testkit::measured::{Row, show};
use jwtd_testkit::tokens::{Claims, Signer, set};
use prost::Message as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

const NAME: &str = "three times as many cold tokens as it can check";
const BATCH: u32 = 32;
/// At the peak, more calls wait than one connection may have open.
const CONNECTIONS: usize = 16;
const DEADLINE: Duration = Duration::from_secs(1);

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let span = plan.pick(Duration::from_secs(5), Duration::from_secs(10));
    // The gate may share the machine with other work.
    let share = plan.pick(0.7, 0.9);
    let expected = format!(
        "goodput at least {:.0} % of the peak, the rest RESOURCE_EXHAUSTED within 5 ms (median), no \
         other error, memory bounded, calm again within 5 s",
        share * 100.0
    );
    let mut rows = Vec::new();
    if plan.wants(NAME) {
        rows.push(Row::new(NAME, &expected, run(overload(span, share, None))));
    }
    if plan.wants(CONTROL) && plan.pick(false, true) {
        let limits = "queue_delay: 10m, in_flight_tokens: 1000000000, call_timeout: 10m";
        let seen = match run(overload(span, share, Some(limits))) {
            Err(wrong) => Ok(format!("it fails: {wrong}")),
            Ok(seen) => Err(format!("it is good all the same: {seen}")),
        };
        rows.push(Row::new(CONTROL, "its row fails", seen));
    }
    rows
}

const CONTROL: &str = "control: without admission by work";

/// Pins this thread to its own core until the value is dropped; processes started later must have
/// all cores again.
struct Pinned(String);

impl Pinned {
    fn new() -> Result<Self, String> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if cores < 2 {
            return Err("two cores are needed, one for the daemon and one for the caller".into());
        }
        let own = Self(format!("0-{}", cores - 1));
        if pin("1") { Ok(own) } else { Err("`taskset` is needed, of util-linux".to_owned()) }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        pin(&self.0);
    }
}

fn pin(cores: &str) -> bool {
    let own = std::process::id().to_string();
    let set = Command::new("taskset").args(["-cp", cores, &own]).stdout(Stdio::null()).status();
    set.is_ok_and(|status| status.success())
}

/// The results of the calls in one time span.
#[derive(Debug, Default)]
struct Seen {
    good: Vec<Duration>,
    refused: Vec<Duration>,
    late: u32,
    others: Vec<String>,
}

/// With `no_limits`, these settings disable the limit on work. The caller then sends no deadline,
/// because the daemon respects that too.
async fn overload(span: Duration, least: f64, no_limits: Option<&str>) -> Result<String, String> {
    let (setup, requests) = scene(no_limits.unwrap_or_default());
    let _pinned = Pinned::new()?;
    let daemon = JWTD.measured(&setup).await?;
    let mut channels = Vec::new();
    for _ in 0..CONNECTIONS {
        channels.push(daemon.channel().await?);
    }
    let caller = Caller { channels, requests, tells: no_limits.is_none() };
    let peak = caller.closed(Duration::from_secs(3)).await?;
    let second = Duration::from_secs(1);
    caller.open(peak / 2.0, second).await;
    let calm = caller.open(peak / 2.0, second * 2).await;
    let flood = caller.open(peak * 3.0, span).await;
    let memory = daemon.process.usage().memory("VmHWM").unwrap() >> 20;
    caller.open(peak / 2.0, second * 3).await;
    let after = caller.open(peak / 2.0, second * 2).await;

    let rate = |seen: &Seen| seen.good.len() as f64 * f64::from(BATCH) / span.as_secs_f64();
    let share = rate(&flood) / peak;
    let text = format!(
        "peak {peak:.0} tokens/s, goodput {:.0} % of it (p99 {}), {} calls refused after p50 {}, \
         p99 {}, {} late; {memory} MiB; p99 at half load before {}, after {}",
        share * 100.0,
        show(part(&flood.good, 0.99)),
        flood.refused.len(),
        show(part(&flood.refused, 0.5)),
        show(part(&flood.refused, 0.99)),
        flood.late,
        show(part(&calm.good, 0.99)),
        show(part(&after.good, 0.99)),
    );
    let quiet = (part(&calm.good, 0.99) * 3).max(Duration::from_millis(20));
    // 64 MiB in flight, 32 MiB base memory, and 64 KiB for each of 1,024 connections.
    let fine = share >= least
        && flood.others.is_empty()
        && !flood.refused.is_empty()
        && part(&flood.refused, 0.5) <= Duration::from_millis(5)
        && memory < 160
        && part(&after.good, 0.99) <= quiet;
    if fine { Ok(text) } else { Err(format!("{text}; {:?}", flood.others.first())) }
}

fn scene(limits: &str) -> (Setup, Vec<Bytes>) {
    let key = Signer::of(Algorithm::Es512, "k");
    let claims = Claims::of("https://i");
    let token =
        |number: u32| Bytes::from(key.signed(claims.clone().set("sub", format!("{number:0300}"))));
    let requests = (0..16).map(|batch| {
        let tokens = (0..BATCH).map(|number| token(batch * BATCH + number)).collect();
        Bytes::from(VerifyBatchRequest { tokens, ..Default::default() }.encode_to_vec())
    });
    let config = format!(
        "cache: {{ max_bytes: 0 }}\nlimits: {{ {limits} }}\nissuers:\n  i: {{ issuer: https://i, \
         audiences: [a], algorithms: [ES512], keys: {{ jwks_file: jwks.json }} }}\n"
    );
    let files = vec![("jwks.json", set(&[&key]))];
    // One core for the daemon and another for the caller: a caller that offers three times the load
    // needs more CPU than one that offers it once, and must not take it from the daemon.
    let limits = Limits { core: Some(0), descriptors: None };
    (Setup { config, files, limits, ..Setup::default() }, requests.collect())
}

/// A load generator.
struct Caller {
    channels: Vec<Channel>,
    requests: Vec<Bytes>,
    /// True if it sends its deadline.
    tells: bool,
}

impl Caller {
    /// Sends as fast as responses come; returns tokens per second.
    async fn closed(&self, span: Duration) -> Result<f64, String> {
        let (begin, mut tasks) = (Instant::now(), JoinSet::new());
        for number in 0..12 {
            let channel = self.channels[number % self.channels.len()].clone();
            let request = self.requests[number % self.requests.len()].clone();
            let tells = self.tells;
            tasks.spawn(async move {
                let mut done = 0;
                while begin.elapsed() < span {
                    call(channel.clone(), request.clone(), tells).await?;
                    done += 1;
                }
                Ok::<u32, Status>(done)
            });
        }
        let mut done = 0;
        while let Some(one) = tasks.join_next().await {
            done += one.unwrap().map_err(|status| format!("at the peak: {status}"))?;
        }
        Ok(f64::from(done * BATCH) / begin.elapsed().as_secs_f64())
    }

    /// Sends at a fixed rate in tokens per second, whatever the responses are.
    async fn open(&self, rate: f64, span: Duration) -> Seen {
        let (begin, mut tasks, mut sent) = (Instant::now(), JoinSet::new(), 0_u32);
        let mut seen = Seen::default();
        while begin.elapsed() < span {
            let due = begin.elapsed().as_secs_f64() * rate / f64::from(BATCH);
            while f64::from(sent) < due {
                let place = usize::try_from(sent).unwrap();
                let channel = self.channels[place % self.channels.len()].clone();
                let request = self.requests[place % self.requests.len()].clone();
                let tells = self.tells;
                tasks.spawn(async move {
                    let begin = Instant::now();
                    let status = call(channel, request, tells).await.err();
                    (begin.elapsed(), status)
                });
                sent += 1;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            while let Some(one) = tasks.try_join_next() {
                seen.add(one.unwrap());
            }
        }
        while let Some(one) = tasks.join_next().await {
            seen.add(one.unwrap());
        }
        seen
    }
}

impl Seen {
    fn add(&mut self, (took, status): (Duration, Option<Status>)) {
        match status.as_ref().map(Status::code) {
            None if took <= DEADLINE => self.good.push(took),
            None | Some(Code::DeadlineExceeded | Code::Cancelled) => self.late += 1,
            Some(Code::ResourceExhausted) => self.refused.push(took),
            Some(_) => self.others.extend(status.map(|one| one.to_string())),
        }
    }
}

fn part(list: &[Duration], part: f64) -> Duration {
    let mut list = list.to_vec();
    list.sort();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
    let place = (list.len() as f64 * part) as usize;
    list.get(place).copied().unwrap_or_default()
}

async fn call(channel: Channel, request: Bytes, tells: bool) -> Result<(), Status> {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let mut request = Request::new(request);
    if tells {
        request.set_timeout(DEADLINE);
    }
    let path = http::uri::PathAndQuery::from_static("/jwtd.v1.VerifierService/VerifyBatch");
    match timeout(DEADLINE, grpc.unary(request, path, Raw)).await {
        Ok(answer) => answer.map(|_| ()),
        Err(_) => Err(Status::deadline_exceeded("the caller gives up")),
    }
}

/// Messages encoded in advance, and responses that are not decoded, because the caller must be
/// cheap.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = usize;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = usize;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<usize>, Status> {
        let length = buffer.remaining();
        buffer.advance(length);
        Ok(Some(length))
    }
}
