//! Integers as big-endian bytes, as in keys and signatures.

/// Decodes hexadecimal digits.
pub fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The number without leading zeros, padded to `width` bytes. It must fit.
pub fn wide(number: &[u8], width: usize) -> Vec<u8> {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let short = &number[start..];
    let mut padded = vec![0; width - short.len()];
    padded.extend(short);
    padded
}

/// The sum, one byte wider than the wider of the two.
pub fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let width = a.len().max(b.len()) + 1;
    let (a, mut total) = (wide(a, width), wide(b, width));
    let mut carry = 0;
    for place in (0..width).rev() {
        let digit = u16::from(a[place]) + u16::from(total[place]) + carry;
        total[place] = digit.to_be_bytes()[1];
        carry = digit >> 8;
    }
    total
}

/// `a` minus `b`, as wide as `a`; `b` must not be greater.
pub fn difference(a: &[u8], b: &[u8]) -> Vec<u8> {
    let (mut rest, b) = (a.to_vec(), wide(b, a.len()));
    let mut borrow = 0;
    for place in (0..a.len()).rev() {
        let digit = 256 + u16::from(rest[place]) - u16::from(b[place]) - borrow;
        rest[place] = digit.to_be_bytes()[1];
        borrow = 1 - (digit >> 8);
    }
    assert_eq!(borrow, 0, "the difference is below zero");
    rest
}
