//! CPU time as reported by the operating system.

use crate::client::Address;
use crate::files;
use std::path::Path;
use std::time::Duration;

/// The unit in which the kernel reports CPU time (`USER_HZ`, the same on every Linux).
const TICK: Duration = Duration::from_millis(10);

/// The CPU time that was used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// By the daemon, if its process is visible.
    pub(super) daemon: Option<Duration>,
    /// By this process.
    pub(super) own: Option<Duration>,
}

impl Usage {
    /// The CPU time used until now.
    pub(super) fn now(daemon: Option<u32>) -> Self {
        let daemon = daemon.and_then(|process| cpu(&process.to_string()));
        Self { daemon, own: cpu("self") }
    }

    /// The CPU time used since `then`.
    pub(super) fn since(&self, then: &Self) -> Self {
        let less = |now: Option<Duration>, then: Option<Duration>| {
            now.zip(then).map(|(now, then)| now.saturating_sub(then))
        };
        Self { daemon: less(self.daemon, then.daemon), own: less(self.own, then.own) }
    }
}

/// The CPU time of a process, in user and kernel mode.
fn cpu(process: &str) -> Option<Duration> {
    let stat = files::read_text(Path::new(&format!("/proc/{process}/stat")), files::MOST).ok()?;
    // proc(5): the name in brackets may contain anything; field 14 is utime, 15 stime.
    let (_, rest) = stat.rsplit_once(')')?;
    let ticks = rest.split_whitespace().skip(14 - 3).take(2);
    let ticks: Vec<u32> = ticks.map(|tick| tick.parse().ok()).collect::<Option<_>>()?;
    Some(TICK * ticks.iter().sum())
}

/// The process that listens on a Unix socket, according to the kernel. A process in another
/// container is not visible.
pub(super) async fn process_behind(address: &Address) -> Option<u32> {
    let stream = tokio::net::UnixStream::connect(address.socket()?).await.ok()?;
    u32::try_from(stream.peer_cred().ok()?.pid()?).ok().filter(|process| *process > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_process_behind_a_socket_is_found() {
        let folder = files::Folder::temporary().unwrap();
        let path = folder.join("socket");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let address = format!("unix://{}", path.display()).parse().unwrap();
        assert_eq!(process_behind(&address).await, Some(std::process::id()));
        drop(listener);
        assert_eq!(process_behind(&"tcp://127.0.0.1:1".parse().unwrap()).await, None);
        assert!(cpu("self").is_some() && cpu("0").is_none());
    }
}
