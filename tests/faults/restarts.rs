//! Restarts under load: callers that retry on UNAVAILABLE must not notice them.

use crate::client::JWTD;
use crate::{Plan, run};
use jwtd::pb::VerifyBatchRequest;
use jwtd::pb::verifier_service_client::VerifierServiceClient;
use jwtd_testkit::launcher::{Folder, Limits, Process};
use jwtd_testkit::measured::{LOG, PATIENCE};
use jwtd_testkit::measured::{Row, show};
use jwtd_testkit::tokens::{Signer, set};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

const NAME: &str = "restarts under load";

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let count = plan.pick(5, 50);
    if !plan.wants(NAME) {
        return Vec::new();
    }
    let expected = "no failed call on either socket by callers that retry UNAVAILABLE";
    vec![Row::new(&format!("{count} {NAME}"), expected, run(restarts(count)))]
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    calls: AtomicU64,
    retries: AtomicU64,
}

async fn restarts(count: u32) -> Result<String, String> {
    let (folder, key) = (Folder::new(), Signer::new("k"));
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr());
    let tcp = free.map_err(|error| error.to_string())?;
    folder.write("jwks.json", set(&[&key]));
    folder.write(
        "jwtd.yaml",
        format!(
            "listen: [{{ unix: d.sock }}, {{ tcp: '{tcp}' }}]\nadmin: off\nissuers:\n  i: {{ issuer: \
             https://i, audiences: [a], algorithms: [EdDSA], keys: {{ jwks_file: jwks.json }} }}\n"
        ),
    );
    let start = || {
        let log = std::fs::File::options().create(true).append(true).open(folder.path(LOG));
        let file = folder.path("jwtd.yaml");
        let mut command = JWTD.serve_command(Limits::default(), "", &file);
        Process::logging_to(&mut command, log.unwrap(), folder.path(LOG))
    };
    let mut daemon = start();
    let shared = Arc::new(Shared::default());
    let tokens = vec![key.token("https://i").into(), key.token("https://other").into()];
    let unix = format!("unix://{}", folder.path("d.sock").display());
    let mut callers = tokio::task::JoinSet::new();
    for target in [unix.clone(), unix, format!("http://{tcp}"), format!("http://{tcp}")] {
        let channel = Endpoint::from_shared(target).unwrap().connect_lazy();
        for _ in 0..4 {
            let request = VerifyBatchRequest { tokens: Vec::clone(&tokens), ..Default::default() };
            callers.spawn(call(channel.clone(), request, Arc::clone(&shared)));
        }
    }
    let mut longest = Duration::ZERO;
    for _ in 0..count {
        tokio::time::sleep(Duration::from_millis(300)).await;
        daemon.signal("TERM");
        let (status, took) = daemon.end_within(PATIENCE).await?;
        longest = longest.max(took);
        daemon = start();
        if !status.success() {
            shared.stop.store(true, Ordering::Relaxed);
            return Err(format!("ended with {status}"));
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    shared.stop.store(true, Ordering::Relaxed);
    let mut faults = Vec::new();
    while let Some(one) = callers.join_next().await {
        faults.extend(one.unwrap().err());
    }
    drop(daemon);
    let calls = shared.calls.load(Ordering::Relaxed);
    let retries = shared.retries.load(Ordering::Relaxed);
    match faults.first() {
        Some(fault) => Err(format!("{} callers failed: {fault}", faults.len())),
        None => {
            Ok(format!("{calls} calls, {retries} retries, exit after {} at most", show(longest)))
        }
    }
}

/// Makes one call after the other, and retries while the daemon is UNAVAILABLE.
async fn call(
    channel: Channel,
    request: VerifyBatchRequest,
    shared: Arc<Shared>,
) -> Result<(), String> {
    let mut client = VerifierServiceClient::new(channel);
    while !shared.stop.load(Ordering::Relaxed) {
        let (begin, mut pause) = (Instant::now(), Duration::from_millis(10));
        let answer = loop {
            match client.verify_batch(request.clone()).await {
                Err(status) if is_unavailable(&status) && begin.elapsed() < PATIENCE => {
                    shared.retries.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_millis(200));
                }
                Err(status) => return Err(format!("{status:?}")),
                Ok(answer) => break answer.into_inner(),
            }
        };
        let permits: Vec<_> = answer.verdicts.iter().map(|one| one.permit).collect();
        if permits != [true, false] {
            return Err(format!("wrong verdicts: {:?}", answer.verdicts));
        }
        shared.calls.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Returns true if the connection failed, not the call. tonic uses several codes for that, where
/// clients in other languages use `Unavailable`.
fn is_unavailable(status: &Status) -> bool {
    let cause = std::error::Error::source(status);
    let connection = cause.is_some_and(|cause| cause.is::<tonic::transport::Error>());
    connection || status.code() == Code::Unavailable
}
