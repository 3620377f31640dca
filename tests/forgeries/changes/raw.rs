//! Changes to a token as text, regardless of its parts.

use super::Parts;
use crate::dice::Dice;

/// The characters of base64url.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Respells or damages a token.
pub(crate) fn change(dice: &mut Dice, token: &[u8]) -> Vec<u8> {
    match dice.below(10) {
        0 => dots(dice, token),
        1 => alphabet(dice, token),
        2 => loose_end(dice, token),
        3 => around(dice, token),
        4 => json(dice, token),
        5 => parts(dice, token),
        6 => cut(dice, token),
        _ => bytes(dice, token),
    }
}

/// Adds, removes and moves dots.
fn dots(dice: &mut Dice, token: &[u8]) -> Vec<u8> {
    let mut token = token.to_vec();
    let places: Vec<_> = (0..token.len()).filter(|place| token[*place] == b'.').collect();
    let to = dice.below(token.len());
    match dice.below(3) {
        0 => token.insert(to, b'.'),
        1 => {
            token.remove(*dice.pick(&places));
        }
        // Moves bytes from one part to another.
        _ => {
            token.remove(*dice.pick(&places));
            token.insert(to, b'.');
        }
    }
    token
}

/// Uses the other base64 alphabet, padding, and characters that lenient decoders skip.
fn alphabet(dice: &mut Dice, token: &[u8]) -> Vec<u8> {
    let ends: Vec<_> =
        (0..=token.len()).filter(|place| *place == token.len() || token[*place] == b'.').collect();
    let mut token = token.to_vec();
    match dice.below(3) {
        0 => {
            for byte in &mut token {
                *byte = match *byte {
                    b'-' => b'+',
                    b'_' => b'/',
                    other => other,
                };
            }
            token
        }
        1 => {
            let end = *dice.pick(&ends);
            const PADDING: &[&[u8]] = &[b"=", b"==", b"===", b"%3D", b"%3d%3d"];
            let padding = *dice.pick(PADDING);
            [&token[..end], padding, &token[end..]].concat()
        }
        _ => {
            let place = dice.below(token.len());
            const SKIPPED: &[&[u8]] =
                &[b"\n", b"\r\n", b" ", b"\t", b"\0", b"%", b"~", b"*", b"\xc2\xa0"];
            let skipped = *dice.pick(SKIPPED);
            [&token[..place], skipped, &token[place..]].concat()
        }
    }
}

/// Sets the unused bits at the end of a part: another encoding of the same bytes.
fn loose_end(dice: &mut Dice, token: &[u8]) -> Vec<u8> {
    let mut parts: Vec<Vec<u8>> = token.split(|byte| *byte == b'.').map(<[u8]>::to_vec).collect();
    let part = dice.below(parts.len());
    let unused = match parts[part].len() % 4 {
        2 => 15,
        3 => 3,
        _ => 0,
    };
    if let Some(last) = parts[part].last_mut()
        && let Some(value) = ALPHABET.iter().position(|one| one == last)
    {
        *last = ALPHABET[value ^ ((1 + dice.below(63)) & unused)];
    }
    parts.join(&b'.')
}

/// Adds text that people and proxies put around tokens.
fn around(dice: &mut Dice, token: &[u8]) -> Vec<u8> {
    const AROUND: &[(&[u8], &[u8])] = &[
        (b"Bearer ", b""),
        (b"\"", b"\""),
        (b" ", b""),
        (b"", b" "),
        (b"", b"\n"),
        (b"", b"\r\n"),
        (b"", b"\0"),
        (b"\xef\xbb\xbf", b""),
        (b".", b""),
        (b"", b"."),
        (b"", b".."),
        (b"", b"?a=b"),
        (b"", b"#a"),
        (b"<", b">"),
        (b"", b","),
        (b"token=", b""),
    ];
    let (before, after) = *dice.pick(AROUND);
    let middle = if dice.once_in(6) { [token, b",", token].concat() } else { token.to_vec() };
    [before, &middle[..], after].concat()
}

/// Writes the JSON serializations of the same JWS (RFC 7515, section 7.2), and mixtures.
fn json(dice: &mut Dice, token: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(token);
    let parts: Vec<_> = text.split('.').collect();
    let [header, payload, signature] = parts[..] else { return [b"{", token].concat() };
    match dice.below(4) {
        0 => {
            format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#)
        }
        1 => {
            let one = format!(r#"{{"protected":"{header}","signature":"{signature}"}}"#);
            format!(r#"{{"payload":"{payload}","signatures":[{one}]}}"#)
        }
        // Dots where a parser looks for them, in a member that is cut there.
        2 => format!(r#"{{"a":".{payload}.","signature":"{signature}"}}"#),
        _ => format!(r#"{header}.{payload}.{{"signature":"{signature}"}}"#),
    }
    .into_bytes()
}

/// Duplicates, swaps or empties parts, or makes five, as if the token were encrypted.
fn parts(dice: &mut Dice, token: &[u8]) -> Vec<u8> {
    let mut parts: Vec<Vec<u8>> = token.split(|byte| *byte == b'.').map(<[u8]>::to_vec).collect();
    let (one, other) = (dice.below(parts.len()), dice.below(parts.len()));
    match dice.below(6) {
        0 => parts.swap(one, other),
        1 => parts[one].clear(),
        2 => parts[one] = parts[other].clone(),
        3 => parts.insert(one, parts[other].clone()),
        4 => parts.extend([Vec::new(), Vec::new()]),
        _ => {
            parts.remove(one);
        }
    }
    parts.join(&b'.')
}

/// Removes, duplicates or moves a piece.
fn cut(dice: &mut Dice, token: &[u8]) -> Vec<u8> {
    let (begin, other) = (dice.below(token.len()), dice.below(token.len()));
    let end = (begin + 1 + dice.below(40)).min(token.len());
    match dice.below(4) {
        0 => token[..begin].to_vec(),
        1 => [&token[..begin], &token[end..]].concat(),
        2 => [&token[..end], &token[begin..]].concat(),
        _ => [&token[..other], &token[begin..end], &token[other..]].concat(),
    }
}

/// Replaces a few characters with other valid ones.
fn bytes(dice: &mut Dice, token: &[u8]) -> Vec<u8> {
    let mut token = token.to_vec();
    for _ in 0..=dice.below(3) {
        let place = dice.below(token.len());
        if dice.once_in(8) {
            token[place] = dice.byte();
        } else if token[place] != b'.' {
            token[place] = *dice.pick(ALPHABET);
        }
    }
    token
}

/// Changes the bytes of a signature, or replaces it with an invalid one.
pub(crate) fn signature(dice: &mut Dice, token: &[u8]) -> Vec<u8> {
    let mut parts = Parts::of(token);
    let length = parts.signature.len();
    let half = length / 2;
    let bytes = &mut parts.signature;
    match dice.below(9) {
        0 => bytes[dice.below(length)] ^= 1 << dice.below(8),
        1 => bytes[dice.below(length)] = dice.byte(),
        // Both halves are numbers in ECDSA and EdDSA (T04).
        2 => bytes.rotate_left(half),
        3 => {
            let value = *dice.pick(&[0, 1, 0xff, 0x7f, 0x80]);
            let (from, to) = *dice.pick(&[(0, length), (0, half), (half, length)]);
            bytes[from..to].fill(value);
        }
        4 => bytes.truncate(dice.below(length)),
        5 => bytes.extend((0..=dice.below(40)).map(|_| 0)),
        6 => bytes.insert(0, 0),
        // ASN.1, in which other protocols write the two numbers.
        7 => {
            let (r, s) = bytes.split_at(half);
            let number = |half: &[u8]| {
                let head = if half[0] >= 0x80 { vec![2, 0, 0] } else { vec![2, 0] };
                let mut all = [&head[..], half].concat();
                all[1] = u8::try_from(all.len() - 2).unwrap_or(0x7f);
                all
            };
            let both = [number(r), number(s)].concat();
            *bytes = [&[0x30, u8::try_from(both.len()).unwrap_or(0x7f)][..], &both].concat();
        }
        _ => add_order(dice, bytes),
    }
    parts.join()
}

/// Adds the group order of Ed25519 to the second number: the same signature for a verifier that
/// does not compare it with the order (RFC 8032, section 8.4).
fn add_order(dice: &mut Dice, signature: &mut [u8]) {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    for _ in 0..=dice.below(8) {
        let mut carry = 0;
        for (byte, more) in signature.iter_mut().skip(32).zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(more) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
    }
}
