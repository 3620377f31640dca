//! Growth with the number of issuers, each with a file of one key.

use crate::Effort;
use crate::pair;
use crate::scene::{BATCH, Issuer, Scene};
use crate::series::Series;
use jwtd_core::jose::Algorithm;
use jwtd_testkit::bench::form;
use jwtd_testkit::measured::Outcome;

const COUNTS: [u32; 4] = [1, 10, 100, 1000];

/// The number of batches, so that each issuer has tokens in them.
const BATCHES: usize = 4;

pub(crate) async fn measure(scene: &Scene, effort: Effort) -> Outcome<Series> {
    let mut series = Series::new("issuers");
    for count in COUNTS {
        // HS256 is verified so cheaply that the issuer lookup is visible beside it.
        let issuers = (0..usize::try_from(count)?).map(|one| Issuer::new(one, Algorithm::Hs256, 1));
        let issuers: Vec<_> = issuers.collect::<Outcome<_>>()?;
        let batches = scene.batches(&issuers, form::LENGTH, BATCHES, BATCH)?;
        let started = pair::hot_and_cold(&mut series, scene, count, &issuers, &batches).await?;
        let started = std::iter::once(started.as_secs_f64() * 1e3);
        series.note("start to SERVING", " ms", count, started);
    }
    series.take_turns(effort).await?;
    Ok(series)
}
