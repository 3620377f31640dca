//! The fields of a header block (RFC 7541, section 6).

use super::huffman::Symbols;

/// The parser state within a header block (RFC 7541, section 6), byte by byte, so that a block may
/// be split anywhere.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields {
    state: FieldState,
    /// True if the field is `:authority`.
    authority: bool,
    /// The length of the prefix of the name that matches [`NAME`].
    matched: usize,
    /// The state within a Huffman-coded value.
    symbols: Symbols,
}

/// The name as a literal, and in Huffman code.
const NAME: [&[u8]; 2] = [b":authority", b"\xb8\x3b\x53\x39\xec\x32\x7d\x7f"];

/// The index of `:authority` in the static table (RFC 7541, appendix A).
const NAME_INDEX: usize = 1;

#[derive(Clone, Copy, Debug, Default)]
enum FieldState {
    /// At the start of a field.
    #[default]
    Field,
    /// Within the index of a name; the value follows.
    NameIndex { index: usize, shift: u32 },
    /// Within an irrelevant integer; a field follows.
    Skip,
    /// At the start of the length of a string.
    Length { is_name: bool },
    /// Within the length of a string.
    LengthMore { is_name: bool, huffman: bool, length: usize, shift: u32 },
    /// Within a string, of which `left` bytes remain.
    Text { is_name: bool, huffman: bool, left: usize, length: usize },
    /// In a form that no peer sends; the rest of the block passes unchanged.
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
            // An indexed field, complete in a table.
            0x80.. => {
                return if byte & 0x7f == 0x7f { FieldState::Skip } else { FieldState::Field };
            }
            // A literal that is added to the table.
            0x40..=0x7f => (byte & 0x3f, 0x3f),
            // A change of the table's size.
            0x20..=0x3f => {
                return if byte & 0x1f == 0x1f { FieldState::Skip } else { FieldState::Field };
            }
            // A literal that is not added to the table.
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

    /// Handles the end of a name; the name to find has `length` bytes.
    fn name_done(&mut self, length: usize) -> FieldState {
        self.authority = self.matched == length;
        FieldState::Length { is_name: false }
    }

    fn text(&mut self, is_name: bool, huffman: bool, length: usize) -> FieldState {
        match (length, is_name) {
            // An empty name is not `:authority`.
            (0, true) => self.name_done(usize::MAX),
            (0, false) => FieldState::Field,
            _ => FieldState::Text { is_name, huffman, left: length, length },
        }
    }
}

/// Continues an integer (RFC 7541, section 5.1): returns its value until now, and whether more
/// bytes follow; `None` if it exceeds any header.
fn more(value: usize, shift: u32, byte: u8) -> Option<(usize, bool)> {
    if shift > 21 {
        return None;
    }
    let value = value + (usize::from(byte & 0x7f) << shift);
    Some((value, byte & 0x80 != 0))
}
