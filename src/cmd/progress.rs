//! A progress bar for long work. The only file that names `indicatif`.

use crate::clock::Clock;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// A progress bar on standard error, for work of more than a second. It is not shown if standard
/// error is no terminal, or if the results themselves go to one.
pub(super) struct Progress {
    clock: Clock,
    begin: Instant,
    done: u64,
    count: u64,
    what: &'static str,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts the progress of `count` items named `what`.
    pub(super) fn new(count: u64, what: &'static str) -> Self {
        let clock = Clock::system();
        Self { begin: clock.monotonic(), clock, done: 0, count, what, bar: None }
    }

    /// Adds `done` finished items.
    pub(super) fn step(&mut self, done: u64) {
        self.done = self.done.saturating_add(done);
        if self.bar.is_none()
            && self.clock.since(self.begin) > Duration::from_secs(1)
            && !std::io::stdout().is_terminal()
        {
            let form = format!("{{bar:40}} {{pos}}/{{len}} {}, {{eta}} left", self.what);
            let style = ProgressStyle::with_template(&form);
            let bar = ProgressBar::new(self.count);
            self.bar = Some(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
