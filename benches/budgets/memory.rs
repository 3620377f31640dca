//! Peak memory while many callers send at once.

use crate::Effort;
use crate::crowd::{self, Kind, Tally};
use crate::drive::{Caller, Load, Width};
use crate::requests::{self, CLAIMS, Question, VERDICTS};
use crate::scene::{self, HOT, Scene};
use crate::table::{Limit, Row};
use jwtd_core::jose::Algorithm;
use jwtd_core::verify::Reason;
use jwtd_testkit::bench::Figure;
use jwtd_testkit::measured::Outcome;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The limits of the daemon; sizes in MiB. They are small, so that unlimited memory stands out.
const CACHE: u32 = 16;
const IN_FLIGHT: u32 = 8;
const ALLOWED: u32 = 256;

/// The number of connections that send.
const CONNECTIONS: usize = 200;

/// Four times as many tokens as the cache holds.
const TOKENS: usize = 40_000;

/// Measures the peak resident memory since the start.
pub(crate) async fn rows(scene: &Scene, effort: Effort) -> Outcome<Vec<Row>> {
    let settings = format!(
        "cache: {{ max_bytes: {CACHE}MiB }}\nlimits: {{ in_flight_bytes: {IN_FLIGHT}MiB, connections: {ALLOWED} }}\n"
    );
    let daemon = scene.daemon(scene::Kind { name: "memory", settings: &settings, ..HOT }).await?;
    let caller = Caller::connect(&daemon, Width { connections: 1, calls: 1 }).await?;
    let hot = scene.tokens(Algorithm::Rs256, 256)?;
    let cold = scene.tokens(Algorithm::Hs256, TOKENS)?;
    let slow = scene.expired(Algorithm::Rs256, 100)?;
    let thousands = cold.chunks(1000).map(|some| Ok(some.to_vec()));
    let expired = Question { reason: Reason::Expired, ..VERDICTS };
    // Each token is sent once here, which fills the cache.
    let loads: [(Kind, Load); 5] = [
        (Kind::HotBatch, requests::batch(&caller, &hot, CLAIMS).await?),
        (Kind::HotStream, scene::singles(&caller, &hot, CLAIMS).await?),
        (Kind::ColdBatch, requests::batches(&caller, thousands, CLAIMS).await?),
        (Kind::ColdStream, scene::singles(&caller, &cold, CLAIMS).await?),
        (Kind::SlowBatch, requests::batch(&caller, &slow, expired).await?),
    ];
    let loads = loads.map(|(kind, load)| (kind, Arc::new(load)));
    let tally = crowd::press(&daemon, &loads, CONNECTIONS, effort.memory).await?;
    if tally.values().all(|tally| tally.answered == 0) {
        return Err("nobody was answered".into());
    }
    let most = daemon.memory("VmHWM")?;
    let bound = f64::from(CACHE + IN_FLIGHT + 32 + ALLOWED / 16);
    let what = format!("memory, {CONNECTIONS} connections under load");
    Ok(vec![
        Row {
            what: what.clone(),
            measured: Some(Figure::one(most, " MiB")),
            budget: Limit::AtMost(bound, " MiB").of(most),
            ..Row::default()
        },
        counted(format!("{what}, batches"), &tally, Kind::is_batch),
        counted(format!("{what}, messages of streams"), &tally, |kind| !kind.is_batch()),
    ])
}

/// The number of served tokens: a daemon that refuses everything needs no memory.
fn counted(what: String, tally: &BTreeMap<Kind, Tally>, which: impl Fn(Kind) -> bool) -> Row {
    let some: Vec<_> = tally.iter().filter(|(kind, _)| which(**kind)).collect();
    let sum = |part: fn(&Tally) -> u64| some.iter().map(|(_, tally)| part(tally)).sum::<u64>();
    let (answered, refused) = (sum(|tally| tally.answered), sum(|tally| tally.refused));
    #[expect(clippy::cast_precision_loss, reason = "counts of seconds of load")]
    let figure = |count: u64, unit| Some(Figure::one(count as f64, unit));
    Row {
        what,
        measured: figure(answered, " answered"),
        beside: figure(refused, " refused"),
        ..Row::default()
    }
}
