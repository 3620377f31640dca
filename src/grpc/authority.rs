//! Repairs the `:authority` that some gRPC clients send over Unix sockets.
//!
//! C-core (Python, C++, Ruby, PHP), Java and Swift send the path of the socket,
//! often percent-encoded, and the `h2` crate refuses it as no valid authority.
//! The bytes that it objects to, `%` and `/`, are replaced by `-` in place and at
//! equal length, so that both sides' header tables stay in step (RFC 7541). What
//! is not understood passes unchanged.

use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose incoming HTTP/2 frames are repaired. It must begin behind the
/// connection preface.
#[derive(Debug)]
pub struct AuthorityRepair<S> {
    stream: S,
    frames: Frames,
}

impl<S> AuthorityRepair<S> {
    /// Repairs what comes in from `stream`.
    #[must_use]
    pub fn new(stream: S) -> Self {
        Self { stream, frames: Frames::default() }
    }
}

/// Where we are among the frames (RFC 9113, section 4.1).
#[derive(Debug, Default)]
struct Frames {
    header: [u8; 9],
    filled: usize,
    /// What is left of the current frame's payload.
    left: usize,
    kind: Kind,
    /// The padding at the end of the current frame.
    padding: usize,
    fields: Fields,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Kind {
    /// Not header fields.
    #[default]
    Other,
    /// Header fields.
    Block,
    /// The length of padding comes first, then perhaps a priority.
    PadLength { priority: bool },
    /// So many bytes of priority come first.
    Priority(usize),
}

impl Frames {
    const HEADERS: u8 = 1;
    const CONTINUATION: u8 = 9;
    const END_HEADERS: u8 = 4;
    const PADDED: u8 = 8;
    const PRIORITY: u8 = 0x20;

    /// Goes over what was read, and repairs it.
    fn repair(&mut self, mut bytes: &mut [u8]) {
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
                    (true, _) => Kind::PadLength { priority },
                    (false, true) => Kind::Priority(5),
                    (false, false) => Kind::Block,
                }
            }
            Self::CONTINUATION => Kind::Block,
            _ => Kind::Other,
        };
        // A block ends with its last frame, whatever state it is in.
        if self.left == 0 && flags & Self::END_HEADERS != 0 {
            self.kind = Kind::Other;
        }
    }

    fn payload(&mut self, bytes: &mut [u8]) {
        if self.kind == Kind::Other {
            self.left -= bytes.len();
            return;
        }
        for byte in bytes {
            self.left -= 1;
            match self.kind {
                Kind::PadLength { priority } => {
                    self.padding = usize::from(*byte);
                    self.kind = if priority { Kind::Priority(5) } else { Kind::Block };
                }
                Kind::Priority(1) => self.kind = Kind::Block,
                Kind::Priority(left) => self.kind = Kind::Priority(left.saturating_sub(1)),
                Kind::Block if self.left >= self.padding => self.fields.repair(byte),
                Kind::Block | Kind::Other => {}
            }
        }
    }
}

/// Where we are among the fields of a block (RFC 7541, section 6), byte by byte,
/// so that a block may be cut anywhere.
#[derive(Clone, Copy, Debug, Default)]
struct Fields {
    state: State,
    /// Whether the field is `:authority`.
    authority: bool,
    /// How much of the name has matched [`NAME`] so far.
    matched: usize,
}

const NAME: &[u8] = b":authority";

/// The index of `:authority` in the static table (RFC 7541, appendix A).
const NAME_INDEX: usize = 1;

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// A field begins.
    #[default]
    Field,
    /// The index of a name goes on; the value follows.
    NameIndex { index: usize, shift: u32 },
    /// An integer that does not matter goes on; a field follows.
    Skip,
    /// The length of a string begins.
    Length { is_name: bool },
    /// The length of a string goes on.
    LengthMore { is_name: bool, huffman: bool, length: usize, shift: u32 },
    /// So many bytes of a string are left.
    Text { is_name: bool, huffman: bool, left: usize, length: usize },
    /// Something that no peer sends; the rest of the block passes unchanged.
    Lost,
}

impl Fields {
    fn repair(&mut self, byte: &mut u8) {
        self.state = match self.state {
            State::Field => self.field(*byte),
            State::NameIndex { index, shift } => match more(index, shift, *byte) {
                None => State::Lost,
                Some((index, true)) => State::NameIndex { index, shift: shift + 7 },
                Some((index, false)) => self.named(index),
            },
            State::Skip if *byte & 0x80 != 0 => State::Skip,
            State::Skip => State::Field,
            State::Length { is_name } => {
                let (huffman, length) = (*byte & 0x80 != 0, usize::from(*byte & 0x7f));
                if length == 0x7f {
                    State::LengthMore { is_name, huffman, length, shift: 0 }
                } else {
                    self.text(is_name, huffman, length)
                }
            }
            State::LengthMore { is_name, huffman, length, shift } => {
                match more(length, shift, *byte) {
                    None => State::Lost,
                    Some((length, true)) => {
                        State::LengthMore { is_name, huffman, length, shift: shift + 7 }
                    }
                    Some((length, false)) => self.text(is_name, huffman, length),
                }
            }
            State::Text { is_name, huffman, left, length } => {
                if is_name {
                    let expected = NAME.get(length - left);
                    let fits = !huffman && length == NAME.len() && expected == Some(byte);
                    self.matched += usize::from(fits);
                } else if self.authority && !huffman && matches!(*byte, b'%' | b'/') {
                    *byte = b'-';
                }
                match (left, is_name) {
                    (1, true) => self.name_done(),
                    (1, false) => State::Field,
                    _ => State::Text { is_name, huffman, left: left - 1, length },
                }
            }
            State::Lost => State::Lost,
        };
    }

    fn field(&mut self, byte: u8) -> State {
        let (index, most) = match byte {
            // An indexed field, all of it in a table.
            0x80.. => {
                return if byte & 0x7f == 0x7f { State::Skip } else { State::Field };
            }
            // A literal that enters the table.
            0x40..=0x7f => (byte & 0x3f, 0x3f),
            // A change of the table's size.
            0x20..=0x3f => {
                return if byte & 0x1f == 0x1f { State::Skip } else { State::Field };
            }
            // A literal that does not enter the table.
            0x00..=0x1f => (byte & 0x0f, 0x0f),
        };
        if index == most {
            State::NameIndex { index: usize::from(index), shift: 0 }
        } else {
            self.named(usize::from(index))
        }
    }

    fn named(&mut self, index: usize) -> State {
        self.authority = index == NAME_INDEX;
        self.matched = 0;
        State::Length { is_name: index == 0 }
    }

    fn name_done(&mut self) -> State {
        self.authority = self.matched == NAME.len();
        State::Length { is_name: false }
    }

    fn text(&mut self, is_name: bool, huffman: bool, length: usize) -> State {
        match (length, is_name) {
            (0, true) => self.name_done(),
            (0, false) => State::Field,
            _ => State::Text { is_name, huffman, left: length, length },
        }
    }
}

/// Goes on with an integer (RFC 7541, section 5.1): its value so far, and whether
/// more follows; nothing if it is larger than any header.
fn more(value: usize, shift: u32, byte: u8) -> Option<(usize, bool)> {
    if shift > 21 {
        return None;
    }
    let value = value + (usize::from(byte & 0x7f) << shift);
    Some((value, byte & 0x80 != 0))
}

impl<S: AsyncRead + Unpin> AsyncRead for AuthorityRepair<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let Self { stream, frames } = &mut *self;
        let outcome = Pin::new(stream).poll_read(context, buffer);
        if let Some(fresh) = buffer.filled_mut().get_mut(before..) {
            frames.repair(fresh);
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for AuthorityRepair<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
        let length = |text: &[u8]| u8::try_from(text.len()).unwrap();
        [&[0x40, length(name)], name, &[length(value)], value].concat()
    }

    /// Repairs `bytes` whole, and cut at every place; all must agree.
    fn repaired(bytes: &[u8]) -> Vec<u8> {
        let mut whole = bytes.to_vec();
        Frames::default().repair(&mut whole);
        for cut in 0..=bytes.len() {
            let mut pieces = bytes.to_vec();
            let mut frames = Frames::default();
            let (first, second) = pieces.split_at_mut(cut);
            frames.repair(first);
            frames.repair(second);
            assert_eq!(pieces, whole, "cut at {cut}");
        }
        whole
    }

    #[test]
    fn the_authority_of_c_core_is_repaired_and_nothing_else() {
        let block = |authority: &[u8]| {
            let path = literal(b":path", b"/jwtd.v1/%2F");
            let authority = literal(b":authority", authority);
            [&[0x83, 0x86][..], &path, &authority, &literal(b"x-other", b"a%2Fb/c")].concat()
        };
        let sent = frame(1, 4, &block(b"tmp%2Fx%2Fs.sock"));
        assert_eq!(repaired(&sent), frame(1, 4, &block(b"tmp-2Fx-2Fs.sock")));
        let fine = frame(1, 4, &block(b"localhost:80"));
        assert_eq!(repaired(&fine), fine);
    }

    #[test]
    fn an_indexed_name_padding_priority_and_continuation_are_understood() {
        // Indexed name, as in Java.
        let indexed = |value: &[u8]| [&[0x41, u8::try_from(value.len()).unwrap()], value].concat();
        assert_eq!(repaired(&frame(1, 4, &indexed(b"/run/s"))), frame(1, 4, &indexed(b"-run-s")));
        // Never indexed, and without indexing.
        for first in [0x01, 0x11] {
            let block = |value: &[u8]| [&[first, 6], value].concat();
            assert_eq!(repaired(&frame(1, 4, &block(b"/run/s"))), frame(1, 4, &block(b"-run-s")));
        }
        let padded = |value: &[u8]| [&[3, 0, 0, 0, 0, 9], &indexed(value)[..], b"/%/"].concat();
        assert_eq!(
            repaired(&frame(1, 4 | 8 | 0x20, &padded(b"/run/s"))),
            frame(1, 4 | 8 | 0x20, &padded(b"-run-s"))
        );
        let (head, tail) = (indexed(b"/run/s"), indexed(b"-run-s"));
        for cut in 0..head.len() {
            let sent = [frame(1, 0, &head[..cut]), frame(9, 4, &head[cut..])].concat();
            let expected = [frame(1, 0, &tail[..cut]), frame(9, 4, &tail[cut..])].concat();
            assert_eq!(repaired(&sent), expected);
        }
    }

    #[test]
    fn what_is_not_a_header_block_passes_unchanged() {
        let data = frame(0, 1, b"A/run/%2F:authority");
        let settings = frame(4, 0, &[0, 3, 0, 0, 0, 100]);
        let broken = frame(1, 4, &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, b'/', b'%']);
        let sent = [data, settings, broken].concat();
        assert_eq!(repaired(&sent), sent);
    }
}
