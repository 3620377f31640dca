//! Two daemons for one point of a series: one that caches tokens, and one that does not.

use crate::drive::{BUSY, Caller};
use crate::requests::{self, CLAIMS, VERDICTS};
use crate::scene::{COLD, Issuer, Scene};
use crate::series::{Probe, Series};
use jwtd_testkit::measured::Outcome;
use std::time::Duration;

/// Adds both to `series`, with their memory before the first call; returns the start-up time of the
/// second one.
pub(crate) async fn hot_and_cold(
    series: &mut Series,
    scene: &Scene,
    at: u32,
    issuers: &[Issuer],
    batches: &[Vec<String>],
) -> Outcome<Duration> {
    let mut took = Duration::ZERO;
    for (line, settings, question) in
        [("hot, CPU a token", "", CLAIMS), ("cold, CPU a token", COLD, VERDICTS)]
    {
        let name = format!("{at}-{}", settings.len());
        let (daemon, started) = scene.daemon(&name, settings, issuers).await?;
        if settings == COLD {
            took = started;
            series.note_memory("memory before the first call", at, &daemon)?;
        }
        let caller = Caller::connect(&daemon, BUSY).await?;
        let all = batches.iter().map(|batch| Ok(batch.clone()));
        let load = requests::batches(&caller, all, question).await?;
        series.probe(Probe { line, rate: None, at, daemon, caller, load });
    }
    Ok(took)
}
