//! Walks over HTTP/2 frames by their headers (RFC 9113, section 4.1).

/// The parser state among the frames.
#[derive(Debug, Default)]
pub(super) struct FrameWalk {
    head: [u8; 9],
    filled: usize,
    /// The remaining bytes of the current frame's payload.
    left: usize,
}

/// The number of frames that began in a piece.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Seen {
    /// Frames that carry a call or a part of a message.
    pub(super) progress: u32,
    /// Other frames.
    pub(super) idle: u32,
}

impl FrameWalk {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const PADDED: u8 = 8;
    /// The longest padding and its length field, in bytes.
    const PADDING: usize = 256;

    /// Walks over the next bytes.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Seen {
        let mut seen = Seen::default();
        loop {
            let (_, rest) = bytes.split_at(self.left.min(bytes.len()));
            self.left = self.left.saturating_sub(bytes.len());
            if rest.is_empty() {
                return seen;
            }
            let wanted = self.head.len().saturating_sub(self.filled);
            let (now, rest) = rest.split_at(wanted.min(rest.len()));
            for (slot, byte) in self.head.iter_mut().skip(self.filled).zip(now) {
                *slot = *byte;
            }
            self.filled = self.filled.saturating_add(now.len());
            if self.filled == self.head.len() {
                self.filled = 0;
                self.begin(&mut seen);
            }
            bytes = rest;
        }
    }

    fn begin(&mut self, seen: &mut Seen) {
        let [a, b, c, kind, flags, ..] = self.head;
        self.left = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        let progress = match kind {
            Self::HEADERS => true,
            // Padding is not part of a message. Its exact length is in the first byte, which is not
            // read here.
            Self::DATA if flags & Self::PADDED != 0 => self.left > Self::PADDING,
            Self::DATA => self.left > 0,
            _ => false,
        };
        let count = if progress { &mut seen.progress } else { &mut seen.idle };
        *count = count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let [.., a, b, c] = length.to_be_bytes();
        [&[a, b, c, kind, flags, 0, 0, 0, 1][..], &vec![7; length]].concat()
    }

    #[test]
    fn frames_are_told_by_their_heads_however_they_are_cut() {
        let (progress, idle) = (
            [(1, 4, 20), (0, 0, 1), (0, 1, 300), (0, 8, 300)],
            [
                (0, 0, 0),
                (0, 1, 0),
                (0, 8, 8),
                (2, 0, 5),
                (3, 0, 4),
                (4, 0, 6),
                (4, 1, 0),
                (6, 0, 8),
                (6, 1, 8),
                (7, 0, 8),
                (8, 0, 4),
                (9, 4, 1),
                (0xbb, 0xff, 70),
            ],
        );
        let all: Vec<u8> = progress
            .iter()
            .chain(&idle)
            .flat_map(|(kind, flags, size)| frame(*kind, *flags, *size))
            .collect();
        let expected = Seen { progress: 4, idle: 13 };
        for size in 1..=all.len() {
            let (mut walk, mut sum) = (FrameWalk::default(), Seen::default());
            for piece in all.chunks(size) {
                let seen = walk.pass(piece);
                sum.progress += seen.progress;
                sum.idle += seen.idle;
            }
            assert_eq!((sum, walk.left, walk.filled), (expected, 0, 0), "in pieces of {size}");
        }
    }
}
