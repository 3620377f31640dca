//! Pseudorandom numbers that repeat with the same seed.

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The generator for one piece of work; no two pieces share numbers.
    pub(crate) fn of(seed: u64, piece: usize) -> Self {
        let mut dice =
            Self(seed ^ u64::try_from(piece).unwrap().wrapping_mul(0xd1b5_4a32_d192_ed03));
        dice.number();
        dice
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `length`, which must not be zero.
    pub(crate) fn below(&mut self, length: usize) -> usize {
        usize::try_from(self.number() % u64::try_from(length).unwrap()).unwrap()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.number().to_le_bytes()[0]
    }

    /// Returns true on average once in `times` calls.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.below(list.len())]
    }
}
