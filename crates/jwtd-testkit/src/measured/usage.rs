//! Resource usage of a process, as the kernel reports it (proc(5)).

use crate::launcher::Process;
use std::io::{Error, Result};
use std::time::Duration;

/// The unit in which the kernel reports CPU time (`USER_HZ`, the same on every Linux).
const TICK: Duration = Duration::from_millis(10);

/// A process whose figures are read on demand.
#[derive(Clone, Debug)]
pub struct Usage {
    folder: String,
}

impl Process {
    pub fn usage(&self) -> Usage {
        Usage { folder: format!("/proc/{}", self.id()) }
    }
}

impl Usage {
    /// The current process.
    pub fn own() -> Self {
        Self { folder: "/proc/self".to_owned() }
    }

    /// A field of the status file, with its unit.
    pub fn status(&self, field: &str) -> Result<String> {
        let status = std::fs::read_to_string(format!("{}/status", self.folder))?;
        let mut fields = status.lines().filter_map(|line| line.split_once(':'));
        let found = fields.find(|(name, _)| *name == field);
        Ok(found.ok_or_else(|| Error::other(format!("no {field}")))?.1.trim().to_owned())
    }

    /// Memory in bytes: resident now (`VmRSS`) or at its peak (`VmHWM`).
    pub fn memory(&self, field: &str) -> Result<u64> {
        let kib = self.status(field)?.trim_end_matches(" kB").parse::<u64>();
        Ok(kib.map_err(Error::other)? * 1024)
    }

    /// The CPU time so far in user and kernel mode, including exited threads, in steps of 10 ms.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("{}/stat", self.folder))?;
        // The name in parentheses may contain anything; field 14 is utime, 15 is stime.
        let (_, rest) = stat.rsplit_once(')').ok_or_else(|| Error::other("no name in stat"))?;
        let ticks = rest.split_whitespace().skip(14 - 3).take(2).map(str::parse::<u32>);
        Ok(TICK * ticks.sum::<std::result::Result<u32, _>>().map_err(Error::other)?)
    }

    /// The CPU time of the live threads, in nanoseconds if the kernel counts them: a short round
    /// may take only a few ticks.
    pub fn cpu_of_threads(&self) -> Result<Duration> {
        self.nanoseconds().map_or_else(|| self.cpu(), |sum| Ok(Duration::from_nanos(sum)))
    }

    fn nanoseconds(&self) -> Option<u64> {
        let mut sum = 0;
        for thread in std::fs::read_dir(format!("{}/task", self.folder)).ok()? {
            let times = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            sum += times.split_whitespace().next()?.parse::<u64>().ok()?;
        }
        Some(sum)
    }

    /// The number of open file descriptors.
    pub fn descriptors(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("{}/fd", self.folder))?.count())
    }
}
