//! Growth with the number of keys of one issuer, and with the number of issuers with full sets.

use crate::Effort;
use crate::pair;
use crate::scene::{BATCH, Issuer, Scene};
use crate::series::Series;
use jwtd_core::jose::Algorithm;
use jwtd_core::jose::limits::JWKS_KEYS;
use jwtd_testkit::bench::form;
use jwtd_testkit::measured::Outcome;

pub(crate) async fn measure(scene: &Scene, effort: Effort) -> Outcome<Series> {
    let mut series = Series::new("keys");
    // The daemon skips further keys of an issuer.
    let full = JWKS_KEYS;
    for (issuers, keys) in [(1, 1), (1, 3), (1, 10), (1, 30), (1, full), (10, full), (100, full)] {
        let count = u32::try_from(issuers * keys)?;
        // HS256 is verified so cheaply that the key lookup is visible beside it.
        let issuers = (0..issuers).map(|one| Issuer::new(one, Algorithm::Hs256, keys));
        let issuers: Vec<_> = issuers.collect::<Outcome<_>>()?;
        let batches = scene.batches(&issuers, form::LENGTH, 1, BATCH)?;
        pair::hot_and_cold(&mut series, scene, count, &issuers, &batches).await?;
    }
    series.take_turns(effort).await?;
    Ok(series)
}
