//! The figures of a load, for people and for programs.

use super::load::Plan;
use super::tally::LoadTally;
use super::token_mix::ColdShare;
use super::usage::Usage;
use crate::cmd::Output;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::time::Duration;

/// The results of a load.
pub(super) struct Report {
    pub(super) endpoint: String,
    pub(super) connections: usize,
    pub(super) plan: Plan,
    pub(super) cold: ColdShare,
    /// True if the tokens that are sent only once ran out before the end.
    pub(super) used_up: bool,
    pub(super) tally: LoadTally,
    pub(super) used: Usage,
}

/// The percentiles to report.
const PERCENTILES: [f64; 5] = [50.0, 90.0, 99.0, 99.9, 99.99];

impl Report {
    pub(super) fn print(&self, output: Output) {
        match output {
            Output::Json => say!("{}", self.to_json()),
            Output::Text => self.print_text(),
        }
    }

    /// Returns true if there were messages, and all that were due were answered.
    pub(super) fn is_whole(&self) -> bool {
        let LoadTally { failures, unsent, .. } = &self.tally;
        self.tally.messages() > 0 && failures.is_empty() && *unsent == 0
    }

    /// Describes the load in one line.
    pub(super) fn title(&self) -> String {
        let plan = &self.plan;
        let rate = match plan.rate {
            Some(rate) => format!("{rate} tokens a second"),
            None => "as fast as answered".to_owned(),
        };
        format!(
            "{}: {}, {} token{} a message, {} at once on {} connection{}, {}, {} cold",
            self.endpoint,
            plan.call.name(),
            plan.batch,
            if plan.batch == 1 { "" } else { "s" },
            plan.concurrency,
            self.connections,
            if self.connections == 1 { "" } else { "s" },
            rate,
            self.cold
        )
    }

    fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.tally.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The CPU time for a token, in microseconds.
    fn per_token(&self, used: Option<Duration>) -> Option<f64> {
        let tokens = self.tally.tokens();
        used.filter(|_| tokens > 0).map(|used| used.as_secs_f64() * 1e6 / tokens as f64)
    }

    fn latency(&self) -> Option<&Histogram<u64>> {
        self.tally.latency.as_ref().filter(|latency| !latency.is_empty())
    }

    fn print_text(&self) {
        let tally = &self.tally;
        let row = |name: &str, value: &str| say!("{name:<18} {value}");
        let amount = |count| format!("{count}, {:.0} a second", self.per_second(count));
        say!("{}", self.title());
        say!();
        let end = if self.used_up { ": the cold tokens are used up, see --fresh" } else { "" };
        row("time", &format!("{:.2} s{end}", self.tally.took.as_secs_f64()));
        row("messages", &amount(tally.messages()));
        row("tokens", &amount(tally.tokens()));
        row("permitted", &tally.permits.to_string());
        for (reason, count) in &tally.refusals {
            row("refused", &format!("{count}: {reason}"));
        }
        for (why, count) in &tally.failures {
            row("failed messages", &format!("{count}: {why}"));
        }
        if tally.unsent > 0 {
            row("not sent", &format!("{} messages that were due", tally.unsent));
        }
        if let Some(latency) = self.latency() {
            let at = |at: &f64| format!("p{at} {}", time(latency.value_at_percentile(*at)));
            let texts: Vec<_> = PERCENTILES.iter().map(at).collect();
            row("latency", &format!("{}, max {}", texts.join(", "), time(latency.max())));
        }
        row("CPU of the daemon", &self.cost(self.used.daemon));
        row("CPU of this load", &self.cost(self.used.own));
    }

    fn cost(&self, used: Option<Duration>) -> String {
        match (used, self.per_token(used)) {
            (Some(used), Some(token)) => {
                let cores =
                    used.as_secs_f64() / self.tally.took.as_secs_f64().max(f64::MIN_POSITIVE);
                format!("{token:.2} us a token, {cores:.2} cores")
            }
            (Some(_), None) => "no token was judged".to_owned(),
            (None, _) => "its process is unknown or has ended; fix: name it with --pid".to_owned(),
        }
    }

    fn to_json(&self) -> Value {
        let (plan, tally) = (&self.plan, &self.tally);
        let latency = self.latency().map(|latency| {
            let at = PERCENTILES.map(|at| (format!("p{at}"), latency.value_at_percentile(at)));
            let ends = [("min", latency.min()), ("max", latency.max())];
            let ends = ends.map(|(name, value)| (name.to_owned(), value));
            let all =
                at.into_iter().chain(ends).map(|(name, value)| (name, json!(value as f64 / 1e9)));
            all.collect::<serde_json::Map<_, _>>()
        });
        json!({
            "endpoint": self.endpoint,
            "call": plan.call.name(),
            "batch": plan.batch,
            "concurrency": plan.concurrency,
            "connections": self.connections,
            "rate": plan.rate,
            "cold_percent": self.cold.percent(),
            "seconds": self.tally.took.as_secs_f64(),
            "fresh_tokens_used_up": self.used_up,
            "messages": tally.messages(),
            "tokens": tally.tokens(),
            "tokens_per_second": self.per_second(tally.tokens()),
            "permitted": tally.permits,
            "refused": tally.refusals,
            "failed_messages": tally.failures,
            "unsent_messages": tally.unsent,
            "latency_seconds": latency,
            "daemon_cpu_seconds": self.used.daemon.map(|used| used.as_secs_f64()),
            "daemon_cpu_us_per_token": self.per_token(self.used.daemon),
            "load_cpu_seconds": self.used.own.map(|used| used.as_secs_f64()),
            "load_cpu_us_per_token": self.per_token(self.used.own),
        })
    }
}

/// Formats nanoseconds for people.
pub(super) fn time(nanoseconds: u64) -> String {
    let value = nanoseconds as f64;
    match nanoseconds {
        0..1_000_000 => format!("{:.0} us", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} ms", value / 1e6),
        _ => format!("{:.2} s", value / 1e9),
    }
}
