//! Configuration changes, valid and invalid, and their results.

use crate::daemon::{Breach, Daemon};
use crate::oracle::World;
use crate::{Mark, generation};
use std::time::{Duration, Instant};

/// The longest time until a change is in force, or a fault is reported.
pub(crate) const BOUND: Duration = Duration::from_secs(5);

pub(crate) struct Pushes {
    every: Duration,
    next: Instant,
    /// The number of changes put in force.
    pub(crate) good: usize,
    pub(crate) broken: usize,
    attempts: usize,
    waiting: Option<(Instant, bool)>,
    broken_since: Option<(Instant, bool)>,
    /// The times until each change was in force, and until each fault was reported.
    pub(crate) taken: Vec<Duration>,
    pub(crate) noticed: Vec<Duration>,
    pub(crate) faults: Vec<String>,
    /// The time of the valid change that follows an invalid one.
    due: Option<Instant>,
}

impl Pushes {
    pub(crate) fn new(begin: Instant, every: u64) -> Self {
        let every = Duration::from_secs(every);
        Self {
            every,
            next: begin + every / 2,
            good: 0,
            broken: 0,
            attempts: 0,
            waiting: None,
            broken_since: None,
            taken: Vec::new(),
            noticed: Vec::new(),
            faults: Vec::new(),
            due: None,
        }
    }

    pub(crate) fn step(&mut self, daemon: &Daemon, world: &World, _span: Duration) {
        self.watch(daemon, world);
        if self.waiting.is_some() {
            return;
        }
        let now = Instant::now();
        if self.due.is_some_and(|due| now >= due) {
            self.due = None;
            if self.broken_since.take().is_some_and(|(_, seen)| !seen) {
                self.faults.push(format!("broken push {} was not noticed", self.broken));
            }
            self.push(daemon, world);
        } else if self.due.is_none() && now >= self.next {
            self.next = now + self.every;
            self.attempts += 1;
            if self.attempts % 2 == 1 {
                let breach = [Breach::Torn, Breach::UnknownKey, Breach::Missing][self.broken % 3];
                // The content that it would have if it were valid.
                let wrong = generation(self.good + 2);
                world.mark(Mark::Broken);
                daemon.push_broken(breach, &wrong, self.broken.is_multiple_of(2));
                self.broken += 1;
                self.broken_since = Some((now, false));
                self.due = Some(now + BOUND + Duration::from_secs(3));
            } else {
                self.push(daemon, world);
            }
        }
    }

    fn push(&mut self, daemon: &Daemon, world: &World) {
        self.good += 1;
        world.push_begins();
        world.mark(Mark::Reload);
        daemon.push(&generation(self.good), self.good.is_multiple_of(2));
        self.waiting = Some((Instant::now(), false));
    }

    fn watch(&mut self, daemon: &Daemon, world: &World) {
        if let Some((since, seen)) = &mut self.broken_since
            && !*seen
        {
            let metrics = daemon.get("/metrics");
            if metrics.contains("\njwtd_config_last_reload_successful 0") {
                *seen = true;
                self.noticed.push(since.elapsed());
            }
        }
        let Some((since, reported)) = &mut self.waiting else { return };
        if let Some(seen) = world.last_push_seen() {
            self.taken.push(seen.saturating_duration_since(*since));
            self.waiting = None;
        } else if since.elapsed() > BOUND && !*reported {
            *reported = true;
            self.faults.push(format!("change {} not in force after {BOUND:?}", self.good));
        }
    }
}
