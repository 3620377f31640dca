//! Pins processes to cores. It uses `taskset` of util-linux, because the system call would need
//! unsafe code.

use jwtd_testkit::measured::{Outcome, Usage};
use std::process::{Command, Stdio};

/// One core for the daemon, and the others for its callers.
pub(crate) struct Apart {
    pub(crate) daemon: usize,
    callers: String,
}

/// Pins this process to some cores until it is dropped.
pub(crate) struct Pinned {
    before: String,
}

/// Separates the cores; there is nothing to separate on a single core.
pub(crate) fn apart() -> Outcome<Result<Apart, &'static str>> {
    if !taskset(&["--version"]) {
        return Ok(Err("skipped: no taskset"));
    }
    let all = parse(&Usage::own().status("Cpus_allowed_list")?)?;
    Ok(match all.split_first() {
        Some((daemon, rest)) if !rest.is_empty() => {
            let rest: Vec<_> = rest.iter().map(ToString::to_string).collect();
            Ok(Apart { daemon: *daemon, callers: rest.join(",") })
        }
        _ => Err("skipped: one core"),
    })
}

impl Apart {
    /// Keeps the callers off the daemon's core.
    pub(crate) fn pin_callers(&self) -> Outcome<Pinned> {
        let before = Usage::own().status("Cpus_allowed_list")?;
        pin(&self.callers).then_some(Pinned { before }).ok_or_else(|| "taskset failed".into())
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        pin(&self.before);
    }
}

/// Pins all threads of this process; later threads inherit the setting.
fn pin(cores: &str) -> bool {
    taskset(&["-a", "-p", "-c", cores, &std::process::id().to_string()])
}

fn taskset(arguments: &[&str]) -> bool {
    let mut command = Command::new("taskset");
    let status = command.args(arguments).stdout(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Parses a list such as `0-2,5`.
fn parse(list: &str) -> Outcome<Vec<usize>> {
    let mut cores = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        cores.extend(first.parse::<usize>()?..=last.parse()?);
    }
    Ok(cores)
}
