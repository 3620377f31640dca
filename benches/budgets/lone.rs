//! A caller with one cached token, while other callers keep all cores busy.

use crate::Effort;
use crate::cores;
use crate::drive::{BUSY, Caller, Load, Width};
use crate::raw::Raw;
use crate::requests::{self, CLAIMS, Question, UNARY, VERDICTS};
use crate::scene::{HOT, Kind, Scene};
use crate::table::{Limit, Row};
use bytes::Bytes;
use hdrhistogram::Histogram;
use http::uri::PathAndQuery;
use jwtd_core::jose::Algorithm;
use jwtd_core::verify::Reason;
use jwtd_testkit::bench::Figure;
use jwtd_testkit::bench::Spread;
use jwtd_testkit::measured::{Outcome, Server};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tonic::Request;
use tonic::client::Grpc;
use tonic::transport::Endpoint;

/// The interval between calls, whether the last one was answered or not. A caller that waited for
/// the last response would not send while the daemon is slowest, and would send just when it has
/// turned to this connection; real calls come at any time. So few calls use one fiftieth of a core.
const EVERY: Duration = Duration::from_millis(2);

/// The other callers are busy for this long before the first call and after the last.
const MARGIN: Duration = Duration::from_millis(300);

/// No caller is refused: on a slow machine the batches in flight may take seconds.
const PATIENT: &str = "limits: { queue_delay: 60s, call_timeout: 60s }\n";

/// Measures both ways to share the cores, alternately.
pub(crate) fn rows(scene: &Scene, runtime: &Runtime, effort: Effort) -> Outcome<Vec<Row>> {
    let kind = Kind { name: "lone", settings: PATIENT, ..HOT };
    let mut rows = measure("lone token, callers on the same cores", scene, runtime, effort, kind)?;
    let what = "lone token, callers pinned apart";
    match cores::apart()? {
        Err(skipped) => {
            rows.push(Row { what: what.to_owned(), skipped: Some(skipped), ..Row::default() })
        }
        Ok(apart) => {
            let pinned = apart.pin_callers()?;
            let kind = Kind { name: "apart", core: Some(apart.daemon), ..kind };
            rows.extend(measure(what, scene, runtime, effort, kind)?);
            drop(pinned);
        }
    }
    Ok(rows)
}

fn measure(
    what: &str,
    scene: &Scene,
    runtime: &Runtime,
    effort: Effort,
    kind: Kind<'_>,
) -> Outcome<Vec<Row>> {
    let (daemon, others, cold, lone) = runtime.block_on(async {
        let daemon = scene.daemon(kind).await?;
        let others = Caller::connect(&daemon, BUSY).await?;
        // An expired token is verified like any other, and never cached.
        let tokens = scene.expired(Algorithm::Rs256, 1000)?;
        let expired = Question { reason: Reason::Expired, ..VERDICTS };
        let cold = requests::batch(&others, &tokens, expired).await?;
        let own = Caller::connect(&daemon, Width { connections: 1, calls: 1 }).await?;
        let tokens = scene.tokens(Algorithm::Rs256, 1)?;
        let lone = requests::unary(&own, &tokens, CLAIMS).await?;
        Outcome::Ok((daemon, others, Arc::new(cold), lone))
    })?;
    let mut rounds = Vec::new();
    let (mut used, mut elapsed) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..effort.rounds {
        let idle = watch(&daemon, &lone, effort.lone)?;
        let (before, start) = (daemon.cpu()?, Instant::now());
        let busy = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| watch(&daemon, &lone, effort.lone));
            runtime.block_on(others.drive(&cold, effort.lone + 2 * MARGIN))?;
            watcher.join().map_err(|_| "the lone caller panicked")?
        })?;
        used += daemon.cpu()?.saturating_sub(before);
        elapsed += start.elapsed();
        rounds.push((busy, idle));
    }
    let of = |number: fn(&Latency, &Latency) -> f64| {
        Spread::of(rounds.iter().map(|(busy, idle)| number(busy, idle)))
    };
    let us = |spread: Spread| Some(Figure::new(spread, " us"));
    let ratio = of(|busy, idle| busy.p99 / idle.p99);
    Ok(vec![
        Row {
            what: format!("{what}, p99"),
            measured: us(of(|busy, _| busy.p99)),
            beside: us(of(|_, idle| idle.p99)),
            ratio: Some(Figure::new(ratio, " x")),
            budget: Limit::AtMost(5.0, " x").of(ratio.middle),
            ..Row::default()
        },
        Row {
            what: format!("{what}, p50"),
            measured: us(of(|busy, _| busy.p50)),
            beside: us(of(|_, idle| idle.p50)),
            ..Row::default()
        },
        Row {
            what: format!("{what}, cores that the daemon used"),
            measured: Some(Figure::one(used.as_secs_f64() / elapsed.as_secs_f64(), "")),
            ..Row::default()
        },
    ])
}

/// Latencies, in microseconds.
struct Latency {
    p50: f64,
    p99: f64,
}

/// Measures on a separate thread, which shares only the cores with the other callers.
fn watch(daemon: &Server, load: &Load, span: Duration) -> Outcome<Latency> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let histogram = runtime.block_on(async {
        let target = format!("unix://{}", daemon.socket().display());
        let grpc = Grpc::new(Endpoint::from_shared(target)?.connect().await?);
        let (request, reply) = (load.requests.first().ok_or("no request")?, &load.reply);
        let call = || call(grpc.clone(), request.clone(), reply.clone());
        let end = Instant::now() + MARGIN;
        while Instant::now() < end {
            call().await?;
        }
        let mut ticks = tokio::time::interval(EVERY);
        let (mut calls, end) = (tokio::task::JoinSet::new(), Instant::now() + span);
        while Instant::now() < end {
            ticks.tick().await;
            calls.spawn(call());
        }
        let mut histogram = Histogram::<u64>::new(3)?;
        while let Some(took) = calls.join_next().await {
            histogram.record(u64::try_from(took??.as_nanos())?)?;
        }
        Outcome::Ok(histogram)
    })?;
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a call")]
    let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
    Ok(Latency { p50: at(0.5), p99: at(0.99) })
}

/// Measures the latency from the time of sending, so that only the response waits for a core of the
/// caller.
async fn call(
    mut grpc: Grpc<tonic::transport::Channel>,
    request: Bytes,
    reply: Bytes,
) -> Outcome<Duration> {
    let start = Instant::now();
    grpc.ready().await?;
    let answer = grpc.unary(Request::new(request), PathAndQuery::from_static(UNARY), Raw).await?;
    let took = start.elapsed();
    let same = answer.into_inner() == reply;
    same.then_some(took).ok_or_else(|| "an answer is not what it was before".into())
}
