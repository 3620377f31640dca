//! Controls for the protections of an issuer from tokens with random key IDs, and of a new key from
//! being lost among them.

use crate::client::{Calls as _, JWTD};
use crate::good::GoodCaller;
use crate::issuer::{Issuer, KEYS};
use crate::process::ISS;
use jwtd::pb::{Reason, VerifyBatchRequest};
use jwtd_testkit::launcher::{Daemon, Setup};
use jwtd_testkit::measured::{Seen, show};
use jwtd_testkit::tokens::{Signer, junk, set};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::sleep;

pub(super) const FLOOD: &str = "random key ids for 5 s, with a cool-down of 3 s";
pub(super) const FLOOD_EXPECTED: &str = "at most 2 attempts; good tokens as before";

pub(super) const ROTATION: &str = "a new key after 10 s of random key ids, cool-down 1 s";
pub(super) const ROTATION_EXPECTED: &str = "it serves within 2 s, by the reserve";

struct Scene {
    issuer: Issuer,
    old: Signer,
    daemon: Daemon,
}

impl Scene {
    async fn new(cooldown: u64) -> Result<Self, String> {
        let (issuer, old) = (Issuer::start(None).await, Signer::new("a"));
        issuer.publish(&set(&[&old]));
        let config = format!(
            "issuers: {{ well: {{ issuer: '{ISS}', audiences: [a], keys: {{ jwks_uri: '{}{KEYS}', \
             refresh: 1h, cooldown: {cooldown}s }} }} }}\ndrain_timeout: 1s\n",
            issuer.origin
        );
        let daemon = JWTD.measured(&Setup { config, ..Setup::default() }).await?;
        let token = old.token(ISS);
        let scene = Self { issuer, old, daemon };
        let begin = Instant::now();
        while scene.daemon.reasons(&[&token]).await? != [Reason::Ok] {
            if begin.elapsed() > Duration::from_secs(10) {
                return Err("the keys do not come".to_owned());
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(scene)
    }

    fn attempts(&self) -> usize {
        self.issuer.requests().len()
    }

    /// Sends tokens with random key IDs until the handle is aborted; counts them.
    async fn flood(&self, sent: &Arc<AtomicU64>) -> Result<JoinHandle<()>, String> {
        let (mut client, sent) = (self.daemon.client().await?, Arc::clone(sent));
        Ok(tokio::spawn(async move {
            loop {
                let first = sent.fetch_add(200, Ordering::Relaxed);
                let token = |number| junk("EdDSA", &format!("x{number}"), ISS, &[7; 64]);
                let tokens = (first..first + 200).map(|number| token(number).into_bytes().into());
                let request = VerifyBatchRequest { tokens: tokens.collect(), ..Default::default() };
                client.verify_batch(request).await.ok();
                sleep(Duration::from_millis(5)).await;
            }
        }))
    }
}

/// Counts the fetch attempts that tokens with random key IDs cause.
pub(super) async fn flood() -> Result<Seen, String> {
    let scene = Scene::new(3).await?;
    let (before, sent) = (scene.attempts(), Arc::new(AtomicU64::new(0)));
    let good = scene.old.token(ISS);
    let caller = GoodCaller::start(&scene.daemon, &good, Duration::from_millis(20)).await?;
    let flood = scene.flood(&sent).await?;
    sleep(Duration::from_secs(5)).await;
    flood.abort();
    let attempts = scene.attempts() - before;
    let worst = caller.stop().await?.worst();
    let sent = sent.load(Ordering::Relaxed);
    let text = format!("{attempts} attempts for {sent} ids");
    // One attempt per cool-down in the span, plus one.
    let fits = (1..=2).contains(&attempts);
    if fits { Ok(Seen { text, worst: Some(worst) }) } else { Err(text) }
}

/// A key appears when random IDs have used up the attempts that they may cause.
pub(super) async fn rotation() -> Result<Seen, String> {
    let scene = Scene::new(1).await?;
    let flood = scene.flood(&Arc::default()).await?;
    sleep(Duration::from_secs(10)).await;
    // From now on there is one more try every three cool-downs; the flood uses it at once.
    let (before, begin) = (scene.attempts(), Instant::now());
    while scene.attempts() == before {
        if begin.elapsed() > Duration::from_secs(5) {
            return Err("the flood causes no attempt".to_owned());
        }
        sleep(Duration::from_millis(5)).await;
    }
    let new = Signer::new("b");
    scene.issuer.publish(&set(&[&scene.old, &new]));
    let (token, begin) = (new.token(ISS), Instant::now());
    while scene.daemon.reasons(&[&token]).await? != [Reason::Ok] {
        if begin.elapsed() > Duration::from_secs(2) {
            return Err("the new key is not picked up within 2 s".to_owned());
        }
        sleep(Duration::from_millis(10)).await;
    }
    let took = begin.elapsed();
    flood.abort();
    Ok(format!("serves after {}", show(took)).into())
}
