//! A configuration that is written in pieces.

use super::{ISS, job, local, well};
use crate::Plan;
use crate::client::{Calls as _, JWTD};
use crate::good::GoodCaller;
use crate::parallel::Job;
use jwtd::pb::Reason;
use jwtd_testkit::launcher::Daemon;
use jwtd_testkit::measured::PATIENCE;
use jwtd_testkit::measured::Seen;
use jwtd_testkit::tokens::{Signer, set};
use std::time::{Duration, Instant};
use tokio::time::sleep;

pub(super) fn jobs(plan: &Plan) -> Vec<Job> {
    let every = plan.pick(16, 1);
    vec![job(
        "a configuration torn at many lengths, and then whole",
        "every verdict good meanwhile; the last one in force",
        move || torn(every),
    )]
}

const NEW: &str = "https://new.example";

/// Writes every `every`-th prefix of a configuration.
async fn torn(every: usize) -> Result<Seen, String> {
    let (setup, signer) = local("drain_timeout: 1s\n");
    let daemon = JWTD.measured(&setup).await?;
    let new = Signer::new("n");
    daemon.folder.write("new.json", set(&[&new]));
    let (old, new) = (signer.token(ISS), new.token(NEW));
    let whole = format!(
        "issuers:\n{}\n  new: {{ issuer: '{NEW}', audiences: [a], keys: {{ jwks_file: new.json }} \
         }}\nprofiles: {{ default: {{ issuers: [well, new] }} }}\ndrain_timeout: 1s\n",
        well()
    );
    let caller = GoodCaller::start(&daemon, &old, Duration::from_millis(5)).await?;
    let lengths: Vec<_> = (0..whole.len()).step_by(every).collect();
    for length in &lengths {
        let before = ends(&daemon);
        daemon.folder.write("jwtd.yaml", whole.get(..*length).unwrap());
        daemon.signal("HUP");
        let begin = Instant::now();
        while ends(&daemon) == before {
            if begin.elapsed() > PATIENCE {
                return Err(format!("torn at {length}, it is not looked at"));
            }
            sleep(Duration::from_millis(10)).await;
        }
    }
    daemon.folder.write("jwtd.yaml", &whole);
    daemon.signal("HUP");
    let begin = Instant::now();
    while daemon.reasons(&[&old, &new]).await? != [Reason::Ok; 2] {
        if begin.elapsed() > PATIENCE {
            return Err(format!("the whole one is not in force: {}", daemon.log()));
        }
        sleep(Duration::from_millis(10)).await;
    }
    let latencies = caller.stop().await?;
    let text = format!("{} pieces, {} good verdicts", lengths.len(), latencies.count());
    Ok(Seen { text, worst: Some(latencies.worst()) })
}

/// The number of configurations that were put in force or refused.
fn ends(daemon: &Daemon) -> usize {
    let log = daemon.log();
    let lines = log.lines().filter(|line| {
        line.contains("the configuration is reloaded")
            || line.contains("the previous configuration stays in force")
    });
    lines.count()
}
