//! The final checks, and the summary.

use crate::daemon::Daemon;
use crate::load::Tally;
use crate::oracle::{Home, World};
use crate::pushes::{BOUND, Pushes};
use crate::samples::Sample;
use serde_json::{Value, json};
use std::process::ExitStatus;
use std::time::Duration;

pub(crate) struct Report {
    checks: Vec<(String, bool)>,
    summary: Value,
    faults: Vec<String>,
}

/// The most that memory may differ between the second and the last quarter, in MiB.
const MEMORY: f64 = 4.0;

impl Report {
    pub(crate) fn new(
        world: &World,
        tally: &Tally,
        samples: &[Sample],
        pushes: &Pushes,
        daemon: &Daemon,
        status: Option<ExitStatus>,
        took: Duration,
    ) -> Self {
        let memory = |one: &Sample| one.memory_mib;
        let (second, last) = (quarter(samples, 1), quarter(samples, 3));
        let growth = median(last, memory) - median(second, memory);
        let slope = slope(&samples[samples.len() / 4..]) * 3600.0;
        let descriptors =
            median(last, |one| one.descriptors) - median(second, |one| one.descriptors);
        let threads = median(last, |one| one.threads) - median(second, |one| one.threads);
        let most = |part: fn(&Sample) -> f64| samples.iter().map(part).fold(0.0, f64::max);
        let panics = most(|one| one.panics);
        let (asked, _, lag) = world.issuer(Home::Alpha).record();
        let (beta_asked, beta_failed, beta_lag) = world.issuer(Home::Beta).record();
        let longest = |list: &[Duration]| list.iter().max().copied().unwrap_or_default();
        let loose = tally.loose as f64 / tally.verdicts.max(1) as f64;
        let clean = status.is_some_and(|status| status.success());
        let mut checks = vec![
            (format!("wrong verdicts: {} of {}", tally.wrong, tally.verdicts), tally.wrong == 0),
            (format!("failed calls: {} of {}", tally.failed, tally.calls), tally.failed == 0),
            (
                format!("verdicts while two were right: {:.3} %, at most 10 %", loose * 100.0),
                loose < 0.1,
            ),
            (
                format!("memory, last quarter less the second: {growth:+.2} MiB, at most {MEMORY}"),
                growth < MEMORY,
            ),
            (format!("descriptors, likewise: {descriptors:+}"), descriptors.abs() <= 2.0),
            (format!("threads, likewise: {threads:+}"), threads.abs() <= 1.0),
            (format!("panics: {panics}"), panics == 0.0),
            (format!("calls shed: {}", most(|one| one.shed)), most(|one| one.shed) == 0.0),
            (
                format!(
                    "a key of alpha published or taken back, until it is fetched: {lag:.1?}, at most 11 s"
                ),
                lag < Duration::from_secs(11),
            ),
            (
                format!("SIGTERM: {status:?} after {took:.0?}"),
                clean && took < Duration::from_secs(6),
            ),
        ];
        let kinds = tally.kinds.len();
        checks.push((format!("kinds of tokens: {kinds}"), kinds >= 18));
        if pushes.good + pushes.broken > 0 {
            checks.push((
                format!(
                    "{} changes in force after at most {:.1?}, {} broken ones noticed after at most {:.1?}",
                    pushes.taken.len(),
                    longest(&pushes.taken),
                    pushes.noticed.len(),
                    longest(&pushes.noticed)
                ),
                pushes.faults.is_empty()
                    && pushes.taken.len() == pushes.good
                    && longest(&pushes.taken) <= BOUND,
            ));
        }
        let summary = json!({
            "seconds": samples.last().map_or(0.0, |one| one.at.round()),
            "verdicts": tally.verdicts,
            "calls": tally.calls,
            "wrong": tally.wrong,
            "failed_calls": tally.failed,
            "verdicts_while_two_were_right": tally.loose,
            "good_tokens_refused_while_their_key_was_new": tally.refused_at_rotation,
            "memory_mib": {
                "second_quarter": median(second, memory), "last_quarter": median(last, memory),
                "most": most(memory), "slope_per_hour_after_first_quarter": slope,
            },
            "cores": median(samples, |one| one.cpu),
            "verdicts_per_second": median(samples, |one| one.verdicts),
            "p50_ms": median(samples, |one| one.p50),
            "p99_ms": { "median": median(samples, |one| one.p99), "most": most(|one| one.p99) },
            "descriptors": median(last, |one| one.descriptors),
            "threads": median(last, |one| one.threads),
            "fetches": {
                "alpha": asked, "alpha_lag_seconds": lag.as_secs_f64(),
                "beta": beta_asked, "beta_failed": beta_failed,
                "beta_lag_seconds": beta_lag.as_secs_f64(),
            },
            "reloads": { "good": pushes.good, "broken": pushes.broken },
            "reasons": tally.reasons,
            "kinds": tally.kinds,
            "exit_seconds": took.as_secs_f64(),
        });
        let mut faults = [&tally.faults[..], &pushes.faults[..]].concat();
        let log = daemon.log();
        faults.extend(log.lines().filter(|line| line.contains("panic")).map(str::to_owned));
        Self { checks, summary, faults }
    }

    pub(crate) fn to_json(&self) -> Value {
        self.summary.clone()
    }

    /// Prints everything; returns the number of failed checks.
    pub(crate) fn print(&self) -> usize {
        for fault in &self.faults {
            println!("  {fault}");
        }
        println!("{}", serde_json::to_string_pretty(&self.summary).unwrap());
        for (what, good) in &self.checks {
            println!("{} {what}", if *good { "good  " } else { "FAILED" });
        }
        let failed = self.checks.iter().filter(|(_, good)| !good).count();
        println!("{} passed, {failed} failed", self.checks.len() - failed);
        failed
    }
}

fn quarter(samples: &[Sample], number: usize) -> &[Sample] {
    let part = samples.len() / 4;
    &samples[part * number..part * (number + 1)]
}

fn median(samples: &[Sample], part: impl Fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<_> = samples.iter().map(part).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The slope of memory by least squares, in MiB per second.
fn slope(samples: &[Sample]) -> f64 {
    let count = samples.len().max(1) as f64;
    let mean = |part: fn(&Sample) -> f64| samples.iter().map(part).sum::<f64>() / count;
    let (at, memory) = (mean(|one| one.at), mean(|one| one.memory_mib));
    let spread: f64 = samples.iter().map(|one| (one.at - at).powi(2)).sum();
    let common: f64 = samples.iter().map(|one| (one.at - at) * (one.memory_mib - memory)).sum();
    if spread > 0.0 { common / spread } else { 0.0 }
}
