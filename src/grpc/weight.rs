//! Estimates the memory of decoding a message from its bytes while they arrive, before anything is
//! decoded: a field takes two bytes on the wire and a hundred times as many in memory.

use super::shapes::{self, FieldContent};
use super::status::CallFault;

/// The weight of a message until now.
///
/// The walk follows the encoding as prost does. At a malformed part, prost refuses the message,
/// having decoded no more than what was counted.
#[derive(Debug)]
pub(super) struct Weight {
    /// The stack of open messages, from the request to the innermost.
    open: [OpenMessage; DEEPEST],
    depth: usize,
    /// The received bytes of the request.
    at: usize,
    part: WirePart,
    fields: usize,
    decoded: usize,
}

/// The deepest nesting of a request; all requests nest less.
const DEEPEST: usize = 8;

#[derive(Clone, Copy, Debug, Default)]
struct OpenMessage {
    /// The index of its shape.
    shape: usize,
    /// The position at which it ends.
    end: usize,
}

/// The next part.
#[derive(Clone, Copy, Debug)]
enum WirePart {
    Key(Varint),
    Number(Varint),
    Length { number: u64, length: Varint },
    Skipped(usize),
}

const KEY: WirePart = WirePart::Key(Varint { value: 0, bytes: 0 });

/// A partially received varint.
#[derive(Clone, Copy, Debug, Default)]
struct Varint {
    value: u64,
    bytes: u32,
}

impl Varint {
    /// Adds a byte. Returns the number after the last byte, and `None` if there are too many.
    fn next(self, byte: u8) -> Option<Result<u64, Self>> {
        let Self { value, bytes } = self;
        let value = value | u64::from(byte & 127).checked_shl(bytes * 7)?;
        match (byte & 128, bytes) {
            (0, _) => Some(Ok(value)),
            (_, 0..9) => Some(Err(Self { value, bytes: bytes + 1 })),
            _ => None,
        }
    }
}

/// Decodes the usual start of a field in one step: a field number below 16 and a length below
/// 16,384 bytes. Returns the number, the length and the bytes of the start. It replaces a step for
/// each byte.
fn usual(bytes: &[u8]) -> Option<(u64, u64, usize)> {
    match *bytes {
        [key, length, ..] if key & 0x87 == 2 && length < 128 => {
            Some((u64::from(key >> 3), u64::from(length), 2))
        }
        [key, low, high, ..] if key & 0x87 == 2 && high < 128 => {
            let length = u64::from(low & 127) | u64::from(high) << 7;
            Some((u64::from(key >> 3), length, 3))
        }
        _ => None,
    }
}

impl Weight {
    /// Creates the weight of a request with this shape and length in bytes.
    pub(super) fn new(shape: usize, length: usize) -> Self {
        let mut open = [OpenMessage::default(); DEEPEST];
        open[0] = OpenMessage { shape, end: length };
        Self { open, depth: 0, at: 0, part: KEY, fields: 0, decoded: 0 }
    }

    /// The most memory that decoding takes, in bytes.
    pub(super) fn decoded(&self) -> usize {
        self.decoded
    }

    /// Adds the next bytes.
    ///
    /// # Errors
    /// If the message has too many fields, or decoding it would take too much memory.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), CallFault> {
        while let Some((&byte, rest)) = bytes.split_first() {
            if let WirePart::Skipped(left) = self.part {
                let now = left.min(bytes.len());
                bytes = bytes.get(now..).unwrap_or_default();
                self.at = self.at.saturating_add(now);
                self.part = if now == left { KEY } else { WirePart::Skipped(left - now) };
            } else if let (WirePart::Key(Varint { bytes: 0, .. }), Some((number, length, taken))) =
                (self.part, usual(bytes.get(..self.left()).unwrap_or(bytes)))
            {
                bytes = bytes.get(taken..).unwrap_or_default();
                self.at = self.at.saturating_add(taken);
                self.fields = self.fields.saturating_add(1);
                self.part = self.content(number, length);
            } else {
                bytes = rest;
                self.at = self.at.saturating_add(1);
                self.part = self.next(byte);
            }
            while self.depth > 0 && self.at >= self.top().end {
                self.depth -= 1;
                self.part = KEY;
            }
        }
        self.judge()
    }

    fn judge(&self) -> Result<(), CallFault> {
        /// The number of fields that may have any size.
        const FEW: usize = 4096;
        /// The least average size of the fields of a larger message, in bytes.
        const SMALL: usize = 16;
        /// The memory allowed for a message of any length, in bytes.
        const FREE: usize = 1024 * 1024;
        /// The multiple of its length that a long message may take in addition.
        const TIMES: usize = 4;

        let length = self.open[0].end;
        for (what, count, limit) in [
            ("fields", self.fields, FEW.max(length / SMALL)),
            ("bytes once it is read", self.decoded, length.saturating_mul(TIMES) + FREE),
        ] {
            if count > limit {
                return Err(CallFault::MessageTooComplex { what, limit });
            }
        }
        Ok(())
    }

    fn top(&self) -> OpenMessage {
        self.open.get(self.depth).copied().unwrap_or_default()
    }

    /// The remaining bytes of the innermost message.
    fn left(&self) -> usize {
        self.top().end.saturating_sub(self.at)
    }

    fn skip(&self, count: usize) -> WirePart {
        match count.min(self.left()) {
            0 => KEY,
            count => WirePart::Skipped(count),
        }
    }

    /// Skips the rest, which is malformed.
    fn broken(&self) -> WirePart {
        self.skip(usize::MAX)
    }

    fn next(&mut self, byte: u8) -> WirePart {
        match self.part {
            WirePart::Key(key) => match key.next(byte) {
                Some(Ok(key)) => self.field(key),
                Some(Err(more)) => WirePart::Key(more),
                None => self.broken(),
            },
            WirePart::Number(number) => match number.next(byte) {
                Some(Ok(_)) => KEY,
                Some(Err(more)) => WirePart::Number(more),
                None => self.broken(),
            },
            WirePart::Length { number, length } => match length.next(byte) {
                Some(Ok(length)) => self.content(number, length),
                Some(Err(more)) => WirePart::Length { number, length: more },
                None => self.broken(),
            },
            WirePart::Skipped(_) => self.part,
        }
    }

    /// Starts a field by its wire type: a varint, eight bytes, a length, four bytes; the start and
    /// end of a group carry no content.
    fn field(&mut self, key: u64) -> WirePart {
        self.fields = self.fields.saturating_add(1);
        let number = key >> 3;
        let next = match key & 7 {
            0 => WirePart::Number(Varint::default()),
            1 => self.skip(8),
            2 => return WirePart::Length { number, length: Varint::default() },
            3 | 4 => KEY,
            5 => self.skip(4),
            _ => self.broken(),
        };
        if let Some(field) = shapes::shape(self.top().shape).field(number) {
            self.decoded = self.decoded.saturating_add(field.each);
        }
        next
    }

    fn content(&mut self, number: u64, length: u64) -> WirePart {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(field) = shapes::shape(self.top().shape).field(number) else {
            return self.skip(length);
        };
        let held = length.min(self.left());
        let (each, more) = match field.content {
            FieldContent::Numbers => (field.each.saturating_mul(held), 0),
            FieldContent::Text => (field.each, held),
            FieldContent::Shared | FieldContent::Message(_) => (field.each, 0),
        };
        self.decoded = self.decoded.saturating_add(each).saturating_add(more);
        let FieldContent::Message(shape) = field.content else { return self.skip(length) };
        if length > self.left() {
            return self.broken();
        }
        if length == 0 {
            return KEY;
        }
        let end = self.at.saturating_add(length);
        match self.open.get_mut(self.depth.saturating_add(1)) {
            Some(slot) => {
                *slot = OpenMessage { shape, end };
                self.depth = self.depth.saturating_add(1);
                KEY
            }
            // No served request nests this deep.
            None => {
                self.fields = usize::MAX;
                self.broken()
            }
        }
    }
}

#[cfg(test)]
mod tests;
