//! HTTP/2 frames (RFC 9113) and HPACK fields (RFC 7541), written by hand because no library would
//! write invalid ones.

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

/// `END_STREAM` of DATA and HEADERS, `ACK` of SETTINGS and PING.
pub(crate) const END: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// Error codes of RFC 9113, section 7.
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;
pub(crate) const CANCEL: u32 = 8;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;
pub(crate) const HEADER_TABLE_SIZE: u16 = 1;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head, &stream.to_be_bytes()[..], payload].concat()
}

pub(crate) fn settings(list: &[(u16, u32)]) -> Vec<u8> {
    let pairs =
        list.iter().map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
    frame(SETTINGS, 0, 0, &pairs.collect::<Vec<_>>().concat())
}

pub(crate) fn window(stream: u32, more: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes())
}

pub(crate) fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

/// DATA frames of the largest size that every peer must accept; the last one has `flags`.
pub(crate) fn data(stream: u32, flags: u8, bytes: &[u8]) -> Vec<u8> {
    let mut pieces: Vec<_> = bytes.chunks(16 << 10).collect();
    let last = pieces.pop().unwrap_or_default();
    let mut all: Vec<u8> =
        pieces.into_iter().flat_map(|piece| frame(DATA, 0, stream, piece)).collect();
    all.extend(frame(DATA, flags, stream, last));
    all
}

/// The complete header block of a call.
pub(crate) fn head(stream: u32, flags: u8, path: &[u8]) -> Vec<u8> {
    frame(HEADERS, flags | END_HEADERS, stream, &fields(path))
}

/// A whole call, from headers to message.
pub(crate) fn call(stream: u32, path: &[u8], message: &[u8]) -> Vec<u8> {
    [head(stream, 0, path), data(stream, END, &prefixed(message))].concat()
}

/// A message with its gRPC prefix, as in DATA.
pub(crate) fn prefixed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

/// The header fields of every gRPC call.
pub(crate) fn fields(path: &[u8]) -> Vec<u8> {
    fields_of(b"\x83", path, b"application/grpc")
}

/// The same with another method, given as an encoded field, or another content type.
pub(crate) fn fields_of(method: &[u8], path: &[u8], kind: &[u8]) -> Vec<u8> {
    let known = |index: usize, value: &[u8]| [integer(4, 0, index), text(value)].concat();
    let parts = [method.to_vec(), vec![0x86], known(4, path), known(1, b"x"), known(31, kind)];
    [parts.concat(), literal(b"te", b"trailers")].concat()
}

/// A literal field without indexing (RFC 7541, section 6.2.2).
pub(crate) fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    [vec![0], text(name), text(value)].concat()
}

/// A literal field added to the dynamic table (RFC 7541, section 6.2.1).
pub(crate) fn indexed(name: &[u8], value: &[u8]) -> Vec<u8> {
    [vec![0x40], text(name), text(value)].concat()
}

/// The newest entry of the dynamic table (RFC 7541, section 6.1).
pub(crate) const YOUNGEST: u8 = 0x80 | 62;

fn text(bytes: &[u8]) -> Vec<u8> {
    [integer(7, 0, bytes.len()), bytes.to_vec()].concat()
}

/// An integer with a prefix of `bits` bits (RFC 7541, section 5.1).
fn integer(bits: u32, first: u8, value: usize) -> Vec<u8> {
    let most = (1_usize << bits) - 1;
    let low = |value: usize| u8::try_from(value).unwrap();
    if value < most {
        return vec![first | low(value)];
    }
    let (mut bytes, mut rest) = (vec![first | low(most)], value - most);
    while rest >= 128 {
        bytes.push(low(rest % 128) | 128);
        rest /= 128;
    }
    bytes.push(low(rest));
    bytes
}

/// `grpc-status` in HPACK's Huffman code, preceded by its length.
const GRPC_STATUS: &[u8] = &[0x88, 0x9a, 0xca, 0xc8, 0xb2, 0x12, 0x34, 0xda, 0x8f];

/// The Huffman codes of the digits, and their lengths in bits (RFC 7541, appendix B).
const DIGITS: [(u16, u32); 10] = [
    (0b00000, 5),
    (0b00001, 5),
    (0b00010, 5),
    (0b01_1001, 6),
    (0b01_1010, 6),
    (0b01_1011, 6),
    (0b01_1100, 6),
    (0b01_1101, 6),
    (0b01_1110, 6),
    (0b01_1111, 6),
];

/// The value of `grpc-status` in a header block, if present.
pub(crate) fn grpc_status(block: &[u8]) -> Option<u8> {
    let place = block.windows(GRPC_STATUS.len()).position(|part| part == GRPC_STATUS)?;
    let value = &block[place + GRPC_STATUS.len()..];
    let (length, coded) = (usize::from(value.first()? & 127), value.first()? & 128 != 0);
    let value = value.get(1..=length)?;
    if !coded {
        return std::str::from_utf8(value).ok()?.parse().ok();
    }
    // A status has at most two digits, so it fits 16 bits; the padding consists of ones.
    let bits = value.iter().fold(0_u16, |bits, byte| bits << 8 | u16::from(*byte));
    let mut left = u32::try_from(length * 8).ok()?;
    let mut number = 0;
    while left >= 5 {
        let fits = |(code, size): (u16, u32)| {
            left >= size && bits >> (left - size) & ((1 << size) - 1) == code
        };
        let Some(digit) = DIGITS.iter().position(|one| fits(*one)) else { break };
        number = number * 10 + u8::try_from(digit).ok()?;
        left -= DIGITS[digit].1;
    }
    Some(number)
}

/// The value of `:status`, as an index into HPACK's static table or as a literal.
pub(crate) fn http_status(block: &[u8]) -> Option<u16> {
    // h2 may begin with an update of the table size (RFC 7541, section 6.3).
    let first = block.iter().find(|byte| *byte >> 5 != 1)?;
    let known = [200, 204, 206, 304, 400, 404, 500];
    first.checked_sub(0x88).and_then(|place| known.get(usize::from(place))).copied()
}
