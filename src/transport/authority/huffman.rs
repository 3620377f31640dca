//! The symbols of a Huffman-coded text (RFC 7541, section 5.2 and appendix B).
//!
//! `%` is 010101, `/` is 011000 and the space is 010100. A bit that was passed on cannot be changed
//! any more, so each symbol is replaced by setting one bit as it passes: the fifth of 01010,
//! whether `%` or a space follows (they become `.`, 010111, and `-`, 010110), and the sixth of `/`
//! (it becomes `3`, 011001).

/// The parser state among the symbols of a text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Symbols {
    /// The bits of the current symbol.
    code: u32,
    /// The number of these bits.
    length: usize,
}

/// The number of symbols for each code length. The code is canonical: the codes of one length
/// follow those of the length before. So the end of a symbol can be found without knowing the
/// symbol.
const SYMBOLS: [(usize, u32); 21] = [
    (5, 10),
    (6, 26),
    (7, 32),
    (8, 6),
    (10, 5),
    (11, 3),
    (12, 2),
    (13, 6),
    (14, 2),
    (15, 3),
    (19, 3),
    (20, 8),
    (21, 13),
    (22, 26),
    (23, 29),
    (24, 12),
    (25, 4),
    (26, 15),
    (27, 19),
    (28, 29),
    (30, 4),
];

/// For each length, the first longer code: all codes below it end there.
const ENDS: [u32; 31] = {
    let mut ends = [0; 31];
    let (mut end, mut length, mut row) = (0, 0, 0);
    while row < SYMBOLS.len() {
        #[expect(clippy::indexing_slicing, reason = "checked when it is compiled")]
        let (next, count) = SYMBOLS[row];
        end = (end << (next - length)) + count;
        length = next;
        #[expect(clippy::indexing_slicing, reason = "checked when it is compiled")]
        {
            ends[length] = end;
        }
        row += 1;
    }
    ends
};

impl Symbols {
    /// Walks over the next byte of the text, and repairs it.
    pub(super) fn repair(&mut self, byte: &mut u8) {
        for shift in (0..8).rev() {
            let bit = *byte >> shift & 1;
            self.code = self.code << 1 | u32::from(bit);
            self.length += 1;
            if matches!((self.length, self.code), (5, 0b0_1010) | (6, 0b01_1000)) {
                *byte |= 1 << shift;
                self.code |= 1;
            }
            // No code is longer than 30 bits, and the 30-bit codes cover all remaining values.
            if ENDS.get(self.length).is_none_or(|end| self.code < *end) {
                *self = Self::default();
            }
        }
    }
}
