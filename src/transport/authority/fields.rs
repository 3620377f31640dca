//! The fields of a header block (RFC 7541, section 6).

use super::huffman::Symbols;

/// Where we are among the fields of a block (RFC 7541, section 6), byte by byte,
/// so that a block may be cut anywhere.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields {
    state: FieldState,
    /// Whether the field is `:authority`.
    authority: bool,
    /// How much of the name has matched [`NAME`] so far.
    matched: usize,
    /// Where we are in a value in Huffman code.
    symbols: Symbols,
}

/// As it is, and in Huffman code.
const NAME: [&[u8]; 2] = [b":authority", b"\xb8\x3b\x53\x39\xec\x32\x7d\x7f"];

/// The index of `:authority` in the static table (RFC 7541, appendix A).
const NAME_INDEX: usize = 1;

#[derive(Clone, Copy, Debug, Default)]
enum FieldState {
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
    pub(super) fn repair(&mut self, byte: &mut u8) {
        self.state = match self.state {
            FieldState::Field => self.field(*byte),
            FieldState::NameIndex { index, shift } => match more(index, shift, *byte) {
                None => FieldState::Lost,
                Some((index, true)) => FieldState::NameIndex { index, shift: shift + 7 },
                Some((index, false)) => self.named(index),
            },
            FieldState::Skip if *byte & 0x80 != 0 => FieldState::Skip,
            FieldState::Skip => FieldState::Field,
            FieldState::Length { is_name } => {
                let (huffman, length) = (*byte & 0x80 != 0, usize::from(*byte & 0x7f));
                if length == 0x7f {
                    FieldState::LengthMore { is_name, huffman, length, shift: 0 }
                } else {
                    self.text(is_name, huffman, length)
                }
            }
            FieldState::LengthMore { is_name, huffman, length, shift } => {
                match more(length, shift, *byte) {
                    None => FieldState::Lost,
                    Some((length, true)) => {
                        FieldState::LengthMore { is_name, huffman, length, shift: shift + 7 }
                    }
                    Some((length, false)) => self.text(is_name, huffman, length),
                }
            }
            FieldState::Text { is_name, huffman, left, length } => {
                let [plain, coded] = NAME;
                let name = if huffman { coded } else { plain };
                if is_name {
                    let fits = length == name.len() && name.get(length - left) == Some(byte);
                    self.matched += usize::from(fits);
                } else if self.authority && huffman {
                    self.symbols.repair(byte);
                } else if self.authority && matches!(*byte, b'%' | b'/' | b' ') {
                    *byte = b'-';
                }
                match (left, is_name) {
                    (1, true) => self.name_done(name.len()),
                    (1, false) => FieldState::Field,
                    _ => FieldState::Text { is_name, huffman, left: left - 1, length },
                }
            }
            FieldState::Lost => FieldState::Lost,
        };
    }

    fn field(&mut self, byte: u8) -> FieldState {
        let (index, most) = match byte {
            // An indexed field, all of it in a table.
            0x80.. => {
                return if byte & 0x7f == 0x7f { FieldState::Skip } else { FieldState::Field };
            }
            // A literal that enters the table.
            0x40..=0x7f => (byte & 0x3f, 0x3f),
            // A change of the table's size.
            0x20..=0x3f => {
                return if byte & 0x1f == 0x1f { FieldState::Skip } else { FieldState::Field };
            }
            // A literal that does not enter the table.
            0x00..=0x1f => (byte & 0x0f, 0x0f),
        };
        if index == most {
            FieldState::NameIndex { index: usize::from(index), shift: 0 }
        } else {
            self.named(usize::from(index))
        }
    }

    fn named(&mut self, index: usize) -> FieldState {
        self.authority = index == NAME_INDEX;
        self.matched = 0;
        self.symbols = Symbols::default();
        FieldState::Length { is_name: index == 0 }
    }

    /// A name has ended; the one that we look for has `length` bytes.
    fn name_done(&mut self, length: usize) -> FieldState {
        self.authority = self.matched == length;
        FieldState::Length { is_name: false }
    }

    fn text(&mut self, is_name: bool, huffman: bool, length: usize) -> FieldState {
        match (length, is_name) {
            // No name at all, and so not ours.
            (0, true) => self.name_done(usize::MAX),
            (0, false) => FieldState::Field,
            _ => FieldState::Text { is_name, huffman, left: length, length },
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
