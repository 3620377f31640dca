//! Growth with the number of connections: with 8 batches of 256 in flight over all of them, and
//! with a unary call of one token on each.

use crate::Effort;
use crate::drive::{BUSY, Caller, Width};
use crate::requests::{self, CLAIMS};
use crate::scene::{BATCH, Issuer, Scene};
use crate::series::{Probe, Series};
use jwtd_core::jose::Algorithm;
use jwtd_testkit::bench::form;
use jwtd_testkit::measured::Outcome;

/// The default of `limits.connections` is a little more than the last.
const COUNTS: [u32; 4] = [1, 10, 100, 1000];

pub(crate) async fn measure(scene: &Scene, effort: Effort) -> Outcome<Series> {
    let mut series = Series::new("connections");
    let issuers = [Issuer::new(0, Algorithm::Hs256, 1)?];
    let batches = scene.batches(&issuers, form::LENGTH, 1, BATCH)?;
    let mut daemons = Vec::new();
    for count in COUNTS {
        let (daemon, _) = scene.daemon(&count.to_string(), "", &issuers).await?;
        let connections = usize::try_from(count)?;
        // The same number of calls in flight for any number of connections.
        let caller = Caller::connect(&daemon, Width { connections, ..BUSY }).await?;
        series.note_memory("memory, connected", count, &daemon)?;
        let each = Caller { calls: connections, ..caller.clone() };
        let tokens = batches.first().ok_or("no batch")?;
        let load = requests::batch(&caller, tokens, CLAIMS).await?;
        let line = "batches, CPU a token";
        series.probe(Probe { line, rate: None, at: count, daemon: daemon.clone(), caller, load });
        let load = requests::unary(&each, tokens, CLAIMS).await?;
        let line = "one call each, CPU a token";
        let rate = Some("one call each, tokens a second");
        series.probe(Probe { line, rate, at: count, daemon: daemon.clone(), caller: each, load });
        daemons.push((count, daemon));
    }
    series.take_turns(effort).await?;
    for (count, daemon) in daemons {
        series.note_memory("memory after the calls", count, &daemon)?;
    }
    Ok(series)
}
