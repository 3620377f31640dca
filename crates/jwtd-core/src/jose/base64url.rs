//! Base64url without padding (RFC 7515, section 2), strict and canonical: each byte string has
//! exactly one encoding.

/// Why a text is not canonical base64url.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Base64Fault {
    /// The byte at this offset is not in the alphabet `A-Z a-z 0-9 - _`.
    #[error("byte {offset} is not base64url")]
    Character {
        /// Counted from the start of the text.
        offset: usize,
    },
    /// No byte string encodes to a text of this length.
    #[error("no byte string encodes to this length")]
    Length,
    /// The unused bits of the last character are not zero: another text would decode to the same
    /// bytes.
    #[error("the unused bits at the end are not zero")]
    TrailingBits,
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Marks a byte outside the alphabet. The bit lies above the 24 bits that four characters hold.
const INVALID: u32 = 1 << 24;

/// For each of the four positions in a group, the six bits of a character shifted to their place in
/// the group of 24, or [`INVALID`]: four lookups and three `or` operations decode a group.
static TABLES: [[u32; 256]; 4] = [table(18), table(12), table(6), table(0)];

#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    reason = "runs at compile time; a mistake does not build"
)]
const fn table(shift: u32) -> [u32; 256] {
    let mut table = [INVALID; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        table[ALPHABET[value] as usize] = (value as u32) << shift;
        value += 1;
    }
    table
}

/// The bits of up to four characters, the first one highest, with [`INVALID`] set if one of them is
/// not in the alphabet.
fn group<const N: usize>(characters: [u8; N]) -> u32 {
    let bits = |(table, character): (&[u32; 256], u8)| {
        table.get(usize::from(character)).copied().unwrap_or(INVALID)
    };
    TABLES.iter().zip(characters).map(bits).fold(0, |all, bits| all | bits)
}

/// The number of bytes that `encoded` characters decode to, if such a length is possible at all.
#[must_use]
pub fn decoded_length(encoded: usize) -> usize {
    let rest = match encoded % 4 {
        0 | 1 => 0,
        2 => 1,
        _ => 2,
    };
    (encoded / 4).saturating_mul(3).saturating_add(rest)
}

/// Decodes `text`.
///
/// # Errors
/// If `text` is not the one canonical encoding of a byte string.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, Base64Fault> {
    let mut bytes = vec![0; decoded_length(text.len())];
    let (quads, rest) = text.as_chunks::<4>();
    let mut target = bytes.chunks_exact_mut(3);
    // Errors are accumulated and checked once at the end: the loop has no branch, and an attacker's
    // token is decoded no slower than an honest one.
    let mut seen = 0;
    for (four, three) in quads.iter().zip(target.by_ref()) {
        let bits = group(*four);
        seen |= bits;
        let [_, x, y, z] = bits.to_be_bytes();
        three.copy_from_slice(&[x, y, z]);
    }
    let tail = target.into_remainder();
    let mut trailing = 0;
    match (rest, tail) {
        ([], []) => {}
        ([a, b], [last]) => {
            let bits = group([*a, *b]);
            seen |= bits;
            [_, *last, trailing, _] = bits.to_be_bytes();
        }
        ([a, b, c], [last_but_one, last]) => {
            let bits = group([*a, *b, *c]);
            seen |= bits;
            [_, *last_but_one, *last, trailing] = bits.to_be_bytes();
        }
        // One character is left over, and its six bits are not a byte.
        _ => return Err(fault(text, Base64Fault::Length)),
    }
    if seen & INVALID != 0 {
        return Err(fault(text, Base64Fault::Length));
    }
    if trailing != 0 {
        return Err(Base64Fault::TrailingBits);
    }
    Ok(bytes)
}

/// Decodes base64url as key sets spell it: optionally padded, or in the alphabet of RFC 4648,
/// section 4. A key means the same in each spelling. The parts of a token do not; [`decode`] reads
/// those.
///
/// # Errors
/// If `text` is no encoding of a byte string.
pub fn decode_any(text: &[u8]) -> Result<Vec<u8>, Base64Fault> {
    let padding = text.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let bare = text.get(..text.len().saturating_sub(padding)).unwrap_or_default();
    let plain = |byte: &u8| match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => *other,
    };
    if bare.iter().any(|byte| matches!(byte, b'+' | b'/')) {
        return decode(&zeroize::Zeroizing::new(bare.iter().map(plain).collect::<Vec<_>>()));
    }
    decode(bare)
}

/// Returns the first character outside the alphabet as the fault, or else `otherwise`.
fn fault(text: &[u8], otherwise: Base64Fault) -> Base64Fault {
    text.iter()
        .position(|character| group([*character]) == INVALID)
        .map_or(otherwise, |offset| Base64Fault::Character { offset })
}

/// Encodes `bytes`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let symbol = |bits: u8| {
        let index = usize::from(bits & 0x3f);
        char::from(ALPHABET.get(index).copied().unwrap_or_default())
    };
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    let (triples, rest) = bytes.as_chunks::<3>();
    for &[x, y, z] in triples {
        text.extend([symbol(x >> 2), symbol(x << 4 | y >> 4), symbol(y << 2 | z >> 6), symbol(z)]);
    }
    match *rest {
        [x] => text.extend([symbol(x >> 2), symbol(x << 4)]),
        [x, y] => text.extend([symbol(x >> 2), symbol(x << 4 | y >> 4), symbol(y << 2)]),
        _ => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_4648_vectors_go_both_ways() {
        let vectors: [(&[u8], &str); 8] = [
            (b"", ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg"),
            (b"fooba", "Zm9vYmE"),
            (b"foobar", "Zm9vYmFy"),
            (&[0xfb, 0xff, 0xbf], "-_-_"),
        ];
        for (bytes, text) in vectors {
            assert_eq!(encode(bytes), text);
            assert_eq!(decode(text.as_bytes()).as_deref(), Ok(bytes));
        }
    }

    #[test]
    fn r01_a_foreign_character_is_found_wherever_it_stands() {
        for foreign in ['+', '/', '=', '.', ' ', '\n', '\0', '"', '{'] {
            for offset in 0..7 {
                let mut text = String::from("Zm9vYmE");
                text.replace_range(offset..=offset, &foreign.to_string());
                assert_eq!(decode(text.as_bytes()), Err(Base64Fault::Character { offset }));
            }
        }
        assert_eq!(decode("é".as_bytes()), Err(Base64Fault::Character { offset: 0 }));
    }

    #[test]
    #[cfg_attr(miri, ignore = "too long")]
    fn r03_every_byte_string_has_one_spelling() {
        // All texts of one to three characters: each one that decodes must encode back to itself.
        let texts = ALPHABET.iter().flat_map(|a| {
            ALPHABET
                .iter()
                .flat_map(move |b| [vec![*a], vec![*a, *b], vec![b'A', *a, *b]].into_iter())
        });
        for text in texts {
            match decode(&text) {
                Ok(bytes) => assert_eq!(encode(&bytes).as_bytes(), text),
                Err(Base64Fault::Length) => assert_eq!(text.len(), 1),
                Err(fault) => assert_eq!(fault, Base64Fault::TrailingBits),
            }
        }
        assert_eq!(decode(b"Zg=="), Err(Base64Fault::Character { offset: 2 }));
        assert_eq!(decode(b"AAAAA"), Err(Base64Fault::Length));
    }

    #[test]
    fn key_sets_may_pad_and_use_the_other_alphabet() {
        for text in ["-_-_-w", "-_-_-w==", "+/+/+w==", "+/-_+w"] {
            assert_eq!(decode_any(text.as_bytes()).unwrap(), [0xfb, 0xff, 0xbf, 0xfb], "{text}");
        }
        for text in ["Zg===", "=Zg", "Z=g", "Zm9v\n", " Zm9v", "Zm9v YmE", "Zh==", "AAAAA", "Zm.v"]
        {
            assert!(decode_any(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(decode_any(b""), Ok(Vec::new()));
    }
}
