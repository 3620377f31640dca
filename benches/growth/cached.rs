//! Growth with the number of cached tokens.

use crate::Effort;
use crate::drive::{BUSY, Caller};
use crate::requests::{self, CLAIMS};
use crate::scene::{BATCH, Issuer, Scene};
use crate::series::{Probe, Series};
use jwtd_core::jose::Algorithm;
use jwtd_testkit::bench::form;
use jwtd_testkit::measured::Outcome;

const COUNTS: [u32; 5] = [1, 1000, 10_000, 100_000, 1_000_000];

/// A cache that holds all tokens.
const ROOMY: &str = "cache: { max_bytes: 4GiB }\n";

/// The least number of tokens requested before the first one is requested again.
const ASKED: usize = 64 * BATCH;

pub(crate) async fn measure(scene: &Scene, effort: Effort) -> Outcome<Series> {
    let mut series = Series::new("remembered tokens");
    let issuers = [Issuer::new(0, Algorithm::Hs256, 1)?];
    let [issuer] = &issuers;
    let forms = issuer.forms(form::LENGTH, scene.now())?;
    let form = forms.first().ok_or("no key")?;
    for count in COUNTS.into_iter().filter(|count| *count <= effort.cached) {
        let (daemon, _) = scene.daemon(&count.to_string(), ROOMY, &issuers).await?;
        let caller = Caller::connect(&daemon, BUSY).await?;
        let numbers = shuffled(usize::try_from(count)?);
        let asked = numbers.len().max(ASKED).div_ceil(BATCH) * BATCH;
        let numbers: Vec<_> = numbers.iter().copied().cycle().take(asked).collect();
        // Generated while they are sent: a second copy of a million tokens would not fit some
        // machines.
        let batches = numbers.chunks(BATCH).map(|batch| {
            let tokens = batch.iter().map(|number| form.token(*number));
            Ok(tokens.collect::<Result<_, _>>()?)
        });
        let load = requests::batches(&caller, batches, CLAIMS).await?;
        series.note_memory("memory", count, &daemon)?;
        let line = "hot, CPU a token";
        series.probe(Probe { line, rate: None, at: count, daemon, caller, load });
    }
    series.take_turns(effort).await?;
    Ok(series)
}

/// The numbers below `count` in a pseudorandom order, the same each time.
fn shuffled(count: usize) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..count).collect();
    // xorshift64 (Marsaglia, 2003).
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for place in (1..count).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let bound = u64::try_from(place + 1).unwrap_or(u64::MAX);
        numbers.swap(place, usize::try_from(state % bound).unwrap_or(0));
    }
    numbers
}
