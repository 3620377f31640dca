//! Daemons that are killed and restarted in the same folder, and daemons started while the issuer
//! is down.

use super::{ISS, job};
use crate::Plan;
use crate::client::{Calls as _, JWTD};
use crate::issuer::{Issuer, KEYS};
use crate::parallel::Job;
use jwtd_testkit::launcher::{Daemon, Folder, Setup};
use jwtd_testkit::measured::PATIENCE;
use jwtd_testkit::measured::{Seen, show};
use jwtd_testkit::tokens::{Signer, set};
use std::time::{Duration, Instant};
use tokio::time::sleep;

pub(super) fn jobs(plan: &Plan) -> Vec<Job> {
    let count = plan.pick(20, 200);
    vec![
        job(
            &format!("SIGKILL and a new start, {count} times"),
            "no socket or lock in the way; each ready within 1 s",
            move || killed(count),
        ),
        job(
            "a start while the issuer is down, with kept keys",
            "ready within 1 s, from `state_dir`",
            start_without_issuer,
        ),
    ]
}

const LATEST: Duration = Duration::from_secs(1);

struct Scene {
    issuer: Issuer,
    setup: Setup,
    token: String,
    folder: Folder,
}

impl Scene {
    async fn new() -> Self {
        let (issuer, signer) = (Issuer::start(None).await, Signer::new("a"));
        issuer.publish(&set(&[&signer]));
        let config = format!(
            "issuers: {{ well: {{ issuer: '{ISS}', audiences: [a], keys: {{ jwks_uri: '{}{KEYS}', \
             refresh: 10m }} }} }}\nstate_dir: state\ndrain_timeout: 1s\n",
            issuer.origin
        );
        let setup = Setup { config, ..Setup::default() };
        Self { issuer, setup, token: signer.token(ISS), folder: Folder::new() }
    }

    /// Starts a daemon; returns it and the time until the first good verdict.
    async fn start(&self) -> Result<(Daemon, Duration), String> {
        let begin = Instant::now();
        let daemon = JWTD.measured_in(self.folder.clone(), &self.setup).await?;
        daemon.until_good(&self.token).await?;
        Ok((daemon, begin.elapsed()))
    }
}

async fn killed(count: usize) -> Result<Seen, String> {
    let scene = Scene::new().await;
    let mut times = Vec::new();
    for _ in 0..count {
        let (daemon, took) = scene.start().await?;
        times.push(took);
        if daemon.log().contains("saved keys cannot be used") {
            return Err(format!("half a key set was kept: {}", daemon.log()));
        }
        // Dropping the daemon kills it, sometimes while it writes to `state_dir`.
    }
    times.sort_unstable();
    let (median, worst) = (times[count / 2], times[count - 1]);
    if worst > LATEST {
        return Err(format!("ready only after {}", show(worst)));
    }
    let left = std::fs::read_dir(scene.folder.root()).unwrap().count();
    // The configuration, the log, the socket and the folder of keys.
    if left > 4 {
        return Err(format!("{left} files are left"));
    }
    Ok(format!("ready in {}, worst {}", show(median), show(worst)).into())
}

async fn start_without_issuer() -> Result<Seen, String> {
    let scene = Scene::new().await;
    let (daemon, _) = scene.start().await?;
    let begin = Instant::now();
    while !scene.folder.path("state/well.json").exists() {
        if begin.elapsed() > PATIENCE {
            return Err("no keys are kept".to_owned());
        }
        sleep(Duration::from_millis(1)).await;
    }
    drop(daemon);
    scene.issuer.go_down().await;
    let (daemon, took) = scene.start().await?;
    let answer = daemon.page("/readyz").await?;
    if took > LATEST || !answer.starts_with("HTTP/1.1 200") {
        return Err(format!("after {}: {answer}", show(took)));
    }
    Ok(format!("ready in {}", show(took)).into())
}
