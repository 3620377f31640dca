//! Tests with header blocks as clients write them, whole and split at every position.

use super::*;
use proptest::prelude::*;

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    let length = |text: &[u8]| u8::try_from(text.len()).unwrap();
    [&[0x40, length(name)], name, &[length(value)], value].concat()
}

/// Repairs `bytes` whole, and split at every position; all results must agree.
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
    // An indexed name, as Java sends it.
    let indexed = |value: &[u8]| [&[0x41, u8::try_from(value.len()).unwrap()], value].concat();
    assert_eq!(repaired(&frame(1, 4, &indexed(b"/run/s"))), frame(1, 4, &indexed(b"-run-s")));
    // Literals that are never indexed, and without indexing.
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

/// The symbols with codes of 5, 6 and 7 bits, in the order of their codes, and the first
/// code of each length (RFC 7541, appendix B).
const SHORT: [(usize, u32, &str); 3] = [
    (5, 0x0, "012aceiost"),
    (6, 0x14, " %-./3456789=A_bdfghlmnpru"),
    (7, 0x5c, ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
];

/// The code of a character and its length in bits.
fn code(character: char) -> (u32, usize) {
    let find = |(length, first, all): &(usize, u32, &str)| {
        let place = all.chars().position(|one| one == character)?;
        Some((first + u32::try_from(place).unwrap(), *length))
    };
    SHORT.iter().find_map(find).unwrap()
}

/// Encodes in Huffman code, padded with ones.
fn coded(text: &str) -> Vec<u8> {
    let bits: String = text
        .chars()
        .map(|character| {
            let (code, length) = code(character);
            format!("{code:0length$b}")
        })
        .collect();
    let padded = format!("{bits}{}", "1".repeat(bits.len().next_multiple_of(8) - bits.len()));
    padded
        .as_bytes()
        .chunks(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect()
}

/// Decodes Huffman code.
fn decoded(bytes: &[u8]) -> String {
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let (mut text, mut rest) = (String::new(), &*bits);
    'symbols: loop {
        for (length, _, all) in SHORT {
            for character in all.chars() {
                let (number, _) = code(character);
                if let Some(more) = rest.strip_prefix(&*format!("{number:0length$b}")) {
                    text.push(character);
                    rest = more;
                    continue 'symbols;
                }
            }
        }
        assert!(rest.len() < 8 && rest.chars().all(|bit| bit == '1'), "{rest}");
        return text;
    }
}

/// A field with a Huffman-coded value after `head`.
fn huffman(head: &[u8], value: &[u8]) -> Vec<u8> {
    [head, &[0x80 | u8::try_from(value.len()).unwrap()], value].concat()
}

#[test]
fn huffman_code_is_repaired_at_every_alignment() {
    // The example of RFC 7541, appendix C.4.1.
    assert_eq!(coded("www.example.com"), b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff");
    let mut names = [b"\x41".to_vec(), b"\x01".to_vec(), b"\x11".to_vec(), literal_name(false)];
    names.sort();
    for head in names.into_iter().chain([literal_name(true)]) {
        // Symbols of 5 and 7 bits before them shift the rest to every bit position.
        for before in 0..8 {
            for character in ['%', '/', ' '] {
                let value = format!("{}{character}x{character}{character}k", "0:".repeat(before));
                let sent = frame(1, 4, &huffman(&head, &coded(&value)));
                let received = repaired(&sent);
                let text = decoded(&received[9 + head.len() + 1..]);
                let expected = value.replace('%', ".").replace(' ', "-").replace('/', "3");
                assert_eq!(text, expected);
                assert_eq!(repaired(&received), received, "nothing is left to repair");
            }
        }
    }
}

#[test]
fn the_end_of_every_symbol_is_found() {
    // The first and the last code of each length (RFC 7541, appendix B).
    for (length, codes) in [
        (5, [0x0, 0x9]),
        (6, [0x15, 0x2d]),
        (7, [0x5c, 0x7b]),
        (8, [0xf8, 0xfd]),
        (10, [0x3f8, 0x3fc]),
        (11, [0x7fa, 0x7fc]),
        (12, [0xffa, 0xffb]),
        (13, [0x1ff8, 0x1ffd]),
        (14, [0x3ffc, 0x3ffd]),
        (15, [0x7ffc, 0x7ffe]),
        (19, [0x7_fff0, 0x7_fff2]),
        (20, [0xf_ffe6, 0xf_ffed]),
        (21, [0x1f_ffdc, 0x1f_ffe8]),
        (22, [0x3f_ffd2, 0x3f_ffeb]),
        (23, [0x7f_ffd8, 0x7f_fff4]),
        (24, [0xff_ffea, 0xff_fff5]),
        (25, [0x1ff_ffec, 0x1ff_ffef]),
        (26, [0x3ff_ffe0, 0x3ff_ffee]),
        (27, [0x7ff_ffde, 0x7ff_fff0]),
        (28, [0xfff_ffe2, 0xfff_fffe]),
        (30, [0x3fff_fffc, 0x3fff_ffff]),
    ] {
        for code in codes {
            // A `/` after it is recognized only if the end was.
            let bits = format!("{code:0length$b}011000");
            let padded = format!("{bits:1<48}");
            let mut symbols = huffman::Symbols::default();
            let mut changed = String::new();
            for byte in padded.as_bytes().chunks(8) {
                let text = std::str::from_utf8(byte).unwrap();
                let mut byte = u8::from_str_radix(text, 2).unwrap();
                symbols.repair(&mut byte);
                changed.push_str(&format!("{byte:08b}"));
            }
            assert_eq!(changed.get(length..length + 6), Some("011001"), "{code:x}");
        }
    }
}

fn literal_name(is_huffman: bool) -> Vec<u8> {
    if is_huffman {
        return huffman(&[0x40], &coded(":authority"));
    }
    [&[0x40, 10][..], b":authority"].concat()
}

#[test]
fn other_fields_in_huffman_code_pass_unchanged() {
    for head in [b"\x44".to_vec(), huffman(&[0x40], &coded(":path")), huffman(&[0], &coded("x"))] {
        let sent = frame(1, 4, &huffman(&head, &coded("/a%b c")));
        assert_eq!(repaired(&sent), sent);
    }
    // An indexed field of the dynamic table, a change of its size, and then `:authority`.
    let block = |value: &[u8]| [&[0xbe, 0x3f, 0xe1, 0x1f, 0xff, 0x80, 0x01][..], value].concat();
    let sent = frame(1, 4, &block(&huffman(b"\x41", &coded("/"))));
    assert_eq!(repaired(&sent), frame(1, 4, &block(&huffman(b"\x41", &coded("3")))));
}

#[test]
fn a_long_path_is_repaired_to_its_end() {
    for length in [126, 127, 128, 255, 300] {
        let value = "/".repeat(length);
        let head = |length: usize| {
            let mut head = vec![0x41];
            match length.checked_sub(127) {
                None => head.push(u8::try_from(length).unwrap()),
                Some(mut rest) => {
                    head.push(127);
                    while rest >= 128 {
                        head.push(u8::try_from(rest % 128).unwrap() | 0x80);
                        rest /= 128;
                    }
                    head.push(u8::try_from(rest).unwrap());
                }
            }
            head
        };
        let sent = frame(1, 4, &[head(length), value.into_bytes()].concat());
        let expected = frame(1, 4, &[head(length), vec![b'-'; length]].concat());
        assert_eq!(repaired(&sent), expected);
    }
}

proptest! {
    /// Checks that only the value of `:authority` changes, only where it must, and at equal length,
    /// whatever else is in the block.
    #[test]
    fn only_what_must_change_changes(
        fields in prop::collection::vec(("[0-9a-z]{1,6}", "[ %-./0-9A-Ya-z:=_]{0,20}", any::<[bool; 2]>()), 0..6),
        authority in "[ %-./0-9A-Ya-z:=_]{0,40}",
        place in 0..6_usize,
        is_coded in any::<[bool; 2]>(),
        split in any::<prop::sample::Index>(),
    ) {
        // `-` to `.` is a range in the expression above; only these have short codes.
        let short = |text: &str| -> String {
            text.chars().filter(|one| SHORT.iter().any(|(_, _, all)| all.contains(*one))).collect()
        };
        let write = |name: &str, value: &str, [name_coded, value_coded]: [bool; 2]| {
            let name = if name_coded { huffman(&[0x40], &coded(name)) } else {
                [&[0x40, u8::try_from(name.len()).unwrap()], name.as_bytes()].concat()
            };
            if value_coded { return huffman(&name, &coded(value)) }
            [&name[..], &[u8::try_from(value.len()).unwrap()], value.as_bytes()].concat()
        };
        let block = |authority: &str| {
            let mut all: Vec<_> = fields.iter().map(|(name, value, how)| write(name, &short(value), *how)).collect();
            all.insert(place.min(all.len()), write(":authority", authority, is_coded));
            all.concat()
        };
        let authority = short(&authority);
        let expected = if is_coded[1] {
            authority.replace('%', ".").replace(' ', "-").replace('/', "3")
        } else {
            authority.replace(['%', ' ', '/'], "-")
        };
        let cut = |block: Vec<u8>| {
            let (first, second) = block.split_at(split.index(block.len()));
            [frame(1, 0, first), frame(9, 4, second), frame(0, 1, b"/%data")].concat()
        };
        prop_assert_eq!(repaired(&cut(block(&authority))), cut(block(&expected)));
    }
}
