//! Callers that disconnect during a large batch.

use super::{ISS, job, local};
use crate::Plan;
use crate::client::{Calls as _, JWTD};
use crate::parallel::Job;
use bytes::Bytes;
use jwtd::pb::VerifyBatchRequest;
use jwtd_testkit::measured::{Seen, show};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Instant;
use tokio::time::{sleep, timeout};

pub(super) fn jobs(plan: &Plan) -> Vec<Job> {
    let count = plan.pick(40, 400);
    vec![job(
        &format!("{count} batches of 1,000 cold tokens, each given up at a random moment"),
        "less than 3/4 of their work is done; nothing stays in flight",
        move || given_up(count),
    )]
}

async fn given_up(count: u32) -> Result<Seen, String> {
    // Without the cache, every batch is cold.
    let (setup, signer) = local("cache: { max_bytes: 0 }\ndrain_timeout: 1s\n");
    let daemon = JWTD.measured(&setup).await?;
    let tokens: Vec<Bytes> =
        signer.tokens(ISS, 1000).into_iter().map(|token| token.into_bytes().into()).collect();
    let client = daemon.client().await?;
    let ask = || {
        let (mut client, tokens) = (client.clone(), tokens.clone());
        async move {
            let request = VerifyBatchRequest { tokens, ..Default::default() };
            let answer = client.verify_batch(request).await.map_err(|status| status.to_string())?;
            let good = answer.get_ref().verdicts.iter().filter(|one| one.permit).count();
            if good == 1000 { Ok(()) } else { Err(format!("only {good} of 1000 are good")) }
        }
    };
    ask().await?;
    let (cpu, begin) = (daemon.cpu(), Instant::now());
    for _ in 0..count {
        ask().await?;
    }
    let (whole, latency) = ((daemon.cpu() - cpu) / count, begin.elapsed() / count);
    let random = RandomState::new();
    let cpu = daemon.cpu();
    let mut unanswered = 0;
    for number in 0..count {
        let part = u32::try_from(random.hash_one(number) % 1000).unwrap();
        match timeout(latency * part / 1000, ask()).await {
            Ok(answered) => answered?,
            // The call was dropped, which resets the stream.
            Err(_) => unanswered += 1,
        }
        // Work that continues anyway is counted for this call.
        sleep(latency).await;
    }
    let spent = (daemon.cpu() - cpu) / count;
    for gauge in ["jwtd_in_flight_tokens", "jwtd_in_flight_bytes"] {
        let left = daemon.sum(gauge, "").await?;
        if left > 0 {
            return Err(format!("{gauge} stays at {left}"));
        }
    }
    daemon.until_good(std::str::from_utf8(&tokens[0]).unwrap()).await?;
    let text = format!(
        "{} instead of {} of processor time each; {unanswered} unanswered",
        show(spent),
        show(whole)
    );
    let fits = spent * 4 < whole * 3 && unanswered > count / 2;
    if fits { Ok(text.into()) } else { Err(text) }
}
