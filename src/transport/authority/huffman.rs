//! The symbols of a text in Huffman code (RFC 7541, section 5.2 and appendix B).
//!
//! `%` is 010101, `/` is 011000 and the space is 010100. A bit that was handed on
//! cannot be changed any more, so each is made another symbol by setting one bit as
//! it passes: the fifth of 01010, whether `%` or a space follows (they become `.`,
//! 010111, and `-`, 010110), and the sixth of `/` (it becomes `3`, 011001).

/// Where we are among the symbols of a text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Symbols {
    /// The bits of the symbol that has begun.
    code: u32,
    /// How many bits these are.
    length: usize,
}

/// The code is canonical: so many symbols have codes of so many bits, and the codes of
/// a length follow on those of the length before. Hence where a symbol ends can be told
/// without knowing which it is.
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

/// By length, the first code that is longer: all below it end there.
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
    /// Goes over the next byte of the text, and repairs it.
    pub(super) fn repair(&mut self, byte: &mut u8) {
        for shift in (0..8).rev() {
            let bit = *byte >> shift & 1;
            self.code = self.code << 1 | u32::from(bit);
            self.length += 1;
            if matches!((self.length, self.code), (5, 0b0_1010) | (6, 0b01_1000)) {
                *byte |= 1 << shift;
                self.code |= 1;
            }
            // No code is longer than those of 30 bits, and they leave none over.
            if ENDS.get(self.length).is_none_or(|end| self.code < *end) {
                *self = Self::default();
            }
        }
    }
}
