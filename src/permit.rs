//! Permits for a share of a bounded resource.

/// A share of a source's resource; dropping the permit returns it.
#[derive(Debug)]
pub struct Permit<S: Source> {
    source: S,
    amount: usize,
}

/// A resource that grants permits and takes them back.
pub trait Source {
    /// Returns `amount` to the resource.
    fn give_back(&self, amount: usize);
}

impl<S: Source> Permit<S> {
    /// A permit for `amount`, which `source` has granted already.
    pub(crate) fn given(source: S, amount: usize) -> Self {
        Self { source, amount }
    }

    /// The amount that this permit holds.
    #[must_use]
    pub fn amount(&self) -> usize {
        self.amount
    }

    /// Returns `amount` to the source, or everything if the permit holds less.
    pub fn shrink(&mut self, amount: usize) {
        let amount = amount.min(self.amount);
        self.amount -= amount;
        self.source.give_back(amount);
    }

    /// Splits off a permit for `amount`, or for everything if this one holds less.
    #[must_use]
    pub fn split(&mut self, amount: usize) -> Self
    where
        S: Clone,
    {
        let amount = amount.min(self.amount);
        self.amount -= amount;
        Self { source: self.source.clone(), amount }
    }

    /// The source and the amount of this permit.
    pub(crate) fn parts_mut(&mut self) -> (&mut S, &mut usize) {
        (&mut self.source, &mut self.amount)
    }

    /// The source of this permit.
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
