//! Counts of verdicts, and the distribution of work over the cores.

use crate::world::World;
use jwtd_core::verify::Reason;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The counts of one row.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub(crate) cases: u64,
    /// Good tokens: the result of a change without effect, or by chance.
    pub(crate) good: u64,
    pub(crate) panics: u64,
    /// The number of tokens for each reason, by reason number.
    reasons: [u64; 128],
    /// A sample of the tokens that got a wrong verdict.
    pub(crate) wrong: Vec<String>,
    pub(crate) wrongs: u64,
}

impl Default for Tally {
    fn default() -> Self {
        let (cases, good, panics, wrongs) = (0, 0, 0, 0);
        Self { cases, good, panics, reasons: [0; 128], wrong: Vec::new(), wrongs }
    }
}

impl Tally {
    /// The most wrong tokens that are shown.
    const SHOWN: usize = 5;
    /// The most characters that are shown of each.
    const LENGTH: usize = 1_200;

    /// Verifies a changed token, which must be refused unless it equals a good one byte for byte.
    pub(crate) fn judge(&mut self, world: &World, token: &[u8], what: impl FnOnce() -> String) {
        let verdict = world.verdict(token);
        self.count(verdict);
        let wrong = match verdict {
            None => true,
            Some(Reason::Ok) => {
                let good = world.is_good(token);
                self.good += u64::from(good);
                !good
            }
            Some(_) => false,
        };
        if wrong {
            let said = if verdict.is_some() { "accepted" } else { "a panic" };
            self.blame(|| format!("{said}: {}: {}", what(), String::from_utf8_lossy(token)));
        }
    }

    pub(crate) fn count(&mut self, verdict: Option<Reason>) {
        self.cases += 1;
        match verdict {
            Some(reason) => self.reasons[usize::from(reason.number())] += 1,
            None => self.panics += 1,
        }
    }

    /// Records a failure.
    pub(crate) fn blame(&mut self, what: impl FnOnce() -> String) {
        self.wrongs += 1;
        if self.wrong.len() < Self::SHOWN {
            let mut text = what();
            if text.chars().count() > Self::LENGTH {
                text = text.chars().take(Self::LENGTH).chain("...".chars()).collect();
            }
            self.wrong.push(text);
        }
    }

    pub(crate) fn of(&self, reason: Reason) -> u64 {
        self.reasons[usize::from(reason.number())]
    }

    /// The reasons that occurred, the most frequent first.
    pub(crate) fn reasons(&self) -> Vec<(Reason, u64)> {
        let mut seen: Vec<_> =
            Reason::ALL.iter().map(|reason| (*reason, self.of(*reason))).collect();
        seen.retain(|(_, count)| *count > 0);
        seen.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        seen
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.good += other.good;
        self.panics += other.panics;
        self.wrongs += other.wrongs;
        for (sum, more) in self.reasons.iter_mut().zip(other.reasons) {
            *sum += more;
        }
        let room = Self::SHOWN.saturating_sub(self.wrong.len());
        self.wrong.extend(other.wrong.into_iter().take(room));
    }
}

/// Runs `pieces` pieces of work, distributed over the cores, and sums the counts.
pub(crate) fn spread(pieces: usize, work: impl Fn(usize, &mut Tally) + Sync) -> Tally {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut tally = Tally::default();
        loop {
            let piece = next.fetch_add(1, Ordering::Relaxed);
            if piece >= pieces {
                return tally;
            }
            work(piece, &mut tally);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        let mut sum = Tally::default();
        for worker in workers {
            sum.add(worker.join().unwrap());
        }
        sum
    })
}
