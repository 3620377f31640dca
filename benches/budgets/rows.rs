//! The budgets, one by one.

use crate::Effort;
use crate::bare;
use crate::child::Outcome;
use crate::drive::{self, Caller, Load, Round};
use crate::scene::{self, Cache, Scene};
use crate::table::{Row, Spread};
use jwtd::jose::Algorithm;
use jwtd::pb::View;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Rounds of the daemon, and of what it is measured against, in turns.
type Rounds = Vec<(Round, Round)>;

fn spread(rounds: &Rounds, number: impl Fn(&Round, &Round) -> f64) -> Spread {
    Spread::of(rounds.iter().map(|(ours, other)| number(ours, other)))
}

/// Start and memory, before any work is done.
pub(crate) async fn idle(scene: &Scene, effort: Effort) -> Outcome<Vec<Row>> {
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..effort.starts {
        let start = Instant::now();
        let daemon = scene.daemon(Cache::On).await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(Duration::from_millis(100)).await;
        memory.push(daemon.memory()?);
    }
    let row = |what: &str, spread: Spread, unit, limit: f64| Row {
        what: what.to_owned(),
        measured: spread.show("", unit),
        beside: String::new(),
        ratio: String::new(),
        budget: format!("at most {limit}{unit}"),
        met: Some(spread.middle <= limit),
    };
    Ok(vec![
        row("start to SERVING", Spread::of(times.into_iter()), " ms", 100.0),
        row("memory, idle", Spread::of(memory.into_iter()), " MiB", 32.0),
    ])
}

/// How tokens that were proven before are sent.
#[derive(Clone, Copy)]
pub(crate) enum Hot {
    /// 256 in a call.
    Batch,
    /// One in each message of a stream.
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

/// Tokens that were proven before.
pub(crate) async fn hot(scene: &Scene, hot: Hot, effort: Effort) -> Outcome<Vec<Row>> {
    let daemon = scene.daemon(Cache::On).await?;
    let caller = Caller::connect(&daemon).await?;
    let tokens = scene.tokens(Algorithm::Rs256, 256)?;
    let load = match hot {
        Hot::Batch => scene::batch(&caller, &tokens, View::Claims).await?,
        Hot::Stream => scene::singles(&caller, &tokens, View::Claims).await?,
    };
    let floor = scene.floor(&load).await?;
    let echo = Caller::connect(&floor).await?;
    let load = Arc::new(load);
    let mut rounds = Vec::new();
    for _ in 0..effort.rounds {
        let ours = caller.round(&daemon, &load, effort.hot).await?;
        rounds.push((ours, echo.round(&floor, &load, effort.hot).await?));
    }
    let mut rows = hot_rows(hot.name(), &load, &rounds);
    let memory = daemon.memory()?;
    rows.push(Row {
        what: format!("{}, memory after it", hot.name()),
        measured: format!("{memory:.2} MiB"),
        beside: String::new(),
        ratio: String::new(),
        budget: String::new(),
        met: None,
    });
    Ok(rows)
}

/// What policies and the audit log add to tokens that were proven before, in turns with a
/// profile that has none.
pub(crate) async fn judged(scene: &Scene, effort: Effort) -> Outcome<Vec<Row>> {
    let daemon = scene.daemon(Cache::Judged).await?;
    let audited = scene.daemon(Cache::Audited).await?;
    let (first, other) = (Caller::connect(&daemon).await?, Caller::connect(&audited).await?);
    let tokens = scene.tokens(Algorithm::Rs256, 256)?;
    let load = async |caller, profile| {
        let load = scene::batch_by(caller, &tokens, View::Claims, profile).await;
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
            measured: ours.show("", " us"),
            beside: beside.show("", " us"),
            ratio: more.show("+", " us"),
            budget: String::new(),
            met: None,
        });
    }
    Ok(rows)
}

fn hot_rows(what: &str, load: &Load, rounds: &Rounds) -> Vec<Row> {
    let ours = spread(rounds, |ours, _| ours.cpu);
    let floor = spread(rounds, |_, floor| floor.cpu);
    let ratio = spread(rounds, |ours, floor| ours.cpu / floor.cpu);
    let per_core = |cpu: Spread| format!("{:.0} /s", 1e6 / cpu.middle);
    let million = load.tokens > 1;
    vec![
        Row {
            what: format!("{what}, CPU a token"),
            measured: ours.show("", " us"),
            beside: floor.show("", " us"),
            ratio: ratio.show("", " x"),
            budget: "at most 2.0 x".to_owned(),
            met: Some(ratio.middle <= 2.0),
        },
        Row {
            what: format!("{what}, tokens a core"),
            measured: per_core(ours),
            beside: per_core(floor),
            ratio: String::new(),
            budget: if million { "at least 1000000 /s" } else { "" }.to_owned(),
            met: million.then_some(ours.middle <= 1.0),
        },
    ]
}

/// Tokens that must be proven, beside the bare crypto library.
pub(crate) fn cold(
    scene: &Scene,
    runtime: &Runtime,
    algorithm: Algorithm,
    effort: Effort,
    workers: usize,
) -> Outcome<Vec<Row>> {
    let tokens = scene.tokens(algorithm, 1000)?;
    let check = bare::check(scene.key(algorithm)?);
    let parts: Vec<_> = tokens.iter().map(|token| bare::parts(token)).collect();
    let work = |number: usize| {
        let part = parts.get(number % parts.len());
        part.is_some_and(|(message, signature)| check(message, signature))
    };
    let (daemon, caller, load) = runtime.block_on(async {
        let daemon = scene.daemon(Cache::Off).await?;
        let caller = Caller::connect(&daemon).await?;
        let load = scene::batch(&caller, &tokens, View::Verdict).await?;
        Outcome::Ok((daemon, caller, Arc::new(load)))
    })?;
    let mut rounds = Vec::new();
    for _ in 0..effort.rounds {
        let ours = runtime.block_on(caller.round(&daemon, &load, effort.cold))?;
        rounds.push((ours, drive::bare(workers, effort.cold, work)?));
    }
    Ok(cold_rows(algorithm, &rounds))
}

fn cold_rows(algorithm: Algorithm, rounds: &Rounds) -> Vec<Row> {
    let secret = algorithm == Algorithm::Hs256;
    let rates = spread(rounds, |ours, bare| ours.rate / bare.rate);
    let clocks = spread(rounds, |ours, bare| bare.cpu / ours.cpu);
    let more = spread(rounds, |ours, bare| ours.cpu - bare.cpu);
    let per_second = |rate: Spread| format!("{:.0} /s", rate.middle);
    let rate = Row {
        what: format!("cold {algorithm}, tokens on all cores"),
        measured: per_second(spread(rounds, |ours, _| ours.rate)),
        beside: per_second(spread(rounds, |_, bare| bare.rate)),
        ratio: rates.show("", " x"),
        budget: if secret { "" } else { "at least 0.9 x" }.to_owned(),
        met: (!secret).then_some(rates.middle >= 0.9),
    };
    let (ratio, budget) = if secret {
        (more.show("+", " us"), "at most +2.5 us")
    } else {
        (clocks.show("", " x"), "")
    };
    let cpu = Row {
        what: format!("cold {algorithm}, CPU a token"),
        measured: spread(rounds, |ours, _| ours.cpu).show("", " us"),
        beside: spread(rounds, |_, bare| bare.cpu).show("", " us"),
        ratio,
        budget: budget.to_owned(),
        met: secret.then_some(more.middle <= 2.5),
    };
    vec![rate, cpu]
}
