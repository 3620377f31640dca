//! Ed25519 points of small order (RFC 7748, section 7; RFC 8032, section 8.9; Cremers and Jackson,
//! "Prime, Order Please!"). If such a point is used as a public key, anybody can make signatures
//! for it: an all-zero signature verifies for one in every few messages.

/// Returns true if a point, in any encoding, has an order of at most eight.
pub(super) fn is_small(key: &[u8; 32]) -> bool {
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let mut y = *key;
    // The highest bit is the sign of the other coordinate.
    let [.., last] = &mut y;
    *last &= 0x7f;
    let [first, middle @ .., last] = y;
    let filled = |byte| middle.iter().all(|one| *one == byte);
    // The coordinate is 0, 1 or -1 (the field's prime is 2^255 - 19), in canonical or non-canonical
    // form.
    (first <= 1 && filled(0) && last == 0)
        || ((0xec..=0xee).contains(&first) && filled(0xff) && last == 0x7f)
        || ORDER_8.contains(&y)
}
