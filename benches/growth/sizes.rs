//! Growth with the size of tokens.

use crate::Effort;
use crate::drive::{BUSY, Caller};
use crate::requests::{self, CLAIMS, VERDICTS};
use crate::scene::{COLD, Issuer, Scene};
use crate::series::{Probe, Series};
use jwtd_core::jose::Algorithm;
use jwtd_testkit::measured::Outcome;

/// Sizes up to nearly the default of `limits.token_bytes`.
const SIZES: [u32; 6] = [300, 700, 1500, 4000, 8000, 16_000];

/// A batch of 256 of the longest tokens would not fit a message.
const BATCH: usize = 64;
const BATCHES: usize = 4;

pub(crate) async fn measure(scene: &Scene, effort: Effort) -> Outcome<Series> {
    let mut series = Series::new("bytes of a token");
    let issuers = [Issuer::new(0, Algorithm::Rs256, 1)?, Issuer::new(1, Algorithm::Hs256, 1)?];
    let [rsa, hmac] = &issuers;
    let (hot, _) = scene.daemon("hot", "", &issuers).await?;
    let (cold, _) = scene.daemon("cold", COLD, &issuers).await?;
    for (daemon, line, issuer, question) in [
        (&hot, "hot RS256, CPU a token", rsa, CLAIMS),
        (&cold, "cold RS256, CPU a token", rsa, VERDICTS),
        (&hot, "hot HS256, CPU a token", hmac, CLAIMS),
        (&cold, "cold HS256, CPU a token", hmac, VERDICTS),
    ] {
        let caller = Caller::connect(daemon, BUSY).await?;
        for size in SIZES {
            let length = usize::try_from(size)?;
            let some = std::slice::from_ref(issuer);
            let batches = scene.batches(some, length, BATCHES, BATCH)?;
            let longest = batches.iter().flatten().map(String::len).max();
            if longest > Some(length) {
                // The signature of RS256 alone has 342 characters.
                continue;
            }
            let batches = batches.into_iter().map(Ok);
            let load = requests::batches(&caller, batches, question).await?;
            let (daemon, caller) = (daemon.clone(), caller.clone());
            series.probe(Probe { line, rate: None, at: size, daemon, caller, load });
        }
    }
    series.take_turns(effort).await?;
    Ok(series)
}
