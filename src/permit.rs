//! A part of what is bounded, for as long as somebody has it.

/// A part of what a source has to give; it goes back when this is dropped.
#[derive(Debug)]
pub struct Permit<S: Source> {
    source: S,
    amount: usize,
}

/// What gives permits, and takes them back.
pub trait Source {
    /// Takes back `amount`.
    fn give_back(&self, amount: usize);
}

impl<S: Source> Permit<S> {
    /// For `amount`, which `source` has given already.
    pub(crate) fn given(source: S, amount: usize) -> Self {
        Self { source, amount }
    }

    /// How much this is for.
    #[must_use]
    pub fn amount(&self) -> usize {
        self.amount
    }

    /// Gives back `amount`, or all that there is.
    pub fn shrink(&mut self, amount: usize) {
        let amount = amount.min(self.amount);
        self.amount -= amount;
        self.source.give_back(amount);
    }

    /// Splits off `amount`, or all that there is.
    #[must_use]
    pub fn split(&mut self, amount: usize) -> Self
    where
        S: Clone,
    {
        let amount = amount.min(self.amount);
        self.amount -= amount;
        Self { source: self.source.clone(), amount }
    }

    /// The source, and how much of it this is for.
    pub(crate) fn parts_mut(&mut self) -> (&mut S, &mut usize) {
        (&mut self.source, &mut self.amount)
    }

    /// What gave this.
    pub(crate) fn source(&self) -> &S {
        &self.source
    }
}

impl<S: Source> Drop for Permit<S> {
    fn drop(&mut self) {
        if self.amount > 0 {
            self.source.give_back(self.amount);
        }
    }
}
