//! Bounds on what is in flight. What does not fit is refused at once: a queue
//! would only make everybody late.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A bounded amount of something.
#[derive(Debug)]
pub struct Budget {
    taken: AtomicUsize,
    limit: usize,
}

/// Leave to use a part of a [`Budget`]; it goes back when this is dropped.
#[derive(Debug)]
pub struct Leave {
    budget: Arc<Budget>,
    amount: usize,
}

impl Budget {
    /// A budget of which nothing is taken.
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), limit })
    }

    /// How much is taken now.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// How much there is.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Takes `amount`, or nothing if it does not fit.
    #[must_use]
    pub fn take(self: &Arc<Self>, amount: usize) -> Option<Leave> {
        let fits = |taken: usize| taken.checked_add(amount).filter(|sum| *sum <= self.limit);
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .ok()
            .map(|_| Leave { budget: Arc::clone(self), amount })
    }

    /// Takes `amount` for the work on something that has taken `own` already. Beside half
    /// of the budget it always fits, so that alone everything can be worked on; else the
    /// last quarter is left to what comes in.
    #[must_use]
    pub fn take_more(self: &Arc<Self>, amount: usize, own: usize) -> Option<Leave> {
        let taken = self.taken();
        let roomy = taken.saturating_sub(own) <= self.limit / 2;
        let fits = taken.saturating_add(amount) <= self.limit / 4 * 3;
        (roomy || fits).then(|| self.charge(amount))
    }

    /// Takes `amount` for what is there already, also beyond the limit: then nothing new
    /// is taken on until it is gone.
    #[must_use]
    pub fn charge(self: &Arc<Self>, amount: usize) -> Leave {
        self.taken.fetch_add(amount, Ordering::Relaxed);
        Leave { budget: Arc::clone(self), amount }
    }
}

impl Leave {
    /// Takes `more` in addition; false, and nothing is taken, if it does not fit.
    #[must_use]
    pub fn grow(&mut self, more: usize) -> bool {
        let Some(mut leave) = self.budget.take(more) else {
            return false;
        };
        self.amount = self.amount.saturating_add(std::mem::take(&mut leave.amount));
        true
    }

    /// Splits off `amount`, or all that there is.
    #[must_use]
    pub fn split(&mut self, amount: usize) -> Self {
        let amount = amount.min(self.amount);
        self.amount = self.amount.saturating_sub(amount);
        Self { budget: Arc::clone(&self.budget), amount }
    }

    /// How much this holds.
    #[must_use]
    pub fn amount(&self) -> usize {
        self.amount
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if self.amount > 0 {
            self.budget.taken.fetch_sub(self.amount, Ordering::Relaxed);
        }
    }
}

/// All that is bounded for the whole process.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Tokens being worked on.
    pub tokens: Arc<Budget>,
    /// Bytes of messages being received or worked on.
    pub bytes: Arc<Budget>,
    /// Open connections.
    pub connections: Arc<Budget>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_given_beyond_the_limit_and_everything_comes_back() {
        let budget = Budget::new(10);
        let mut first = budget.take(6).unwrap();
        assert!(budget.take(5).is_none());
        let second = budget.take(4).unwrap();
        assert!(!first.grow(1));
        drop(second);
        assert!(first.grow(4));
        let part = first.split(7);
        assert_eq!((first.amount(), part.amount(), budget.taken()), (3, 7, 10));
        drop(first);
        assert_eq!(budget.taken(), 7);
        drop(part);
        assert_eq!(budget.taken(), 0);
        assert!(budget.take(usize::MAX).is_none());
        assert!(budget.take(11).is_none());
        let more = budget.take_more(20, 0).unwrap();
        assert!(budget.take_more(1, 0).is_none());
        drop(more);
        let own = budget.take(9).unwrap();
        assert!(budget.take_more(1, 3).is_none(), "others have more than half");
        drop(budget.take_more(20, 9).unwrap());
        drop(own);
        let held = budget.take(6).unwrap();
        assert!(budget.take_more(1, 0).is_none(), "the last quarter is for others");
        drop(held);
        let owed = budget.charge(12);
        assert!(budget.take(1).is_none());
        drop(owed);
        assert_eq!(budget.taken(), 0);
    }
}
