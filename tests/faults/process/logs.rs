//! Standard error that accepts nothing more: nobody reads the pipe, or the disk is full.

use super::{ISS, job, local};
use crate::client::{Calls as _, JWTD};
use crate::good::GoodCaller;
use crate::parallel::Job;
use jwtd::pb::Reason;
use jwtd_testkit::launcher::{Daemon, Folder, Setup};
use jwtd_testkit::measured::{Seen, show};
use std::fs::OpenOptions;
use std::io::{ErrorKind, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;
use tokio::time::{sleep, timeout};

pub(super) fn jobs() -> Vec<Job> {
    vec![
        job(
            "standard error is stuck",
            "verdicts go on, calls are taken, and SIGTERM ends it in time",
            || stuck(""),
        ),
        job(
            "standard error is stuck while every detail is logged",
            "the same, and the lines that are lost are counted",
            || stuck("debug,h2=debug,hyper=debug"),
        ),
        job(
            "standard error is on a full disk",
            "verdicts go on, and SIGTERM ends it in time",
            full,
        ),
    ]
}

/// Two issuers that are down, so that there is something to log.
const DOWN: &str = "
  a: { issuer: 'https://a.example', audiences: [a], required: false, keys: { jwks_uri: 'http://127.0.0.1:1/', refresh: 10s } }
  b: { issuer: 'https://b.example', audiences: [a], required: false, keys: { jwks_uri: 'http://127.0.0.1:1/', refresh: 10s } }
profiles: { default: { issuers: [well, a, b] } }
drain_timeout: 1s
";

/// The sum of `drain_delay` and `drain_timeout`, plus one second.
const LATEST: Duration = Duration::from_millis(2250);

fn setup(log: &'static str) -> (Setup, String) {
    let (setup, signer) = local(DOWN);
    (Setup { log, ..setup }, signer.token(ISS))
}

async fn stuck(log: &'static str) -> Result<Seen, String> {
    let (setup, token) = setup(log);
    let folder = Folder::new();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut daemon = JWTD.spawn(folder.clone(), &setup, writer.try_clone().unwrap());
    let file = folder.path("log");
    let reading = std::thread::spawn(move || read_the_beginning(reader, &file));
    daemon.wait_for_addresses().await?;
    // From now on nobody reads, and nothing more fits.
    let _reader = reading.join().unwrap();
    fill(&writer);
    let worst = go_on(&daemon, &token).await?;
    let lost = daemon.sum("jwtd_log_lines_dropped_total", "").await?;
    if !log.is_empty() && lost == 0 {
        return Err("no line was counted as lost".to_owned());
    }
    let took = stop(&mut daemon).await?;
    Ok(Seen { text: format!("{lost} lines lost; ended in {}", show(took)), worst: Some(worst) })
}

async fn full() -> Result<Seen, String> {
    let (setup, token) = setup("");
    let folder = Folder::new();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut daemon = JWTD.spawn(folder, &setup, full);
    while daemon.client().await.is_err() {
        if let Some(status) = daemon.process.has_ended() {
            return Err(format!("it ends at the start: {status}"));
        }
        sleep(Duration::from_millis(1)).await;
    }
    let worst = go_on(&daemon, &token).await?;
    let took = stop(&mut daemon).await?;
    Ok(Seen { text: format!("ended in {}", show(took)), worst: Some(worst) })
}

/// Checks that calls on an old connection and on new ones continue for four seconds, whatever there
/// is to log.
async fn go_on(daemon: &Daemon, token: &str) -> Result<Duration, String> {
    let caller = GoodCaller::start(daemon, token, Duration::from_millis(20)).await?;
    for _ in 0..8 {
        sleep(Duration::from_millis(500)).await;
        daemon.signal("HUP");
        let reasons = timeout(LATEST, daemon.reasons(&[token])).await;
        let reasons = reasons.map_err(|_| "no verdict on a new connection".to_owned())??;
        if reasons != [Reason::Ok] {
            return Err(format!("a good token is refused: {reasons:?}"));
        }
    }
    let latencies = timeout(LATEST, caller.stop()).await;
    Ok(latencies.map_err(|_| "verdicts do not come any more".to_owned())??.worst())
}

async fn stop(daemon: &mut Daemon) -> Result<Duration, String> {
    daemon.signal("TERM");
    let (status, took) = daemon.process.end_within(LATEST).await?;
    if status.success() { Ok(took) } else { Err(format!("it ended with {status}")) }
}

/// Copies the pipe to a file until the daemon serves.
fn read_the_beginning(mut reader: PipeReader, file: &Path) -> PipeReader {
    let (mut text, mut part) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&text).contains("serving probes and metrics")
        && let Ok(count @ 1..) = reader.read(&mut part)
    {
        text.extend_from_slice(&part[..count]);
        std::fs::write(file, &text).unwrap();
    }
    reader
}

/// Fills the pipe to the last byte.
fn fill(writer: &PipeWriter) {
    /// `O_NONBLOCK` of Linux.
    const NONBLOCK: i32 = 0o4000;
    let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
    let mut pipe = OpenOptions::new().write(true).custom_flags(NONBLOCK).open(path).unwrap();
    for size in [4096, 1] {
        let error = loop {
            if let Err(error) = pipe.write(&vec![b'.'; size]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
}
