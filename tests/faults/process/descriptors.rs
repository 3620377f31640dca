//! Too many connections: the limit is reached, or file descriptors run out.

use super::{ISS, job, local};
use crate::Plan;
use crate::client::{Calls as _, JWTD};
use crate::good::GoodCaller;
use crate::parallel::Job;
use jwtd::pb::Reason;
use jwtd_testkit::launcher::{Daemon, Limits, Setup};
use jwtd_testkit::measured::{Seen, show};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// The resource that runs out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lack {
    /// The daemon's own limit on connections.
    Connections,
    /// The process's file descriptors.
    Descriptors,
}

pub(super) fn jobs(plan: &Plan) -> Vec<Job> {
    let mut spans = vec![5];
    if plan.full {
        spans.push(30);
    }
    let mut jobs = Vec::new();
    for seconds in spans {
        for (lack, name) in [
            (Lack::Connections, "as many connections as are allowed"),
            (Lack::Descriptors, "no descriptor left"),
        ] {
            jobs.push(job(&format!("{name}, for {seconds} s"), EXPECTED, move || {
                t65_exhaust(lack, Duration::from_secs(seconds))
            }));
        }
    }
    jobs
}

pub(crate) const EXPECTED: &str =
    "below 5 % of a core; old connections served; new ones within 1 s after";

/// More than either limit allows, and fewer than the accept backlog holds.
const FLOOD: usize = 100;

/// The beginning of HTTP/2 with empty SETTINGS: such a connection is kept.
const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// The most CPU use, in thousandths of a core.
const MOST: u128 = 50;

/// Floods a daemon for this time.
async fn t65_exhaust(lack: Lack, span: Duration) -> Result<Seen, String> {
    let (Setup { config, files, .. }, signer) = local("drain_timeout: 1s\n");
    // With 128 descriptors, the daemon accepts at most 64 connections.
    let setup = Setup {
        config,
        files,
        limits: Limits { descriptors: Some(128), core: None },
        ..Setup::default()
    };
    let token = signer.token(ISS);
    let daemon = JWTD.measured(&setup).await?;
    let caller = GoodCaller::start(&daemon, &token, Duration::from_millis(50)).await?;
    sleep(Duration::from_millis(200)).await;
    if lack == Lack::Descriptors {
        leave(&daemon, 8)?;
    }
    let mut flood = Vec::new();
    for _ in 0..FLOOD {
        let stream = timeout(Duration::from_secs(1), TcpStream::connect(&daemon.tcp)).await;
        if let Ok(Ok(mut stream)) = stream {
            stream.write_all(BEGINNING).await.ok();
            flood.push(stream);
        }
    }
    sleep(Duration::from_millis(500)).await;
    let (cpu, begin) = (daemon.cpu(), Instant::now());
    sleep(span).await;
    let used = (daemon.cpu() - cpu).as_micros() * 1000 / begin.elapsed().as_micros();
    drop(flood);
    let ended = Instant::now();
    let fresh = async {
        while daemon.reasons(&[&token]).await != Ok(vec![Reason::Ok]) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(1), fresh).await.map_err(|_| "no new call is served after 1 s")?;
    let took = ended.elapsed();
    let worst = caller.stop().await?.worst();
    let refused = match lack {
        Lack::Connections => daemon.sum("jwtd_shed_total{", "cause=\"connections\"").await?,
        Lack::Descriptors => daemon.sum("jwtd_accept_errors_total", "").await?,
    };
    let used_text = format!("{}.{} % of a core", used / 10, used % 10);
    if refused == 0 {
        return Err("nothing was refused: the bound was not reached".to_owned());
    }
    if used > MOST {
        return Err(used_text);
    }
    let text = format!("{used_text}, {refused} refusals, served {} after", show(took));
    Ok(Seen { text, worst: Some(worst) })
}

/// Limits the daemon to this many descriptors beyond those that it has open.
fn leave(daemon: &Daemon, more: usize) -> Result<(), String> {
    let open = daemon.process.usage().descriptors().unwrap();
    let most = format!("--nofile={0}:{0}", open + more);
    let pid = daemon.process.id().to_string();
    let done = Command::new("prlimit").args(["--pid", &pid, &most]).output();
    match done {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("prlimit: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("prlimit (of util-linux) cannot be run: {error}")),
    }
}
