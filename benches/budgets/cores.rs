//! Which cores a process runs on. It is set by `taskset` of util-linux, because asking the
//! kernel directly would be unsafe code.

use jwtd_testkit::measured::{Outcome, Usage};
use std::process::{Command, Stdio};

/// One core for the daemon, and the others for its callers.
pub(crate) struct Apart {
    pub(crate) daemon: usize,
    callers: String,
}

/// This process on some cores, until it is dropped.
pub(crate) struct Pinned {
    before: String,
}

/// Nothing can be set apart on a single core.
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
    /// Leaves the daemon's core to it.
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

/// All threads of this process; those to come inherit it.
fn pin(cores: &str) -> bool {
    taskset(&["-a", "-p", "-c", cores, &std::process::id().to_string()])
}

fn taskset(arguments: &[&str]) -> bool {
    let mut command = Command::new("taskset");
    let status = command.args(arguments).stdout(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Reads `0-2,5`.
fn parse(list: &str) -> Outcome<Vec<usize>> {
    let mut cores = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        cores.extend(first.parse::<usize>()?..=last.parse()?);
    }
    Ok(cores)
}
