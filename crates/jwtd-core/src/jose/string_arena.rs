//! An arena of strings. It needs two allocations for all strings of a token, because one is built
//! for every new token.

/// Strings stored end to end in one buffer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct StringArena {
    text: String,
    ends: Vec<u32>,
}

/// The index of a string in its [`StringArena`].
pub(super) type StringIndex = u32;

/// The index range of consecutive strings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct StringRange {
    first: StringIndex,
    end: StringIndex,
}

impl StringArena {
    /// Creates an empty arena with capacity for these strings.
    pub(super) fn for_all<'t>(all: impl Iterator<Item = &'t str>) -> Self {
        let add = |(count, bytes): (usize, usize), text: &str| {
            (count.saturating_add(1), bytes.saturating_add(text.len()))
        };
        let (count, bytes) = all.fold((0, 0), add);
        Self { text: String::with_capacity(bytes), ends: Vec::with_capacity(count) }
    }

    /// The heap memory of the arena, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let ends = self.ends.len().saturating_mul(size_of::<u32>());
        self.text.len().saturating_add(ends)
    }

    fn next_index(&self) -> StringIndex {
        // Tokens are far too short to reach this limit.
        StringIndex::try_from(self.ends.len()).unwrap_or(StringIndex::MAX)
    }

    pub(super) fn push(&mut self, text: &str) -> StringIndex {
        let index = self.next_index();
        self.text.push_str(text);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        index
    }

    pub(super) fn extend<'t>(&mut self, strings: impl Iterator<Item = &'t str>) -> StringRange {
        let first = self.next_index();
        strings.for_each(|text| {
            self.push(text);
        });
        StringRange { first, end: self.next_index() }
    }

    pub(super) fn get(&self, index: StringIndex) -> &str {
        let end = |index: StringIndex| self.ends.get(widen(index)).copied().unwrap_or_default();
        let start = index.checked_sub(1).map_or(0, end);
        self.text.get(widen(start)..widen(end(index))).unwrap_or_default()
    }

    pub(super) fn range(
        &self,
        StringRange { first, end }: StringRange,
    ) -> impl Iterator<Item = &str> + Clone {
        (first..end).map(|index| self.get(index))
    }
}

fn widen(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}
