//! A flood of tokens with unknown key IDs.

use crate::Plan;
use crate::client::{Calls as _, JWTD};
use crate::good::{GoodCaller, Latencies};
use crate::issuer::KEYS;
use crate::issuer::script::ok;
use crate::life::ISS;
use jwtd::pb::{Reason, VerifyBatchRequest};
use jwtd_core::jose::base64url;
use jwtd_testkit::launcher::Setup;
use jwtd_testkit::measured::{Row, show};
use jwtd_testkit::tokens::{Signer, set};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;

/// IDs per second, and IDs per call.
const RATE: u64 = 100_000;
const BATCH: u64 = 1000;

/// Concurrent calls.
const LANES: u64 = 8;

const COOLDOWN: u64 = 1;

const EXPECTED: &str = "at most span / cooldown + 1 attempts; good tokens as fast as before; a real \
                        new key within 3 cool-downs";

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let seconds = plan.pick(6, 60);
    let name = format!("100,000 random key ids a second, for {seconds} s");
    if !plan.wants(&name) {
        return Vec::new();
    }
    let row = match Flood::run(Duration::from_secs(seconds)) {
        Ok(flood) => {
            let most = seconds / COOLDOWN + 1;
            let (fetches, worst) = (Some(flood.attempts), Some(flood.flooded.worst()));
            Row { fetches, worst, ..Row::new(&name, EXPECTED, flood.judge(most)) }
        }
        Err(error) => Row::new(&name, EXPECTED, Err(error)),
    };
    vec![row]
}

/// The result of a flood.
pub(crate) struct Flood {
    pub(crate) attempts: u64,
    calm: Latencies,
    flooded: Latencies,
    /// IDs sent per second.
    rate: f64,
    /// The time until a really new key was accepted.
    pub(crate) new_key: Option<Duration>,
}

impl Flood {
    /// Floods a daemon for this time.
    pub(crate) fn run(span: Duration) -> Result<Self, String> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime.block_on(flood(span))
    }

    pub(crate) fn judge(&self, most: u64) -> Result<String, String> {
        let (calm, flooded) = (self.calm.part(990), self.flooded.part(990));
        let numbers = format!(
            "{:.0} ids a second; good tokens p50 {} (calm {}), p99 {} (calm {}); new key after {}",
            self.rate,
            show(self.flooded.part(500)),
            show(self.calm.part(500)),
            show(flooded),
            show(calm),
            self.new_key.map_or_else(|| "never".to_owned(), show),
        );
        if self.attempts > most {
            return Err(format!("{} attempts, more than {most}; {numbers}", self.attempts));
        }
        if self.rate < 0.9 * 100_000.0 {
            return Err(format!("the flood is too slow to tell; {numbers}"));
        }
        if self.new_key.is_none_or(|span| span > Duration::from_secs(3 * COOLDOWN)) {
            return Err(numbers);
        }
        // The flood's client shares the same two cores.
        if flooded > calm * 5 + Duration::from_millis(5) {
            return Err(format!("good tokens wait; {numbers}"));
        }
        Ok(numbers)
    }
}

async fn flood(span: Duration) -> Result<Flood, String> {
    let issuer = crate::issuer::Issuer::start(None).await;
    let (old, new) = (Signer::new("a"), Signer::new("b"));
    issuer.put(KEYS, ok(set(&[&old])));
    let config = format!(
        "issuers:\n  ill: {{ issuer: '{ISS}', audiences: [a], keys: {{ jwks_uri: '{}{KEYS}', \
         refresh: 1h, cooldown: {COOLDOWN}s }} }}\n",
        issuer.origin
    );
    let setup = Setup { config, ..Setup::default() };
    let daemon = JWTD.measured(&setup).await?;
    let good = old.token(ISS);
    let begin = Instant::now();
    while daemon.reasons(&[&good]).await? != [Reason::Ok] {
        if begin.elapsed() > Duration::from_secs(10) {
            return Err("the daemon gets no keys".to_owned());
        }
    }
    let pause = Duration::from_millis(2);
    let caller = GoodCaller::start(&daemon, &good, pause).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let calm = caller.stop().await?;

    let before = issuer.connections();
    let caller = GoodCaller::start(&daemon, &good, pause).await?;
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut lanes = Vec::new();
    for lane in 0..LANES {
        let client = daemon.client().await?;
        lanes.push(tokio::spawn(send(client, lane, Arc::clone(&stop), Arc::clone(&sent))));
    }
    let begin = Instant::now();
    tokio::time::sleep(span / 2).await;
    // A really new key appears during the flood.
    issuer.put(KEYS, ok(set(&[&old, &new])));
    let (published, token) = (Instant::now(), new.token(ISS));
    let mut new_key = None;
    while begin.elapsed() < span {
        if new_key.is_none() && daemon.reasons(&[&token]).await? == [Reason::Ok] {
            new_key = Some(published.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = begin.elapsed();
    stop.store(true, Ordering::Relaxed);
    for lane in lanes {
        lane.await.map_err(|error| error.to_string())??;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = sent.load(Ordering::Relaxed) as f64 / took.as_secs_f64();
    let (flooded, attempts) = (caller.stop().await?, issuer.connections() - before);
    Ok(Flood { attempts, calm, flooded, rate, new_key })
}

type Client = jwtd::pb::verifier_service_client::VerifierServiceClient<tonic::transport::Channel>;

/// Sends its share of the IDs, each once.
async fn send(
    mut client: Client,
    lane: u64,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
) -> Result<(), String> {
    let part = |text: &[u8]| base64url::encode(text);
    let claims = part(format!(r#"{{"iss":"{ISS}","aud":"a","exp":9999999999}}"#).as_bytes());
    let rest = format!(".{claims}.{}", part(&[7; 64]));
    let mut ticks = tokio::time::interval(Duration::from_micros(1_000_000 * BATCH * LANES / RATE));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut number = lane << 48;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let tokens = (0..BATCH).map(|_| {
            number += 1;
            let header = part(format!(r#"{{"alg":"EdDSA","kid":"x{number:x}"}}"#).as_bytes());
            format!("{header}{rest}").into_bytes().into()
        });
        let request = VerifyBatchRequest { tokens: tokens.collect(), ..Default::default() };
        let answer = client.verify_batch(request).await;
        let answer = answer.map_err(|status| format!("a call of the flood fails: {status}"))?;
        if answer.get_ref().verdicts.iter().any(|one| one.reason() != Reason::KeyUnknown) {
            return Err("a random key id is not unknown".to_owned());
        }
        sent.fetch_add(BATCH, Ordering::Relaxed);
    }
    Ok(())
}
