//! Calls to the daemon, as a service in Rust would make them.

use crate::Outcome;
use crate::span::{self, Tally};
use bytes::Bytes;
use futures_util::StreamExt as _;
use jwtd::client::Client;
use jwtd::pb::verify_stream_response::Result as Answer;
use jwtd::pb::{Verdict, VerifyOptions, VerifyStreamRequest, View};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const UNARY_CALLS: usize = 16;
const BATCH_CALLS: usize = 4;
const BATCH_TOKENS: usize = 256;

/// The unanswered messages on a stream, and the number of responses after which as many messages
/// follow: a service writes what has accumulated.
const WINDOW: usize = 256;
const BURST: usize = 32;

/// Verifies the tokens with the daemon at `target`, over one connection.
pub(crate) fn run(target: &str, way: &str, tokens: &[String], seconds: f64) -> Outcome<()> {
    let tokens: Arc<[Bytes]> =
        tokens.iter().map(|one| Bytes::copy_from_slice(one.as_bytes())).collect();
    let tally = Arc::new(Tally::default());
    let runtime = tokio::runtime::Runtime::new()?;
    // Converts gRPC's form of the address to jwtd's.
    let address = target.replacen("unix:/", "unix:///", 1).parse()?;
    let mut calls = runtime.block_on(async {
        let client = Client::connect(&address).await?;
        let mut calls = JoinSet::new();
        match way {
            "unary" => (0..UNARY_CALLS).for_each(|first| {
                calls.spawn(unary(client.clone(), Arc::clone(&tokens), first, Arc::clone(&tally)));
            }),
            "batch" => (0..BATCH_CALLS).for_each(|_| {
                calls.spawn(batches(client.clone(), Arc::clone(&tokens), Arc::clone(&tally)));
            }),
            "stream" => {
                calls.spawn(stream(client, Arc::clone(&tokens), Arc::clone(&tally)));
            }
            other => return Err(format!("there is no way {other:?}").into()),
        }
        Outcome::Ok(calls)
    })?;
    // A call ends only if it fails.
    runtime.spawn(async move {
        let ended = calls.join_next().await;
        eprintln!("peer: {ended:?}");
        std::process::exit(1);
    });
    let measured = span::measure("tonic", way, &tally, seconds);
    std::process::exit(i32::from(measured.is_err()));
}

fn options() -> VerifyOptions {
    VerifyOptions { view: View::Claims.into(), ..Default::default() }
}

/// Reads a verdict as a service does, with the claims as an object.
fn look(verdict: &Verdict) -> Outcome<()> {
    if !verdict.permit {
        return Err(format!("refused: {verdict:?}").into());
    }
    serde_json::from_slice::<Value>(&verdict.claims_json)?;
    Ok(())
}

/// Sends one token after the other; the neighboring tasks send those between.
async fn unary(
    mut client: Client,
    tokens: Arc<[Bytes]>,
    first: usize,
    tally: Arc<Tally>,
) -> Outcome<()> {
    for token in tokens.iter().cycle().skip(first).step_by(UNARY_CALLS) {
        look(&client.verify(token.clone(), options()).await?)?;
        tally.add(1);
    }
    Ok(())
}

async fn batches(mut client: Client, tokens: Arc<[Bytes]>, tally: Arc<Tally>) -> Outcome<()> {
    let batch: Vec<_> = tokens.iter().cycle().take(BATCH_TOKENS).cloned().collect();
    loop {
        let verdicts = client.verify_batch(batch.clone(), Vec::new(), options()).await?;
        if verdicts.len() != batch.len() {
            return Err("verdicts are missing".into());
        }
        verdicts.iter().try_for_each(look)?;
        tally.add(verdicts.len());
    }
}

async fn stream(mut client: Client, tokens: Arc<[Bytes]>, tally: Arc<Tally>) -> Outcome<()> {
    let window = Arc::new(Semaphore::new(WINDOW));
    let free = Arc::clone(&window);
    let messages = futures_util::stream::unfold(0_u64, move |id| {
        let (tokens, free) = (Arc::clone(&tokens), Arc::clone(&free));
        async move {
            free.acquire().await.ok()?.forget();
            let place = usize::try_from(id).unwrap_or_default() % tokens.len();
            let token = tokens.get(place)?.clone();
            let options = Some(options());
            let message =
                VerifyStreamRequest { id, tokens: vec![token], options, ..Default::default() };
            Some((message, id + 1))
        }
    });
    let mut answers = client.verify_stream(messages).await?;
    let mut answered = 0;
    while let Some(answer) = answers.next().await {
        match answer?.result {
            Some(Answer::Verdicts(all)) => all.verdicts.iter().try_for_each(look)?,
            other => return Err(format!("no verdicts: {other:?}").into()),
        }
        tally.add(1);
        answered += 1;
        if answered % BURST == 0 {
            window.add_permits(BURST);
        }
    }
    Err("the stream ended".into())
}
