//! Measures the budgets, one by one.

use crate::Effort;
use crate::drive::{BUSY, Caller, Round, Width};
use crate::requests::{self, CLAIMS, Question, VERDICTS};
use crate::scene::{self, Floor, Scene};
use crate::spin;
use crate::table::{Limit, Row};
use jwtd_core::jose::Algorithm;
use jwtd_testkit::bench::Figure;
use jwtd_testkit::bench::Spread;
use jwtd_testkit::bench::bare;
use jwtd_testkit::measured::Outcome;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Alternating rounds of the daemon and of its baseline.
type Rounds = Vec<(Round, Round)>;

fn spread(rounds: &Rounds, number: impl Fn(&Round, &Round) -> f64) -> Spread {
    Spread::of(rounds.iter().map(|(ours, other)| number(ours, other)))
}

/// Start time and memory, before any work is done.
pub(crate) async fn idle(scene: &Scene, effort: Effort) -> Outcome<Vec<Row>> {
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..effort.starts {
        let start = Instant::now();
        let daemon = scene.daemon(scene::HOT).await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(Duration::from_millis(100)).await;
        memory.push(daemon.memory("VmRSS")?);
    }
    let row = |what: &str, spread: Spread, unit, most| Row {
        what: what.to_owned(),
        measured: Some(Figure::new(spread, unit)),
        budget: Limit::AtMost(most, unit).of(spread.middle),
        ..Row::default()
    };
    let (times, memory) = (Spread::of(times.into_iter()), Spread::of(memory.into_iter()));
    Ok(vec![
        row("start to SERVING", times, " ms", 100.0),
        row("memory, idle", memory, " MiB", 32.0),
    ])
}

/// The call type for cached tokens.
#[derive(Clone, Copy)]
pub(crate) enum Hot {
    /// 256 tokens in one call.
    Batch,
    /// One token in each message of a stream.
    Stream,
}

impl Hot {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Batch => "hot batch of 256",
            Self::Stream => "hot stream",
        }
    }
}

/// Cached tokens.
pub(crate) async fn hot(scene: &Scene, hot: Hot, effort: Effort) -> Outcome<Vec<Row>> {
    let daemon = scene.daemon(scene::HOT).await?;
    let caller = Caller::connect(&daemon, BUSY).await?;
    let tokens = scene.tokens(Algorithm::Rs256, 256)?;
    let load = match hot {
        Hot::Batch => requests::batch(&caller, &tokens, CLAIMS).await?,
        Hot::Stream => scene::singles(&caller, &tokens, CLAIMS).await?,
    };
    let floor = scene.floor(Floor::Echo, &load).await?;
    let echo = Caller::connect(&floor, BUSY).await?;
    let load = Arc::new(load);
    let mut rounds = Vec::new();
    for _ in 0..effort.rounds {
        let ours = caller.round(&daemon, &load, effort.hot).await?;
        rounds.push((ours, echo.round(&floor, &load, effort.hot).await?));
    }
    let mut rows = hot_rows(hot, &rounds);
    let memory = daemon.memory("VmRSS")?;
    rows.push(Row {
        what: format!("{}, memory after it", hot.name()),
        measured: Some(Figure::one(memory, " MiB")),
        ..Row::default()
    });
    Ok(rows)
}

/// One cached token per unary call, over one connection.
pub(crate) async fn unary(scene: &Scene, effort: Effort) -> Outcome<Vec<Row>> {
    let daemon = scene.daemon(scene::HOT).await?;
    let tokens = scene.tokens(Algorithm::Rs256, 256)?;
    let first = Caller::connect(&daemon, Width { connections: 1, calls: 1 }).await?;
    let load = requests::unary(&first, &tokens, CLAIMS).await?;
    let floor = scene.floor(Floor::Bare, &load).await?;
    let load = Arc::new(load);
    let mut rows = Vec::new();
    for calls in [1, 16, 64] {
        let width = Width { connections: 1, calls };
        let caller = Caller::connect(&daemon, width).await?;
        let bare = Caller::connect(&floor, width).await?;
        let mut rounds = Vec::new();
        for _ in 0..effort.rounds {
            let ours = caller.round(&daemon, &load, effort.hot).await?;
            rounds.push((ours, bare.round(&floor, &load, effort.hot).await?));
        }
        let ours = spread(&rounds, |ours, _| ours.cpu);
        let beside = spread(&rounds, |_, bare| bare.cpu);
        let ratio = spread(&rounds, |ours, bare| ours.cpu / bare.cpu);
        let what = if calls == 1 { "alone".to_owned() } else { format!("{calls} in flight") };
        rows.push(Row {
            what: format!("unary, {what}, CPU a token"),
            measured: Some(Figure::new(ours, " us")),
            beside: Some(Figure::new(beside, " us")),
            ratio: Some(Figure::new(ratio, " x")),
            budget: Limit::AtMost(1.5, " x").of(ratio.middle),
            ..Row::default()
        });
    }
    Ok(rows)
}

/// The cost that policies and the audit log add to cached tokens, measured alternately with a
/// profile that has none.
pub(crate) async fn judged(scene: &Scene, effort: Effort) -> Outcome<Vec<Row>> {
    let daemon = scene.daemon(scene::JUDGED).await?;
    let audited = scene.daemon(scene::AUDITED).await?;
    let (first, other) =
        (Caller::connect(&daemon, BUSY).await?, Caller::connect(&audited, BUSY).await?);
    let tokens = scene.tokens(Algorithm::Rs256, 256)?;
    let load = async |caller, profile| {
        let load = requests::batch(caller, &tokens, Question { profile, ..CLAIMS }).await;
        load.map(Arc::new)
    };
    let plain = load(&first, "default").await?;
    let mut rows = Vec::new();
    for (what, caller, server, profile) in [
        ("three scopes", &first, &daemon, "scopes"),
        ("three scopes and a rule", &first, &daemon, "rule"),
        ("an audit log of every 100th", &other, &audited, "default"),
    ] {
        let load = load(caller, profile).await?;
        let mut rounds = Vec::new();
        for _ in 0..effort.rounds {
            let ours = caller.round(server, &load, effort.hot).await?;
            rounds.push((ours, first.round(&daemon, &plain, effort.hot).await?));
        }
        let ours = spread(&rounds, |ours, _| ours.cpu);
        let beside = spread(&rounds, |_, plain| plain.cpu);
        let more = spread(&rounds, |ours, plain| ours.cpu - plain.cpu);
        rows.push(Row {
            what: format!("hot batch of 256, {what}"),
            measured: Some(Figure::new(ours, " us")),
            beside: Some(Figure::new(beside, " us")),
            ratio: Some(Figure::difference(more, " us")),
            ..Row::default()
        });
    }
    Ok(rows)
}

fn hot_rows(hot: Hot, rounds: &Rounds) -> Vec<Row> {
    let ours = spread(rounds, |ours, _| ours.cpu);
    let floor = spread(rounds, |_, floor| floor.cpu);
    let ratio = spread(rounds, |ours, floor| ours.cpu / floor.cpu);
    let per_core = |cpu: Spread| Figure::one(1e6 / cpu.middle, " /s");
    let rate = match hot {
        Hot::Batch => Limit::AtLeast(1e6, " /s").of(1e6 / ours.middle),
        Hot::Stream => None,
    };
    vec![
        Row {
            what: format!("{}, CPU a token", hot.name()),
            measured: Some(Figure::new(ours, " us")),
            beside: Some(Figure::new(floor, " us")),
            ratio: Some(Figure::new(ratio, " x")),
            budget: Limit::AtMost(2.0, " x").of(ratio.middle),
            ..Row::default()
        },
        Row {
            what: format!("{}, tokens a core", hot.name()),
            measured: Some(per_core(ours)),
            beside: Some(per_core(floor)),
            budget: rate,
            ..Row::default()
        },
    ]
}

/// Uncached tokens, compared with direct calls of the crypto library.
pub(crate) fn cold(
    scene: &Scene,
    runtime: &Runtime,
    algorithm: Algorithm,
    effort: Effort,
) -> Outcome<Vec<Row>> {
    let tokens = scene.tokens(algorithm, 1000)?;
    let parts: Vec<_> = tokens.iter().map(|token| bare::parts(token)).collect();
    let spin = |check: &bare::Check| {
        let work = |number: usize| {
            let part = parts.get(number % parts.len());
            part.is_some_and(|(message, signature)| check(message, signature))
        };
        spin::bare(jwtd::app::workers(None), effort.cold, work)
    };
    let key = scene.key(algorithm)?;
    let (ring, used) = (bare::ring(key), bare::used(key));
    let (daemon, caller, load) = runtime.block_on(async {
        let daemon = scene.daemon(scene::COLD).await?;
        let caller = Caller::connect(&daemon, BUSY).await?;
        let load = requests::batch(&caller, &tokens, VERDICTS).await?;
        Outcome::Ok((daemon, caller, Arc::new(load)))
    })?;
    let (mut beside_ring, mut beside_used) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        let ours = runtime.block_on(caller.round(&daemon, &load, effort.cold))?;
        beside_ring.push((ours, spin(&ring)?));
        if by_aws_lc(algorithm) {
            beside_used.push((ours, spin(&used)?));
        }
    }
    let mut rows = cold_rows(algorithm, "", &beside_ring);
    if by_aws_lc(algorithm) {
        rows.extend(cold_rows(algorithm, ", beside aws-lc", &beside_used));
    }
    Ok(rows)
}

/// Returns true for algorithms that jwtd checks with aws-lc although ring has them too: the budget
/// is compared with both.
fn by_aws_lc(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::Rs256 | Algorithm::EdDsa)
}

fn cold_rows(algorithm: Algorithm, beside: &str, rounds: &Rounds) -> Vec<Row> {
    let secret = algorithm == Algorithm::Hs256;
    let rates = spread(rounds, |ours, bare| ours.rate / bare.rate);
    let clocks = spread(rounds, |ours, bare| bare.cpu / ours.cpu);
    let more = spread(rounds, |ours, bare| ours.cpu - bare.cpu);
    let per_second = |rate: Spread| Some(Figure::new(rate, " /s"));
    let rate = Row {
        what: format!("cold {algorithm}, tokens on all cores{beside}"),
        measured: per_second(spread(rounds, |ours, _| ours.rate)),
        beside: per_second(spread(rounds, |_, bare| bare.rate)),
        ratio: Some(Figure::new(rates, " x")),
        budget: if secret { None } else { Limit::AtLeast(0.9, " x").of(rates.middle) },
        ..Row::default()
    };
    let cpu = Row {
        what: format!("cold {algorithm}, CPU a token{beside}"),
        measured: Some(Figure::new(spread(rounds, |ours, _| ours.cpu), " us")),
        beside: Some(Figure::new(spread(rounds, |_, bare| bare.cpu), " us")),
        ratio: Some(if secret {
            Figure::difference(more, " us")
        } else {
            Figure::new(clocks, " x")
        }),
        budget: if secret { Limit::AtMost(2.0, " us more").of(more.middle) } else { None },
        ..Row::default()
    };
    vec![rate, cpu]
}
