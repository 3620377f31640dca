//! Rows with their number.

/// Rows of which it is known how many there are: what takes them makes room once.
pub(super) struct Counted<I> {
    rows: I,
    count: usize,
}

impl<I> Counted<I> {
    pub(super) fn new(rows: I, count: u64) -> Self {
        Self { rows, count: usize::try_from(count).unwrap_or_default() }
    }
}

impl<I: Iterator> Iterator for Counted<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.count = self.count.saturating_sub(1);
        self.rows.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, None)
    }
}
