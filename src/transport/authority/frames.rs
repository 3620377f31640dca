//! Walks over HTTP/2 frames to find header fields (RFC 9113, section 4.1).

use super::fields::Fields;

/// The parser state among the frames (RFC 9113, section 4.1).
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: [u8; 9],
    filled: usize,
    /// The remaining bytes of the current frame's payload.
    left: usize,
    kind: FrameKind,
    /// The padding at the end of the current frame.
    padding: usize,
    fields: Fields,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum FrameKind {
    /// A frame without header fields.
    #[default]
    Other,
    /// Within header fields.
    Block,
    /// At the padding length; a priority may follow.
    PadLength { priority: bool },
    /// Within the priority, of which this many bytes remain.
    Priority(usize),
}

impl Frames {
    const HEADERS: u8 = 1;
    const CONTINUATION: u8 = 9;
    const END_HEADERS: u8 = 4;
    const PADDED: u8 = 8;
    const PRIORITY: u8 = 0x20;

    /// Walks over the received bytes, and repairs them.
    pub(super) fn repair(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            if self.left == 0 {
                let wanted = self.header.len() - self.filled;
                let (now, rest) = bytes.split_at_mut(wanted.min(bytes.len()));
                for (slot, byte) in self.header.iter_mut().skip(self.filled).zip(&*now) {
                    *slot = *byte;
                }
                self.filled += now.len();
                if self.filled == self.header.len() {
                    self.begin();
                }
                bytes = rest;
                continue;
            }
            let (now, rest) = bytes.split_at_mut(self.left.min(bytes.len()));
            self.payload(now);
            bytes = rest;
        }
    }

    fn begin(&mut self) {
        let [a, b, c, kind, flags, ..] = self.header;
        self.filled = 0;
        self.padding = 0;
        self.left = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        let priority = flags & Self::PRIORITY != 0;
        self.kind = match kind {
            Self::HEADERS => {
                self.fields = Fields::default();
                match (flags & Self::PADDED != 0, priority) {
                    (true, _) => FrameKind::PadLength { priority },
                    (false, true) => FrameKind::Priority(5),
                    (false, false) => FrameKind::Block,
                }
            }
            Self::CONTINUATION => FrameKind::Block,
            _ => FrameKind::Other,
        };
        // A block ends with its last frame, in any state.
        if self.left == 0 && flags & Self::END_HEADERS != 0 {
            self.kind = FrameKind::Other;
        }
    }

    fn payload(&mut self, bytes: &mut [u8]) {
        if self.kind == FrameKind::Other {
            self.left -= bytes.len();
            return;
        }
        for byte in bytes {
            self.left -= 1;
            match self.kind {
                FrameKind::PadLength { priority } => {
                    self.padding = usize::from(*byte);
                    self.kind = if priority { FrameKind::Priority(5) } else { FrameKind::Block };
                }
                FrameKind::Priority(1) => self.kind = FrameKind::Block,
                FrameKind::Priority(left) => {
                    self.kind = FrameKind::Priority(left.saturating_sub(1))
                }
                FrameKind::Block if self.left >= self.padding => self.fields.repair(byte),
                FrameKind::Block | FrameKind::Other => {}
            }
        }
    }
}
