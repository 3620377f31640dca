//! The texts of a token, in two allocations: they are made for every token that is new.

/// Texts, end to end in one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Texts {
    text: String,
    ends: Vec<u32>,
}

/// Where a text is among [`Texts`].
pub(super) type Place = u32;

/// Where some are that follow each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Places {
    first: Place,
    end: Place,
}

impl Texts {
    /// Room for these.
    pub(super) fn for_all<'t>(all: impl Iterator<Item = &'t str>) -> Self {
        let add = |(count, bytes): (usize, usize), text: &str| {
            (count.saturating_add(1), bytes.saturating_add(text.len()))
        };
        let (count, bytes) = all.fold((0, 0), add);
        Self { text: String::with_capacity(bytes), ends: Vec::with_capacity(count) }
    }

    /// How many bytes of heap they take.
    pub(super) fn heap_bytes(&self) -> usize {
        let ends = self.ends.len().saturating_mul(size_of::<u32>());
        self.text.len().saturating_add(ends)
    }

    fn place(&self) -> Place {
        // Tokens are far shorter than this.
        Place::try_from(self.ends.len()).unwrap_or(Place::MAX)
    }

    pub(super) fn push(&mut self, text: &str) -> Place {
        let place = self.place();
        self.text.push_str(text);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        place
    }

    pub(super) fn extend<'t>(&mut self, texts: impl Iterator<Item = &'t str>) -> Places {
        let first = self.place();
        texts.for_each(|text| {
            self.push(text);
        });
        Places { first, end: self.place() }
    }

    pub(super) fn get(&self, place: Place) -> &str {
        let end = |place: Place| self.ends.get(index(place)).copied().unwrap_or_default();
        let start = place.checked_sub(1).map_or(0, end);
        self.text.get(index(start)..index(end(place))).unwrap_or_default()
    }

    pub(super) fn range(
        &self,
        Places { first, end }: Places,
    ) -> impl Iterator<Item = &str> + Clone {
        (first..end).map(|place| self.get(place))
    }
}

fn index(place: Place) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}
