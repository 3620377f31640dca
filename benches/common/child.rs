//! The processes under measurement, and what the operating system knows of them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The kernel reports CPU time in these (`USER_HZ`, the same on every Linux).
const TICK: Duration = Duration::from_millis(10);

/// A folder that goes at the end.
pub(crate) struct Folder(jwtd::files::Folder);

impl Folder {
    pub(crate) fn new() -> Outcome<Self> {
        Ok(Self(jwtd::files::Folder::temporary()?))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A server on a Unix socket. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    socket: PathBuf,
}

impl Server {
    pub(crate) fn start(command: &mut Command, socket: PathBuf) -> Outcome<Self> {
        // What the caller's shell sets for its own daemon is not for this one.
        command.env_remove("JWTD_WORKERS");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        Ok(Self { child, socket })
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Waits until `ready` says yes; fails if the process ends or takes too long.
    pub(crate) async fn wait<F>(&mut self, ready: impl Fn(PathBuf) -> F) -> Outcome<()>
    where
        F: Future<Output = bool>,
    {
        let end = Instant::now() + Duration::from_secs(10);
        while !ready(self.socket.clone()).await {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("a server ended: {status}").into());
            }
            if Instant::now() > end {
                return Err("a server is not ready after 10 seconds".into());
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        Ok(())
    }

    /// The CPU time that its threads took so far, in user and kernel mode.
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        let id = self.child.id().to_string();
        // In nanoseconds where the kernel counts them; a round may take few ticks.
        nanoseconds(&id).map_or_else(|| cpu(&id), |sum| Ok(Duration::from_nanos(sum)))
    }

    /// Its memory in MiB: what is resident now (`VmRSS`), or was at most (`VmHWM`).
    pub(crate) fn memory(&self, field: &str) -> Outcome<f64> {
        let value = status(&self.child.id().to_string(), field)?;
        let kib: f64 = value.trim_end_matches(" kB").parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What the kernel says in this field of the process with this id, or of this one with
/// `self` (proc(5)).
pub(crate) fn status(process: &str, field: &str) -> Outcome<String> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let mut fields = status.lines().filter_map(|line| line.split_once(':'));
    let found = fields.find(|(name, _)| *name == field);
    Ok(found.ok_or_else(|| format!("no {field}"))?.1.trim().to_owned())
}

/// What all threads of this process were on a core for.
fn nanoseconds(process: &str) -> Option<u64> {
    let mut sum = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task")).ok()? {
        let times = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        sum += times.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(sum)
}

/// The CPU time of the process with this id, or of this one with `self`.
pub(crate) fn cpu(process: &str) -> Outcome<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // proc(5): the name, in brackets, may hold anything; 14 is utime, 15 stime.
    let (_, rest) = stat.rsplit_once(')').ok_or("no name in stat")?;
    let ticks = rest.split_whitespace().skip(14 - 3).take(2);
    let ticks: Vec<u32> = ticks.map(str::parse).collect::<Result<_, _>>()?;
    Ok(TICK * ticks.iter().sum())
}
